"""What a request says of one control picture: which ControlNet watches it, how strongly, and when.

Everything that needs neither the net nor the picture's pixels is checked here. It knows no tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from hanmo.errors import RequestError


@dataclass(frozen=True)
class ControlImage:
    """A control picture.

    Attributes:
        name: of the ControlNet, as `Pipeline.load_controlnet` was told.
        image: what guides the picture (edges, depth, a pose, ...); for Inpainting nets the picture to repaint.
        scale: how strongly; 1.0 as trained.
        start: the part of the run before which the control is not used, 0 to 1.
        end: the part after which it is no longer used, above `start` and at most 1.
        mask: Inpainting nets only: white is painted anew, black is kept.

    Raises:
        RequestError: at construction, in one line, for anything that no ControlNet could do.
    """

    name: str
    image: Image.Image | Path | str
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0
    mask: Image.Image | Path | str | None = None

    def __post_init__(self) -> None:
        """Check everything that needs no net."""
        if not self.name:
            raise RequestError("a control picture names no ControlNet: give the name of a loaded one")
        if not math.isfinite(self.scale):
            raise RequestError(f"control scale {self.scale} is not allowed: give a number, 1 as trained")
        if not 0 <= self.start < self.end <= 1:
            raise RequestError(
                f"control range {self.start} to {self.end} is not allowed: give a start and a later end, both 0 to 1"
            )

    def record(self) -> dict[str, Any]:
        """What describes it, ready for JSON; pictures are not kept."""
        values = {"name": self.name, "scale": self.scale, "start": self.start, "end": self.end}
        return values | ({"mask": True} if self.mask is not None else {})
