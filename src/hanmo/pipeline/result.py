"""What comes back from the pipeline: pictures, their latents, seeds, and the request as it was run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.pipeline.pictures import Painting
from hanmo.pipeline.request import Request
from hanmo.safety.policy import Blocked, Verdict
from hanmo.safety.provenance import picture_record


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
        images: in the order of the prompts; a picture that a safety policy blocked is absent (see `outcomes`).
        seeds: one per prompt; each paints its picture again, alone or in any batch.
        timings: seconds.
        safety: what a policy said of each picture, by its number; empty when the policy is off.
        request: the request with every default filled in.
        latents: of each of `images`, normalised, on the CPU; None where only a window was painted.
        painter: what painted them: model, dtype, device.
    """

    images: list[Image.Image]
    seeds: tuple[int, ...]
    timings: Timings
    safety: Mapping[int, Verdict]
    request: Request
    latents: tuple[Float[Tensor, "1 Z _ _"] | None, ...] = ()
    painter: Mapping[str, str] = field(default_factory=dict)

    @property
    def outcomes(self) -> list[Image.Image | Blocked]:
        """For each prompt its picture, or why there is none."""
        painted = iter(self.images)
        verdicts = [self.safety.get(index) for index in range(len(self.request.prompts))]
        return [each if isinstance(each, Blocked) else next(painted) for each in verdicts]

    def record(self, index: int = 0) -> dict[str, Any]:
        """What the file of prompt number `index` keeps of its making, ready for JSON and `provenance.encode`."""
        return picture_record(self.request, index, **self.painter)

    def painting(self, index: int = 0) -> Painting:
        """Picture number `index` with its latents, to go on from without encoding it anew."""
        return Painting(self.images[index], self.latents[index] if self.latents else None)
