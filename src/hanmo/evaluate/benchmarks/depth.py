"""Monocular depth (report section 5, novel view and depth): a picture is edited into its depth map.

What is asked: one instruction for all pictures of five data sets: NYUv2, KITTI, ScanNet, DIODE, ETH3D. The report does
not quote its instruction, and the model it measures was tuned for the task; `instruction` is ours.
Who judges: arithmetic. The painted map is read as the mean of its three channels, resized (bilinear) to the truth, and
aligned by least squares up to scale and shift (`depth_alignment.py`); ranges, crops and masks are in `depth_sets.py`.
The figures: AbsRel (lower is better) and delta1 (0-1), the mean over each data set's pictures. The mean over the data
sets stands first; it is not in the report.

`encoding` says what a painted grey is linear in: "disparity" (1 / depth, as Hanmo's own pairs and DepthPro's pictures
show it) or "depth" (as Marigold's). White may be near or far: the alignment finds out.

Marigold's script, where it differs (`official_compat=True`): ETH3D is aligned on 1024 of its 6048 columns, and a
disparity of 0 (black) takes no part in the alignment, though it does in the figures.

The data sets are not here and are not fetched: each has terms of its own. Put them into the data folder as
`depth_sets.py` says; `sets` names those that are to be measured. `split="synthetic"` needs no data: scenes of solids
with exact depth (`solid_views.py`), which say whether a small model has learnt the task, not how it compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks.depth_alignment import score_depth
from hanmo.evaluate.benchmarks.depth_sets import SETS, names, picture, truth
from hanmo.evaluate.benchmarks.group_means import group_means, mean
from hanmo.evaluate.benchmarks.solid_views import drawn, true_depth
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

_ENCODINGS = ("disparity", "depth")
_SPLITS = ("real", "synthetic")
_SYNTHETIC = "synthetic solids"


@dataclass(frozen=True)
class Depth:
    """See the module.

    Attributes:
        split: "real", the five data sets, or "synthetic".
        sets: which of the five, with commas between.
        encoding: what the painted grey is linear in.
        instruction: what the generator is told.
        count: scenes of the synthetic split.
        size: pixels of a side of a synthetic picture; a multiple of 16.
        official_compat: align as the official script does.

    Raises:
        RequestError: a value that is not one of these.
    """

    split: str = "real"
    sets: str = "nyuv2,kitti,scannet,diode,eth3d"
    encoding: str = "disparity"
    instruction: str = "Turn this picture into its depth map: near is white, far is black"
    count: int = 50
    size: int = 256
    official_compat: bool = False
    name: ClassVar[str] = "depth"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ()
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {}
    percent: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Check every field."""
        for given, allowed in ((self.split, _SPLITS), (self.encoding, _ENCODINGS)):
            if given not in allowed:
                raise RequestError(f"depth cannot be measured with {given!r}; choose one of {', '.join(allowed)}")
        unknown = [name for name in self.sets.split(",") if name not in SETS]
        if unknown:
            raise RequestError(f"depth has no data set {unknown[0]!r}; choose from {','.join(SETS)}")
        if self.count < 1 or self.size < 16 or self.size % 16:
            raise RequestError(f"{self.count} scenes of {self.size} pixels; take 1 or more, of a multiple of 16 pixels")

    @property
    def title(self) -> str:
        """See `Benchmark`."""
        return "Depth" if self.split == "real" else "Depth of synthetic solids"

    @property
    def lower_is_better(self) -> frozenset[str]:
        """See `Benchmark`."""
        return frozenset({"AbsRel", *(f"AbsRel {name}" for name in self._groups())})

    def load(self, data: Path) -> list[Prompt]:
        """See `Benchmark`."""
        if self.split == "synthetic":
            return [
                self._prompt(f"solids-{n:03d}", {"number": n}, _SYNTHETIC, (self.size, self.size))
                for n in range(self.count)
            ]
        return [
            self._prompt(f"{key}-{n:05d}", {"set": key, "picture": name}, SETS[key].title, None)
            for key in self.sets.split(",")
            for n, name in enumerate(names(data / "depth", SETS[key]))
        ]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """See `Benchmark`."""
        if self.split == "synthetic":
            return [drawn(prompt.truth["number"], self.size)]
        return [picture(data / "depth", SETS[prompt.truth["set"]], prompt.truth["picture"])]

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """See `Benchmark`."""
        limits: dict[str, float] = {}
        if self.split == "synthetic":
            true, valid = true_depth(prompt.truth["number"], self.size)
            side = None
        else:
            one = SETS[prompt.truth["set"]]
            true, valid = truth(data / "depth", one, prompt.truth["picture"])
            limits, side = {"nearest": one.nearest, "furthest": one.furthest}, one.fit_side
        scores = []
        for number, painted in enumerate(pictures):
            found = score_depth(
                grey_map(painted, true.shape[1], true.shape[0]),
                true,
                valid,
                disparity=self.encoding == "disparity",
                fit_side=side if self.official_compat else None,
                without_black=self.official_compat and self.encoding == "disparity",
                **limits,
            )
            values = {"AbsRel": found.absrel, "delta1": found.delta1}
            scores.append(Score(values, number, {"scale": found.scale, "shift": found.shift}))
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """AbsRel and delta1 of each data set that is there, their means first."""
        parts = {name: group_means(results, "set", name, self._groups()) for name in ("AbsRel", "delta1")}
        table = {name: mean(part.values()) for name, part in parts.items()}
        return table | {f"{name} {key}": part[key] for key in parts["AbsRel"] for name, part in parts.items()}

    def _groups(self) -> list[str]:
        return [_SYNTHETIC] if self.split == "synthetic" else [SETS[key].title for key in self.sets.split(",")]

    def _prompt(self, key: str, known: Mapping[str, object], group: str, size: tuple[int, int] | None) -> Prompt:
        return Prompt(key, self.instruction, "edit", known, {"set": group}, size)


def grey_map(painted: Image.Image, width: int, height: int) -> Float64[np.ndarray, "H W"]:
    """The mean of the three channels, 0-255, resized (bilinear) without rounding."""
    grey = np.asarray(painted.convert("RGB"), dtype=np.float32).mean(axis=2)
    resized = Image.fromarray(grey).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float64)
