"""What the autoencoder keeps (report section 2.3, Table 2): pictures are encoded, decoded and compared.

What is asked: to reconstruct each picture; there is no prompt, and the transformer takes no part.
Who judges: arithmetic. PSNR and SSIM between the picture and its reconstruction, see `hanmo.evaluate.fidelity`; equal
pictures count 100 dB.
The figures: the means over text-rich pictures, and over natural ones.

The report measures ImageNet's validation set at 256x256 and an inner set of text-rich pictures; it names neither the
crop nor SSIM's window, so figures compare only in kind. Here, at `size` pixels square:

    text               paragraphs, pages and cards, drawn (`drawn_texts.py`)
    natural            the pictures of a folder of yours (`pictures`): the largest square in the middle, Lanczos
    synthetic scenes   without such a folder: rendered solids as a stand-in; they are smooth, hence easier than
                       photographs, and must not be called natural

There is no official script to be compatible with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image, ImageOps

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile, refuse_compat
from hanmo.evaluate.benchmarks.drawn_texts import drawn_text, looks
from hanmo.evaluate.benchmarks.group_means import group_means
from hanmo.evaluate.benchmarks.likeness import likeness
from hanmo.evaluate.benchmarks.solid_views import drawn
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_CONTENTS = ("text", "natural", "synthetic scenes")


@dataclass(frozen=True)
class Reconstruction:
    """See the module.

    Attributes:
        pictures: a folder of natural pictures; "" takes synthetic scenes instead.
        count: text pictures, and synthetic scenes; of a folder all pictures count.
        size: pixels of a side; a multiple of 16.
        official_compat: refused: there is no official script.

    Raises:
        RequestError: no picture, or a size that the autoencoder does not take.
    """

    pictures: str = ""
    count: int = 48
    size: int = 256
    official_compat: bool = False
    name: ClassVar[str] = "vae"
    title: ClassVar[str] = "VAE reconstruction"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {}
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check every field."""
        refuse_compat(self.name, self.official_compat)
        if self.count < 1 or self.size < 128 or self.size % 16:
            raise RequestError(
                f"{self.count} pictures of {self.size} pixels cannot be reconstructed: take 1 or more, of a multiple "
                "of 16 pixels, 128 at least"
            )

    def load(self, data: Path) -> list[Prompt]:
        """See `Benchmark`; each prompt's truth says which picture it is."""
        kinds = looks(self.size)
        prompts = [
            self._prompt(f"text-{n:04d}", {"number": n}, "text", kinds[n % len(kinds)]) for n in range(self.count)
        ]
        if not self.pictures:
            return prompts + [
                self._prompt(f"scene-{n:04d}", {"number": n}, "synthetic scenes", "solids") for n in range(self.count)
            ]
        folder = Path(self.pictures)
        found = sorted(path.name for path in folder.glob("*") if path.suffix.lower() in _SUFFIXES)
        if not found:
            raise RequestError(f"the folder {folder} holds no picture ({', '.join(sorted(_SUFFIXES))})")
        return prompts + [
            self._prompt(f"natural-{n:05d}-{_plain(name)}", {"picture": name}, "natural", "photograph")
            for n, name in enumerate(found)
        ]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """See `Benchmark`."""
        match prompt.groups["content"]:
            case "text":
                return [drawn_text(prompt.truth["number"], self.size)[1]]
            case "natural":
                return [squared(Path(self.pictures) / prompt.truth["picture"], self.size)]
            case _:
                return [drawn(prompt.truth["number"], self.size)]

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """See `Benchmark`."""
        (true,) = self.sources(prompt, data)
        return [Score(likeness(made, true), number) for number, made in enumerate(pictures)]

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """PSNR and SSIM of each kind of content, then of each look of text."""
        table: dict[str, float] = {}
        for group, order in (("content", _CONTENTS), ("look", looks(self.size))):
            parts = {name: group_means(results, group, name, order) for name in ("PSNR", "SSIM")}
            keys = [key for key in parts["PSNR"] if group == "content" or key in order]
            table |= {f"{name} {key}": part[key] for key in keys for name, part in parts.items()}
        return table

    def _prompt(self, key: str, known: Mapping[str, object], content: str, look: str) -> Prompt:
        return Prompt(key, "", "reconstruct", known, {"content": content, "look": look}, (self.size, self.size))


def squared(path: Path, size: int) -> Image.Image:
    """The largest square in the middle of a picture file, RGB, `size` pixels wide; turned as its EXIF says.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError) as error:
        raise RequestError(f"{path} cannot be read ({error}); take it out of the folder") from None
    return ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)


def _plain(name: str) -> str:
    """The part of a file's name that may name another."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", Path(name).stem)[:60]
