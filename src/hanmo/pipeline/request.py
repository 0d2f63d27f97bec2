"""What is asked of the pipeline, checked in full before any tensor exists; and what comes back.

A `Request` says nothing about a checkpoint: what is None is filled from the checkpoint's preferences by
`resolve`. The length of a prompt in tokens is checked in `conditions`, where the tokenizer is. Sizes are
(width, height) in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image

from hanmo.engine.adapters import check_stack
from hanmo.engine.attention import Attention
from hanmo.engine.denoise import Solver
from hanmo.errors import RequestError
from hanmo.pipeline.control_image import ControlImage
from hanmo.pipeline.geometry import Size
from hanmo.pipeline.mask import Mask
from hanmo.pipeline.pictures import Picture
from hanmo.pipeline.presets import Preset, preset_named
from hanmo.pipeline.rewrite import Rewriting
from hanmo.weights.preferences import GRID, Preferences

Task = Literal["generate", "edit", "img2img", "inpaint", "outpaint"]
Margins = tuple[int, int, int, int]

DEFAULT_NEGATIVE = " "
DEFAULT_STRENGTH = {"img2img": 0.6, "inpaint": 1.0, "outpaint": 1.0}
DEFAULT_SOFTNESS = 4.0
_LARGEST_SEED = 2**63 - 1
_WIDEST_FEATHER = 256
_CONTROLLED = ("generate", "img2img")

PER_PICTURE = ("prompts", "images", "negatives", "seeds", "masks", "rewritings", "sizes")
"""Fields of a `Request` that hold a value for each picture; the others are the same for all."""


@dataclass(frozen=True)
class Request:
    """One run: one or more pictures of one task, size and schedule.

    Attributes:
        prompts: what to paint or to change, one per picture.
        task: generate (text to picture), edit (pictures and instruction), img2img (a picture as the start),
            inpaint (a part of a picture anew), outpaint (a picture continued).
        images: the source pictures of each prompt; none for `generate`, several for `edit` only.
        size: (width, height), multiples of 16, or one for each picture; "auto": exactly the (first) source
            picture's, whatever it is; a ratio such as "16:9" in the checkpoint's area; None: the checkpoint's,
            an edit's in its (last) source's shape. Inpaint and outpaint take none: they keep the picture's.
        steps: denoising steps, 1 or more; None takes the checkpoint's.
        cfg_scale: guidance scale; 1.0 turns guidance off; None takes the checkpoint's.
        negatives: what to move away from, one per picture; None means " ", or nothing with guidance off.
        seeds: one per picture.
        strength: img2img, inpaint and outpaint: how much of the schedule is run, in (0, 1].
        solver: "euler" (one evaluation a step, as released) or "heun" (two).
        loras: names of LoRAs that the pipeline has loaded, with their weights; their changes add up.
        preset: a name of `presets.PRESETS`; it fills in steps, cfg_scale and shift where they are None.
        shift: factor that noise levels are shifted by at every size, without a terminal level; None takes
            the checkpoint's schedule.
        masks: inpaint: what is painted, one per picture (`mask.as_mask`).
        feather: inpaint: pixels around the mask in which new and old are mixed.
        crop: inpaint: "auto" paints a window around the mask at full resolution instead of the whole.
        margins: outpaint: pixels to add (left, right, top, bottom).
        attention: inpaint, outpaint: what kept tokens may look at (`engine.attention`).
        softness: with attention "soft": what is taken off their scores for painted tokens.
        reference: inpaint, outpaint: whether the picture conditions the model as in an edit; None: if the
            checkpoint is one for edits.
        controls: pictures that ControlNets watch; each serves all pictures of the request.
        rewritings: what a language model made of each prompt, for the record; empty when none was asked.
        sizes: filled by `resolve`: (width, height) of each result.

    Raises:
        RequestError: at construction, in one line, for anything that no checkpoint could do.
    """

    prompts: tuple[str, ...]
    task: Task = "generate"
    images: tuple[tuple[Picture, ...], ...] = ()
    size: Size | str | tuple[Size, ...] | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    negatives: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    strength: float | None = None
    solver: Solver = "euler"
    loras: tuple[tuple[str, float], ...] = ()
    preset: str | None = None
    shift: float | None = None
    masks: tuple[Mask, ...] = ()
    feather: int = 0
    crop: Literal["auto"] | None = None
    margins: Margins | None = None
    attention: Attention = "free"
    softness: float | None = None
    reference: bool | None = None
    controls: tuple[ControlImage, ...] = ()
    rewritings: tuple[Rewriting, ...] = ()
    sizes: tuple[Size, ...] = ()

    def __post_init__(self) -> None:
        """Check everything that needs no checkpoint."""
        _check_words(self)
        _check_pictures(self)
        _check_sizes(self)
        if self.steps is not None and self.steps < 1:
            raise RequestError(f"steps {self.steps} is not allowed: give 1 or more")
        if self.cfg_scale is not None and not 1 <= self.cfg_scale < math.inf:
            raise RequestError(f"cfg_scale {self.cfg_scale} is not allowed: give 1 (guidance off) or more")
        if self.cfg_scale == 1 and self.negatives is not None:
            raise RequestError("a negative prompt has no effect with cfg_scale 1: leave one of the two out")
        if self.shift is not None and not 0 < self.shift < math.inf:
            raise RequestError(f"shift {self.shift} is not allowed: give more than 0 (1 for none)")
        check_stack(self.loras)
        _check_preset(self)
        _check_strength(self)
        _check_masks(self)
        if self.controls and self.task not in _CONTROLLED:
            raise RequestError(f"{self.task} takes no control picture: use {either(_CONTROLLED)}")
        if self.solver not in get_args(Solver):
            raise RequestError(f"solver {self.solver!r} is not allowed: give {either(get_args(Solver))}")

    def size_of(self, index: int) -> Size | None:
        """What was asked for picture number `index`, if it was a number of pixels."""
        if self.size is None or isinstance(self.size, str):
            return None
        size: Any = self.size if isinstance(self.size[0], int) else self.size[index]
        return size[0], size[1]

    def resolve(self, preferences: Preferences, sizes: Sequence[Size]) -> Request:
        """Fill what was left open, so that the request alone describes the run.

        Args:
            preferences: the checkpoint's.
            sizes: of the results, found from the preferences or the source pictures.
        """
        preset = Preset() if self.preset is None else preset_named(self.preset)
        scale = _first(self.cfg_scale, preset.cfg_scale, preferences.cfg_scale)
        negatives = self.negatives
        if scale > 1 and negatives is None:
            negatives = (DEFAULT_NEGATIVE,) * len(self.prompts)
        strength = DEFAULT_STRENGTH.get(self.task) if self.strength is None else self.strength
        steps = _first(self.steps, preset.steps, preferences.steps)
        soft = self.attention == "soft" and self.softness is None
        return replace(
            self,
            steps=steps,
            cfg_scale=scale,
            negatives=negatives,
            strength=strength,
            shift=preset.shift if self.shift is None else self.shift,
            softness=DEFAULT_SOFTNESS if soft else self.softness,
            sizes=tuple(sizes),
        )

    def only(self, rows: Sequence[int]) -> Request:
        """Some of its pictures, as a request of their own."""

        def pick(values: Any) -> Any:
            return tuple(values[row] for row in rows) if values else values

        size = self.size
        if size is not None and not isinstance(size, str) and not isinstance(size[0], int):
            size = pick(size)
        return replace(self, size=size, **{name: pick(getattr(self, name)) for name in PER_PICTURE})

    def joins(self, other: Request) -> bool:
        """Whether both can be one batch: they differ in what each picture has of its own only."""
        own = {name: getattr(other, name) for name in PER_PICTURE}
        return replace(self, **own) == other and (self.negatives is None) == (other.negatives is None)

    @staticmethod
    def joined(requests: Sequence[Request]) -> Request:
        """Requests that join as one batch."""

        def chain(name: str) -> Any:
            values = [getattr(request, name) for request in requests]
            return None if values[0] is None else tuple(value for each in values for value in each)

        return replace(requests[0], **{name: chain(name) for name in PER_PICTURE})

    def words(self, index: int) -> tuple[str, ...]:
        """The prompt of a picture, and what it was rewritten from: what a safety policy reads."""
        original = (self.rewritings[index].original,) if self.rewritings else ()
        return (self.prompts[index], *original)

    def record(self, index: int = 0) -> dict[str, Any]:
        """What describes picture number `index`, ready for JSON; source pictures are counted, not kept."""
        values = {
            "task": self.task,
            "prompt": self.prompts[index],
            "negative": None if self.negatives is None else self.negatives[index],
            "seed": self.seeds[index],
            "size": list(self.sizes[index]) if self.sizes else None,
            "geometry": "auto" if self.size == "auto" else None,
            "steps": self.steps,
            "cfg_scale": self.cfg_scale,
            "strength": self.strength,
            "solver": self.solver,
            "preset": self.preset,
            "shift": self.shift,
            "loras": [list(lora) for lora in self.loras] or None,
            "images": len(self.images[index]) if self.images else 0,
            "mask": _told(self.masks[index]) if self.masks else None,
            "feather": self.feather or None,
            "crop": self.crop,
            "margins": None if self.margins is None else list(self.margins),
            "attention": None if self.attention == "free" else self.attention,
            "softness": self.softness,
            "reference": self.reference,
            "rewrite": self.rewritings[index].record() if self.rewritings else None,
            "controls": [control.record() for control in self.controls] or None,
        }
        return {key: value for key, value in values.items() if value is not None}


def check_size(size: Size) -> None:
    """Check that both sides are positive multiples of 16.

    Raises:
        RequestError: with the nearest allowed size.
    """
    if any(side < GRID or side % GRID for side in size):
        nearest = "x".join(str(max(GRID, GRID * math.floor(side / GRID + 0.5))) for side in size)
        raise RequestError(
            f"size {size[0]}x{size[1]} is not allowed: width and height must be multiples of {GRID}; "
            f"the nearest is {nearest}"
        )


def ratio_of(text: str) -> tuple[int, int]:
    """(width, height) of a ratio such as 16:9, none above 4:1.

    Raises:
        RequestError: another form.
    """
    match text.split(":"):
        case [width, height] if width.isdecimal() and height.isdecimal():
            sides = int(width), int(height)
            if min(sides) > 0 and max(sides) <= 4 * min(sides):
                return sides
    raise RequestError(
        f"size {text!r} is not allowed: give (width, height), 'auto', or a ratio such as '16:9', up to 4:1"
    )


def steps_skipped(steps: int, strength: float) -> int:
    """How many of the first steps an image-to-image run leaves out: strength 1 leaves out none."""
    return int(max(steps - min(steps * strength, steps), 0))


def _check_words(request: Request) -> None:
    if not request.prompts:
        raise RequestError("no prompt was given: give at least one")
    for number, prompt in enumerate(request.prompts):
        if not prompt.strip():
            raise RequestError(f"prompt {number + 1} is empty: write what to paint")
    lists = {"negative prompts": request.negatives, "seeds": request.seeds, "rewritings": request.rewritings or None}
    for name, values in lists.items():
        if values is not None and len(values) != len(request.prompts):
            raise RequestError(
                f"{len(values)} {name} and {len(request.prompts)} pictures do not fit: give one for each"
            )
    for seed in request.seeds:
        if not 0 <= seed <= _LARGEST_SEED:
            raise RequestError(f"seed {seed} is not allowed: give a whole number from 0 to {_LARGEST_SEED}")


def _check_pictures(request: Request) -> None:
    if request.task not in get_args(Task):
        raise RequestError(f"task {request.task!r} is not allowed: give {either(get_args(Task))}")
    if request.task == "generate":
        if request.images:
            raise RequestError("generate takes no picture: use edit or img2img")
        return
    if len(request.images) != len(request.prompts):
        raise RequestError(
            f"{request.task} of {len(request.prompts)} prompts with pictures for {len(request.images)}: "
            "give one picture for each, or one for all"
        )
    for pictures in request.images:
        if not pictures or (len(pictures) != 1 and request.task != "edit"):
            wanted = "one or more" if request.task == "edit" else "exactly one"
            raise RequestError(f"{len(pictures)} pictures for one {request.task}: give {wanted}")


def _check_sizes(request: Request) -> None:
    size = request.size
    if size is None:
        return
    if request.task in ("inpaint", "outpaint"):
        raise RequestError(f"size has no effect on {request.task}, which keeps the picture's own: leave it out")
    if isinstance(size, str):
        if size == "auto" and request.task == "generate":
            raise RequestError('size "auto" is that of a source picture, and generate has none: give width and height')
        if size != "auto":
            ratio_of(size)
        return
    if not isinstance(size[0], int) and len(size) != len(request.prompts):
        raise RequestError(f"{len(size)} sizes and {len(request.prompts)} pictures do not fit: give one for each")
    for index in range(len(request.prompts)):
        found = request.size_of(index)
        if found is not None:
            check_size(found)


def _check_preset(request: Request) -> None:
    if request.preset is None:
        return
    preset = preset_named(request.preset)
    if request.cfg_scale is None and preset.cfg_scale == 1 and request.negatives is not None:
        raise RequestError(
            f"a negative prompt has no effect with the preset {request.preset}, whose guidance is off: "
            "leave one of the two out"
        )


def _check_strength(request: Request) -> None:
    if request.strength is None:
        return
    if request.task not in DEFAULT_STRENGTH:
        raise RequestError(f"strength has no effect on {request.task}: leave it out, or use img2img")
    if not 0 < request.strength <= 1:
        raise RequestError(
            f"strength {request.strength} is not allowed: give more than 0 (the picture itself) and at most 1"
        )
    if request.steps is not None and steps_skipped(request.steps, request.strength) >= request.steps:
        raise RequestError(f"strength {request.strength} leaves none of {request.steps} steps: give more of either")


def _check_masks(request: Request) -> None:
    if request.task == "inpaint":
        if len(request.masks) != len(request.prompts):
            raise RequestError(
                f"{len(request.masks)} masks and {len(request.prompts)} pictures do not fit: give one for each, or one"
            )
        if not 0 <= request.feather <= _WIDEST_FEATHER:
            raise RequestError(f"feather {request.feather} is not allowed: give 0 to {_WIDEST_FEATHER} pixels")
    elif request.masks or request.feather or request.crop:
        raise RequestError(f"mask, feather and crop have no effect on {request.task}: leave them out, or use inpaint")
    if request.crop not in (None, "auto"):
        raise RequestError(f"crop {request.crop!r} is not allowed: give 'auto', or leave it out")
    if request.task == "outpaint":
        if request.margins is None or min(request.margins) < 0 or max(request.margins) == 0:
            raise RequestError(f"margins {request.margins} are not allowed: give pixels to add on at least one side")
    elif request.margins is not None:
        raise RequestError(f"margins have no effect on {request.task}: leave them out, or use outpaint")
    _check_attention(request)


def _check_attention(request: Request) -> None:
    if request.attention not in get_args(Attention):
        raise RequestError(f"attention {request.attention!r} is not allowed: give {either(get_args(Attention))}")
    if request.task not in ("inpaint", "outpaint") and (request.attention != "free" or request.reference is not None):
        raise RequestError(f"attention and reference have no effect on {request.task}: leave them out, or use inpaint")
    if request.softness is not None:
        if request.attention != "soft":
            raise RequestError(f"softness has no effect on attention {request.attention!r}: leave it out, or use soft")
        if not 0 < request.softness < math.inf:
            raise RequestError(f"softness {request.softness} is not allowed: give a number above 0")


def _first(*values: Any) -> Any:
    """The first that is said."""
    return next(value for value in values if value is not None)


def _told(mask: Mask) -> str:
    """A mask for a record, as the command line takes it; a picture in memory is only named."""
    match mask:
        case Image.Image():
            return "a picture"
        case Path() | str():
            return str(mask)
        case (int(), int(), int(), int()):
            return "box:" + ",".join(map(str, mask))
        case _:
            return "polygon:" + "/".join(f"{x:g},{y:g}" for x, y in mask)


def either(options: Sequence[str]) -> str:
    """Alternatives in words: a, b or c."""
    return ", ".join(options[:-1]) + " or " + options[-1]
