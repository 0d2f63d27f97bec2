"""What comes back from the pipeline: pictures, their latents, seeds, and the request as it was run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.pipeline.pictures import Painting
from hanmo.pipeline.request import Request


@dataclass(frozen=True)
class Timings:
    """Wall-clock seconds of a run's three parts."""

    conditions: float
    denoise: float
    decode: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.conditions + self.denoise + self.decode

    def __add__(self, other: Timings) -> Timings:
        """Part by part."""
        return Timings(self.conditions + other.conditions, self.denoise + other.denoise, self.decode + other.decode)

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return {**asdict(self), "total": self.total}


@dataclass(frozen=True)
class Result:
    """The pictures of a run.

    Attributes:
        images: in the order of the prompts.
        seeds: one per picture; each paints its picture again, alone or in any batch.
        timings: seconds.
        safety: what a policy said of each picture; empty when none was asked.
        request: the request with every default filled in.
        latents: of each painted picture, normalised, on the CPU; None where only a window was painted.
    """

    images: list[Image.Image]
    seeds: tuple[int, ...]
    timings: Timings
    safety: Mapping[int, str]
    request: Request
    latents: tuple[Float[Tensor, "1 Z _ _"] | None, ...] = ()

    def painting(self, index: int = 0) -> Painting:
        """Picture number `index` with its latents, to go on from without encoding it anew."""
        return Painting(self.images[index], self.latents[index] if self.latents else None)
