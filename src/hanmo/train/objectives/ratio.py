"""The ratio between reconstruction and perceptual loss, adjusted while the decoder is tuned (report section 2.3).

The report says that the ratio is adjusted dynamically and that this removes grid artefacts; it does not say how. Ours
is the quotient of the norms of both losses' gradients at the decoder's last layer, as Esser et al. (VQGAN, 2021) weigh
an adversarial loss: the two then pull with the same strength whatever their units are. Both norms are averaged over the
steps so far (d old + (1 - d) new; the missing start cancels in the quotient), and the quotient is bounded: a decoder
that paints one flat colour has next to no perceptual gradient, and the quotient alone would let that loss decide
everything. The averages are buffers, so that a snapshot holds them and a resumed run goes on with the same ratio. The
other way is a schedule.

It does not know which losses they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanmo.errors import ConfigError


@dataclass(frozen=True)
class RatioConfig:
    """How much the perceptual loss counts; the reconstruction's weight is 1.

    Attributes:
        kind: "gradient" measures it at every step; "schedule" reads it off `points`.
        share: how strongly the perceptual loss pulls, as a multiple of the reconstruction; above 0.
        smooth: decay of the averages of both norms, 0 (none) to below 1.
        least: smallest ratio.
        most: largest ratio.
        points: (fraction of the run, ratio), in order; between them the ratio goes in a line.
    """

    kind: Literal["gradient", "schedule"] = "gradient"
    share: float = 1.0
    smooth: float = 0.98
    least: float = 0.05
    most: float = 20.0
    points: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        if self.share <= 0 or not 0 <= self.smooth < 1:
            raise ConfigError(
                f"ratio.share is {self.share} and ratio.smooth {self.smooth}; share must be above 0, smooth in [0, 1)"
            )
        if not 0 <= self.least <= self.most:
            raise ConfigError(f"ratio.least is {self.least} and ratio.most {self.most}; give 0 <= least <= most")
        when = [at for at, _ in self.points]
        rising = bool(when) and when == sorted(set(when)) and when[0] >= 0 and when[-1] <= 1
        if not rising or min(ratio for _, ratio in self.points) < 0:
            raise ConfigError(
                f"ratio.points is {[list(point) for point in self.points]}; give pairs of a fraction of the run, rising"
                " from 0 to 1, and a ratio of 0 or more"
            )


class Ratio(nn.Module):
    """The ratio of a run; its buffers are the averaged norms of the gradients, reconstruction's first."""

    norms: Tensor

    def __init__(self, config: RatioConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("norms", torch.zeros(2))

    def measure(
        self, reconstruction: Float[Tensor, ""], perceptual: Float[Tensor, ""], last: nn.Parameter
    ) -> Float[Tensor, ""]:
        """Take in the gradients of both losses at `last`, and return the ratio that they give now."""
        new = torch.stack(
            [
                torch.linalg.vector_norm(torch.autograd.grad(loss, last, retain_graph=True)[0].float())
                for loss in (reconstruction, perceptual)
            ]
        )
        self.norms.lerp_(new.to(self.norms), 1.0 - self.config.smooth)
        quotient = self.norms[0] / self.norms[1].clamp(min=1e-30)
        return (self.config.share * quotient).clamp(self.config.least, self.config.most)

    def scheduled(self, done: float) -> float:
        """The ratio after the fraction `done` of the run; before the first point and after the last it stays."""
        points = self.config.points
        for (start, low), (stop, high) in pairwise(points):
            if start <= done < stop:
                return low + (high - low) * (done - start) / (stop - start)
        return points[0][1] if done < points[0][0] else points[-1][1]

    def forward(
        self, reconstruction: Float[Tensor, ""], perceptual: Float[Tensor, ""], last: nn.Parameter, done: float
    ) -> Float[Tensor, ""]:
        """The ratio of this step, without a gradient; a measured one changes the averages."""
        if self.config.kind == "schedule":
            return torch.tensor(self.scheduled(done), device=reconstruction.device)
        return self.measure(reconstruction, perceptual, last)
