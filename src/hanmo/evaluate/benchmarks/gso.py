"""Novel views of Google Scanned Objects (Downs et al. 2022; report section 5): a picture of an object from elsewhere.

What is asked: "move the camera so many degrees to the left or right around the object", of one picture of it. The
report names neither its objects and angles nor its instruction, so its figures compare only in kind.
Who judges: arithmetic, between the made and the true view: PSNR and SSIM (`hanmo.evaluate.fidelity`), and with
`lpips=True` LPIPS (`hanmo.evaluate.judges.lpips`), whose weights must be on this machine. A made view of another size
is resized (bicubic) to the true one. Equal pictures count 100 dB, since the mean of a set must be finite.
The figures: the mean over all views.

The scans are CC BY 4.0 and need rendering, so there is nothing to fetch. Put rendered views into the data folder as

    gso/objects/OBJECT/000.png, 030.png, 330.png ...

named by azimuth: by how many degrees the camera has moved to its own right. 000.png is what the generator is shown;
every other view is a prompt; beyond 180 the way is to the left. Transparent grounds become white.
`split="synthetic"` needs no data: scenes of solids rendered from each side (`solid_views.py`). There is no official
script to be compatible with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile, refuse_compat
from hanmo.evaluate.benchmarks.group_means import group_means, mean, prompt_means
from hanmo.evaluate.benchmarks.likeness import likeness
from hanmo.evaluate.benchmarks.solid_views import drawn
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

if TYPE_CHECKING:
    from hanmo.evaluate.judges.lpips import Lpips

_ANGLES = (30, 60, 90, 270, 300, 330)
"""Of the synthetic split: both ways."""


@dataclass(frozen=True)
class GSO:
    """See the module.

    Attributes:
        split: "objects", the rendered scans in the data folder, or "synthetic".
        instruction: what the generator is told; {degrees} and {way} ("left", "right") are filled in.
        count: scenes of the synthetic split, six views each.
        size: pixels of a side of a synthetic picture; a multiple of 16.
        lpips: also measure LPIPS, which needs a network's weights (a missing file is named before any picture).
        official_compat: refused: there is no official script.

    Raises:
        RequestError: a value that is not one of these.
    """

    split: str = "objects"
    instruction: str = "Move the camera {degrees} degrees to the {way} around the objects"
    count: int = 10
    size: int = 256
    lpips: bool = False
    official_compat: bool = False
    name: ClassVar[str] = "gso"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {}
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"LPIPS"})

    def __post_init__(self) -> None:
        """Check every field."""
        refuse_compat(self.name, self.official_compat)
        if self.split not in ("objects", "synthetic"):
            raise RequestError(f"gso has no split {self.split!r}; choose objects or synthetic")
        if self.count < 1 or self.size < 16 or self.size % 16:
            raise RequestError(f"{self.count} scenes of {self.size} pixels; take 1 or more, of a multiple of 16 pixels")

    @property
    def title(self) -> str:
        """See `Benchmark`."""
        return "GSO novel views" if self.split == "objects" else "Novel views of synthetic solids"

    def load(self, data: Path) -> list[Prompt]:
        """See `Benchmark`."""
        if self.lpips:
            perceptual()
        if self.split == "synthetic":
            return [self._prompt(f"{n:03d}", angle) for n in range(self.count) for angle in _ANGLES]
        folder = data / "gso" / "objects"
        odd = [path for path in sorted(folder.glob("*")) if not re.fullmatch(r"[\w.-]+", path.name, re.ASCII)]
        if odd:
            raise RequestError(f"{odd[0]}: name an object's folder with letters, digits, '-', '_' and '.' only")
        prompts = [self._prompt(path.parent.name, _azimuth(path)) for path in sorted(folder.glob("*/*.png"))]
        first = {path.parent.name for path in folder.glob("*/000.png")}
        lacking = [prompt for prompt in prompts if prompt.truth["object"] not in first]
        if not prompts or lacking:
            missing = folder / (lacking[0].truth["object"] if lacking else "OBJECT") / "000.png"
            raise RequestError(
                f"gso needs rendered views such as {missing} (the view that is shown) and 030.png beside it (30 "
                "degrees to the right); render them, or take split=synthetic"
            )
        return [prompt for prompt in prompts if prompt.truth["azimuth"]]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """See `Benchmark`."""
        return [self._view(prompt, 0, data)]

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """See `Benchmark`."""
        true = self._view(prompt, prompt.truth["azimuth"], data)
        scores = []
        for number, made in enumerate(pictures):
            view = made.convert("RGB")
            view = view if view.size == true.size else view.resize(true.size, Image.Resampling.BICUBIC)
            values = likeness(view, true)
            if self.lpips:
                values["LPIPS"] = perceptual().distance(view, true)
            scores.append(Score(values, number))
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The means over all views, and PSNR for each angle."""
        kinds = ("PSNR", "SSIM", "LPIPS") if self.lpips else ("PSNR", "SSIM")
        table = {name: mean(prompt_means(results, name)) for name in kinds}
        angles = group_means(results, "turn", "PSNR")
        return table | {f"PSNR {turn}": angles[turn] for turn in sorted(angles)}

    def _prompt(self, name: str, azimuth: int) -> Prompt:
        degrees, way = (azimuth, "right") if azimuth <= 180 else (360 - azimuth, "left")
        text = self.instruction.replace("{degrees}", str(degrees)).replace("{way}", way)
        known = {"object": name, "azimuth": azimuth}
        size = (self.size, self.size) if self.split == "synthetic" else None
        return Prompt(f"{name}-{azimuth:03d}", text, "edit", known, {"turn": f"{way} {degrees:03d}"}, size)

    def _view(self, prompt: Prompt, azimuth: int, data: Path) -> Image.Image:
        name = str(prompt.truth["object"])
        if self.split == "synthetic":
            return drawn(int(name), self.size, azimuth)
        path = data / "gso" / "objects" / name / f"{azimuth:03d}.png"
        if not path.is_file():
            raise RequestError(f"gso needs {path}, which is not there any more")
        with Image.open(path) as image:
            view = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", view.size, "white"), view).convert("RGB")


@cache
def perceptual() -> Lpips:
    """LPIPS with the weights of this machine, read once.

    Raises:
        RequestError: they are not here.
    """
    from hanmo.evaluate.judges.lpips import Lpips

    return Lpips()


def _azimuth(path: Path) -> int:
    if not (path.stem.isdecimal() and len(path.stem) == 3 and int(path.stem) < 360):
        raise RequestError(f"{path} is not named by an azimuth of three digits, 000 to 359")
    return int(path.stem)
