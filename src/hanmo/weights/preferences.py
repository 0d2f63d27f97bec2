"""What a checkpoint prefers to be asked for: sizes, steps, guidance, length of text (`hanmo.json`).

The published folders carry no such file; their values are the defaults here (report section 2 and the model
card). A small model needs others, so its folder has a `hanmo.json`, which diffusers does not look at. This
module knows no tensors and no models.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from hanmo.errors import WeightsError

Family = Literal["t2i", "edit", "edit_plus"]
FILE_NAME = "hanmo.json"
_FAMILIES: dict[str, Family] = {
    "QwenImageEditPipeline": "edit",
    "QwenImageEditInpaintPipeline": "edit",
    "QwenImageEditPlusPipeline": "edit_plus",
}
GRID = 16
"""Pixels per image token along each side: every size is a multiple of it."""


@dataclass(frozen=True)
class Preferences:
    """Defaults of a checkpoint; a request overrides them.

    Attributes:
        default_size: (width, height) in pixels of a picture whose size nobody named.
        edit_area: pixels that a source picture is resized to before the VAE reads it.
        vlm_area: pixels that the condition encoder sees of a single source picture.
        edit_plus_vlm_area: pixels that it sees of each of several source pictures.
        steps: denoising steps.
        cfg_scale: guidance scale; 1 is off.
        max_text: tokens of a prompt, the template left out.
        smallest: the shortest side, in pixels, that it paints well; smaller pictures are enlarged for it.
        largest: the longest side that it paints well; larger pictures are reduced for it.
        family: what it was trained for: "t2i", "edit" (one source picture), "edit_plus" (several).
    """

    default_size: tuple[int, int] = (1024, 1024)
    edit_area: int = 1024 * 1024
    vlm_area: int = 1024 * 1024
    edit_plus_vlm_area: int = 384 * 384
    steps: int = 30
    cfg_scale: float = 4.0
    max_text: int = 512
    smallest: int = 384
    largest: int = 3072
    family: Family = "t2i"

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            WeightsError: a value out of range.
        """
        if len(self.default_size) != 2 or any(side < GRID or side % GRID for side in self.default_size):
            raise WeightsError(
                f"default_size {list(self.default_size)} is not allowed: give [width, height], multiples of {GRID}"
            )
        for name in ("edit_area", "vlm_area", "edit_plus_vlm_area", "steps", "max_text", "smallest"):
            if getattr(self, name) < 1:
                raise WeightsError(f"{name} {getattr(self, name)} is not allowed: give a whole number above 0")
        if self.largest < self.smallest:
            raise WeightsError(f"largest {self.largest} is below smallest {self.smallest}: give at least as much")
        if self.family not in get_args(Family):
            raise WeightsError(f"family {self.family!r} is not allowed: give one of {', '.join(get_args(Family))}")
        if not self.cfg_scale >= 1:
            raise WeightsError(f"cfg_scale {self.cfg_scale} is not allowed: give 1 (guidance off) or more")


def read_preferences(folder: Path, pipeline: str = "") -> Preferences:
    """Read `hanmo.json` of a checkpoint folder; the published values where there is none.

    Args:
        folder: of the checkpoint.
        pipeline: class that its `model_index.json` names; it tells the family where no file does.

    Raises:
        WeightsError: the file is no JSON object, a key is unknown, or a value has the wrong type or range.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return Preferences(family=_FAMILIES.get(pipeline, "t2i"))
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}): repair it or remove it") from None
    if not isinstance(values, dict):
        raise WeightsError(f"{path} must hold a JSON object, not {type(values).__name__}")
    try:
        return Preferences(**{key: _checked(key, value) for key, value in values.items()})
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def write_preferences(folder: Path, preferences: Preferences) -> None:
    """Write `hanmo.json` into an existing folder."""
    text = json.dumps(dataclasses.asdict(preferences), indent=2) + "\n"
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def _checked(key: str, value: Any) -> Any:
    known = {field.name for field in dataclasses.fields(Preferences)}
    if key not in known:
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(sorted(known))}"
        raise WeightsError(f"unknown key {key!r}; {hint}")
    whole = isinstance(value, int) and not isinstance(value, bool)
    match key:
        case "default_size":
            if isinstance(value, list) and all(type(side) is int for side in value):
                return tuple(value)
            raise WeightsError(f"default_size must be [width, height] in whole pixels, not {value!r}")
        case "cfg_scale":
            if whole or isinstance(value, float):
                return float(value)
            raise WeightsError(f"cfg_scale must be a number, not {value!r}")
        case "family":
            if isinstance(value, str):
                return value
            raise WeightsError(f"family must be a word, not {value!r}")
        case _:
            if whole:
                return value
            raise WeightsError(f"{key} must be a whole number, not {value!r}")
