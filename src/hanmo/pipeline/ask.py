"""A `Request` from what people type: single values or lists of them, defaults left open.

It does not know checkpoints; what it builds is checked by `Request` itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from PIL import Image

from hanmo.engine.attention import Attention
from hanmo.engine.denoise import Solver
from hanmo.errors import RequestError
from hanmo.pipeline.control_image import ControlImage
from hanmo.pipeline.geometry import Size, margins_for
from hanmo.pipeline.mask import Mask, as_mask
from hanmo.pipeline.pictures import Picture, Source, open_sources
from hanmo.pipeline.request import Request, Task

Pictures = Picture | Sequence[Picture | Sequence[Picture]]
"""One picture; or a list with, for each prompt, a picture or the list of the several pictures of one edit."""
Sizes = str | Sequence[int] | Sequence[Sequence[int]]
"""(width, height); one for each prompt; "auto", exactly the source's; or a ratio such as "16:9"."""
_ONE = (Image.Image, Path, str, Source)


class Options(TypedDict, total=False):
    """What every task takes beside its own words and pictures.

    Attributes:
        steps: denoising steps; None takes the checkpoint's.
        cfg_scale: guidance scale, 1.0 for none; None takes the checkpoint's.
        negative: what to move away from, one for all or one per prompt; None means " ".
        seed: s means s, s + 1, ... over the pictures; a list has one per picture; None draws one.
        num: pictures for each prompt.
        solver: "euler" or "heun".
        loras: (name, weight) of LoRAs that were loaded with `load_lora`.
        preset: "lightning-4" or "lightning-8": the schedule of those LoRAs, without guidance.
        shift: factor on the noise levels instead of the checkpoint's schedule.
    """

    steps: int | None
    cfg_scale: float | None
    negative: str | Sequence[str] | None
    seed: int | Sequence[int] | None
    num: int
    solver: Solver
    loras: Sequence[tuple[str, float]]
    preset: str | None
    shift: float | None


def make_request(
    task: Task,
    prompt: str | Sequence[str],
    images: Pictures | None = None,
    *,
    size: Sizes | None = None,
    steps: int | None = None,
    cfg_scale: float | None = None,
    negative: str | Sequence[str] | None = None,
    seed: int | Sequence[int] | None = None,
    num: int = 1,
    strength: float | None = None,
    solver: Solver = "euler",
    loras: Sequence[tuple[str, float]] = (),
    preset: str | None = None,
    shift: float | None = None,
    controls: ControlImage | Sequence[ControlImage] = (),
    mask: Any = None,
    feather: int = 0,
    crop: Literal["auto"] | None = None,
    margins: Sequence[int] | None = None,
    attention: Attention = "free",
    softness: float | None = None,
    reference: bool | None = None,
) -> Request:
    """Build a request from what people type: single values or lists of them.

    Args:
        task: see `Request`.
        prompt: one, or a list; with a list of pictures, one prompt serves all.
        images: one picture (PIL or path), or a list: each is a source of its own; one serves all prompts. An
            inner list holds the several pictures of one edit.
        size: (width, height) for all, a list of one for each prompt, or "auto".
        steps: see `Request`.
        cfg_scale: see `Request`.
        negative: one for all, or one per prompt.
        seed: a number s means s, s + 1, ... over the pictures; a list has one per picture; None draws one
            from the operating system, and the result names it.
        num: pictures for each prompt.
        strength: see `Request`.
        solver: see `Request`.
        loras: see `Request`.
        preset: see `Request`.
        shift: see `Request`.
        controls: one, or several whose effects are summed.
        mask: one for all (`mask.as_mask`), or a list of one for each prompt.
        feather: see `Request`.
        crop: see `Request`.
        margins: see `Request`.
        attention: see `Request`.
        softness: see `Request`.
        reference: see `Request`.

    Raises:
        RequestError: lists whose lengths do not fit, or any fault that `Request` finds.
    """
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    sources = _listed(images)
    masks = _masks(mask)
    count = max(len(prompts), len(sources), len(masks))
    prompts, sources, masks = _spread(prompts, count), _spread(sources, count), _spread(masks, count)
    for name, values in (("pictures", sources), ("masks", masks)):
        if values and len(values) != len(prompts):
            raise RequestError(f"{len(values)} {name} and {len(prompts)} prompts do not fit: give one for each, or one")
    if num < 1:
        raise RequestError(f"num {num} is not allowed: give 1 or more pictures per prompt")
    negatives = None
    if negative is not None:
        given = [negative] if isinstance(negative, str) else list(negative)
        if len(given) not in (1, len(prompts)):
            raise RequestError(
                f"{len(given)} negative prompts and {len(prompts)} prompts do not fit: give one for each, or one"
            )
        negatives = given * len(prompts) if len(given) == 1 else given
    return Request(
        prompts=tuple(_repeat(prompts, num)),
        task=task,
        images=tuple(_repeat(sources, num)),
        size=_sizes(size, len(prompts), num),
        steps=steps,
        cfg_scale=None if cfg_scale is None else float(cfg_scale),
        negatives=None if negatives is None else tuple(_repeat(negatives, num)),
        seeds=_seeds(seed, len(prompts) * num),
        strength=None if strength is None else float(strength),
        solver=solver,
        loras=tuple((name, float(weight)) for name, weight in loras),
        preset=preset,
        shift=None if shift is None else float(shift),
        controls=(controls,) if isinstance(controls, ControlImage) else tuple(controls),
        masks=tuple(_repeat(masks, num)),
        feather=feather,
        crop=crop,
        margins=None if margins is None else _margins(margins),
        attention=attention,
        softness=None if softness is None else float(softness),
        reference=reference,
    )


def as_size(size: Sequence[object]) -> Size:
    """(width, height) from any sequence of two whole numbers.

    Raises:
        RequestError: it is something else.
    """
    match tuple(size):
        case (int(width), int(height)) if not isinstance(width, bool) and not isinstance(height, bool):
            return width, height
    raise RequestError(f"size {size!r} is not allowed: give (width, height) in whole pixels")


def _listed(images: Pictures | None) -> list[tuple[Picture, ...]]:
    """The source pictures of each prompt."""
    if images is None:
        return []
    if isinstance(images, _ONE):
        return [(images,)]
    return [(item,) if isinstance(item, _ONE) else tuple(item) for item in images]


def _masks(mask: Any) -> list[Mask]:
    """One mask, or those of a list; a list of numbers or of points is one mask."""
    if mask is None:
        return []
    many = isinstance(mask, list) and mask and not _is_number(mask[0]) and not _is_point(mask[0])
    return [as_mask(one) for one in mask] if many else [as_mask(mask)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _is_point(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(_is_number(side) for side in value)


def _spread(values: list[Any], count: int) -> list[Any]:
    """One value serves all."""
    return values * count if len(values) == 1 else values


def _sizes(size: Sizes | None, count: int, num: int) -> Size | str | tuple[Size, ...] | None:
    if size is None:
        return None
    if isinstance(size, str):
        return size
    first = size[0] if len(size) else None
    if not isinstance(first, Sequence):
        return as_size(size)
    sizes = [as_size(one) for one in size if isinstance(one, Sequence)]
    if len(sizes) != count:
        raise RequestError(f"{len(sizes)} sizes and {count} prompts do not fit: give one for each, or one")
    return tuple(_repeat(sizes, num))


def outpaint_margins(
    images: Pictures, margins: tuple[int, int, int, int], aspect: tuple[int, int] | None
) -> tuple[int, int, int, int]:
    """Margins as given, or those that bring a picture to an aspect ratio.

    Raises:
        RequestError: both or neither, a ratio of several pictures, or one that the picture has already.
    """
    if aspect is None:
        return margins
    if any(margins):
        raise RequestError("margins and an aspect ratio were given: leave one of the two out")
    rows = _listed(images)
    if len(rows) != 1 or min(aspect) < 1:
        raise RequestError(f"the aspect ratio {aspect[0]}:{aspect[1]} needs one picture and two numbers above 0")
    return margins_for(open_sources(rows)[0][0].image.size, aspect)


def _margins(margins: Sequence[int]) -> tuple[int, int, int, int]:
    match tuple(margins):
        case (int(left), int(right), int(top), int(bottom)):
            return left, right, top, bottom
    raise RequestError(f"margins {margins!r} are not allowed: give (left, right, top, bottom) in whole pixels")


def _repeat(values: Sequence[Any], num: int) -> list[Any]:
    return [value for value in values for _ in range(num)]


def _seeds(seed: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    if seed is None:
        seed = secrets.randbelow(2**32)
    if isinstance(seed, int):
        return tuple(seed + index for index in range(count))
    seeds = tuple(seed)
    if len(seeds) != count:
        raise RequestError(f"{len(seeds)} seeds for {count} pictures: give one for each, or a single number")
    return seeds
