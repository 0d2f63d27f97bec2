"""From a request to the work on each of its pictures: what is painted where, from what, and how it is put back.

Every task of the pipeline is one `Work`; the tasks differ here and nowhere later. It does not know tensors,
models or schedules. Sizes are (width, height) in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32
from PIL import Image

from hanmo.model.tokens import Kind
from hanmo.pipeline.geometry import (
    Canvas,
    Size,
    continued,
    exact_canvas,
    plain_canvas,
    size_for,
    size_of_ratio,
    window_around,
)
from hanmo.pipeline.mask import bounds, cells, feathered, paste_back, read_mask
from hanmo.pipeline.pictures import Source
from hanmo.pipeline.request import Request, ratio_of
from hanmo.weights.preferences import Preferences


@dataclass(frozen=True, eq=False)
class Paste:
    """How a painted part is put back.

    Attributes:
        whole: the picture that it becomes a part of.
        share: of the painted part in each of its pixels; where it is 0, `whole` keeps its bytes.
        corner: (left, top) of the painted part in `whole`.
    """

    whole: Image.Image
    share: Float32[np.ndarray, "H W"]
    corner: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Work:
    """One picture to be painted.

    Attributes:
        canvas: what is painted, and which part of it is kept.
        kind: how the condition encoder is asked.
        sources: pictures that condition it, as the VAE sees them; sides are multiples of 16.
        seen: the same pictures as the condition encoder sees them.
        start: the picture that is noised and started from, of the canvas's size.
        edited: 1 for latent cells that are painted, 0 for those that keep the start; None paints all.
        paste: where what was painted goes; None: it is the result.
    """

    canvas: Canvas
    kind: Kind = "t2i"
    sources: tuple[Source, ...] = ()
    seen: tuple[Image.Image, ...] = ()
    start: Source | None = None
    edited: Float32[np.ndarray, "h w"] | None = None
    paste: Paste | None = None

    @property
    def output(self) -> Size:
        """Size of the result."""
        return self.canvas.output if self.paste is None else self.paste.whole.size

    @property
    def is_window(self) -> bool:
        """Whether only a window of the result is painted."""
        return self.output != self.canvas.output

    @property
    def layout(self) -> tuple[Any, ...]:
        """Works of equal layout are painted as one batch."""
        sources = tuple(source.image.size for source in self.sources)
        return self.canvas.size, self.kind, sources, self.start is None, self.edited is None

    def finish(self, painted: Image.Image) -> Image.Image:
        """The result: cut back to the picture's own size, and put into it where only a part was painted."""
        result = self.canvas.back(painted)
        if self.paste is None:
            return result
        return paste_back(self.paste.whole, result, self.paste.share, self.paste.corner)


@dataclass(frozen=True)
class _Views:
    """Pictures at the sizes they are needed in; equal ones stay one object, so that each is encoded once."""

    preferences: Preferences
    made: dict[tuple[int, Canvas], Source] = field(default_factory=dict)

    def at(self, source: Source, canvas: Canvas) -> Source:
        key = (id(source), canvas)
        if key not in self.made:
            image = canvas.fit(source.image)
            fits = source.latents is not None and tuple(source.latents.shape[2:]) == (
                canvas.size[1] // 8,
                canvas.size[0] // 8,
            )
            self.made[key] = Source(image, source.latents if fits else None)
        return self.made[key]

    def in_area(self, source: Source, area: int) -> Source:
        return self.at(source, plain_canvas(size_for(area, source.image.size)))


def plan_work(
    request: Request, opened: Sequence[Sequence[Source]], preferences: Preferences, shape: Size | None = None
) -> list[Work]:
    """The work on every picture of a request.

    Args:
        request: any task.
        opened: its source pictures, from `open_sources`; equal ones are one object.
        preferences: the checkpoint's.
        shape: size of a control picture, whose shape a new picture takes when its size is left open.

    Raises:
        RequestError: a mask that does not fit its picture, or a picture that is too thin.
    """
    views = _Views(preferences)
    works = []
    for index in range(len(request.prompts)):
        match request.task:
            case "generate":
                canvas = _canvas(request, index, None, preferences)
                if canvas is None:
                    free = preferences.default_size if shape is None else size_for(preferences.edit_area, shape)
                    canvas = plain_canvas(free)
                works.append(Work(canvas))
            case "edit":
                works.append(_edit(request, index, opened[index], views))
            case "img2img":
                works.append(_img2img(request, index, opened[index][0], views))
            case "inpaint":
                works.append(_inpaint(request, index, opened[index][0], views))
            case "outpaint":
                works.append(_outpaint(request, index, opened[index][0], views))
    return works


def _canvas(request: Request, index: int, picture: Image.Image | None, preferences: Preferences) -> Canvas | None:
    """The canvas that the request's size asks for; None where it leaves the size open."""
    if request.size == "auto" and picture is not None:
        return exact_canvas(picture.size, preferences)
    if isinstance(request.size, str):
        return plain_canvas(size_of_ratio(ratio_of(request.size), preferences.default_size))
    size = request.size_of(index)
    return None if size is None else plain_canvas(size)


def _edit(request: Request, index: int, pictures: Sequence[Source], views: _Views) -> Work:
    preferences = views.preferences
    canvas = _canvas(request, index, pictures[0].image, preferences)
    if canvas is None:
        canvas = plain_canvas(size_for(preferences.edit_area, pictures[-1].image.size))
    sources = [views.in_area(picture, preferences.edit_area) for picture in pictures]
    if request.size == "auto":
        sources[0] = views.at(pictures[0], canvas)
    kind, seen = _seen(pictures, views)
    return Work(canvas, kind, tuple(sources), seen)


def _seen(pictures: Sequence[Source], views: _Views) -> tuple[Kind, tuple[Image.Image, ...]]:
    """What the condition encoder sees: one picture large, or several small ones, as released."""
    preferences = views.preferences
    plus = preferences.family == "edit_plus" or len(pictures) > 1
    area = preferences.edit_plus_vlm_area if plus else preferences.vlm_area
    seen = tuple(views.in_area(picture, area).image for picture in pictures)
    return ("edit_plus" if plus else "edit"), seen


def _img2img(request: Request, index: int, picture: Source, views: _Views) -> Work:
    canvas = _canvas(request, index, picture.image, views.preferences)
    if canvas is None:
        canvas = plain_canvas(size_for(views.preferences.edit_area, picture.image.size))
    return Work(canvas, start=views.at(picture, canvas))


def _inpaint(request: Request, index: int, picture: Source, views: _Views) -> Work:
    image = picture.image
    share = feathered(read_mask(request.masks[index], image.size), request.feather)
    if request.crop is None:
        return _masked(request, picture, Paste(image, share), views)
    left, top, right, bottom = window_around(bounds(share), image.size, views.preferences)
    part = Source(image.crop((left, top, right, bottom)))
    return _masked(request, part, Paste(image, share[top:bottom, left:right], (left, top)), views)


def _outpaint(request: Request, index: int, picture: Source, views: _Views) -> Work:
    assert request.margins is not None
    left, right, top, bottom = request.margins
    width, height = picture.image.size
    share = np.ones((top + height + bottom, left + width + right), dtype=np.float32)
    share[top : top + height, left : left + width] = 0.0
    wide = Source(continued(picture.image, *request.margins))
    return _masked(request, wide, Paste(wide.image, share), views)


def _masked(request: Request, picture: Source, paste: Paste, views: _Views) -> Work:
    """Painting a part of `picture` anew, whether that is the whole result or a window of it."""
    preferences = views.preferences
    canvas = exact_canvas(picture.image.size, preferences)
    start = views.at(picture, canvas)
    kind, seen, sources = _referred(request, picture, start, views)
    return Work(
        canvas=canvas,
        kind=kind,
        sources=sources,
        seen=seen,
        start=start,
        edited=_edited(paste.share, canvas),
        paste=paste,
    )


def _referred(
    request: Request, picture: Source, start: Source, views: _Views
) -> tuple[Kind, tuple[Image.Image, ...], tuple[Source, ...]]:
    """The picture as a condition too, where the checkpoint edits (or the request says so)."""
    refer = views.preferences.family != "t2i" if request.reference is None else request.reference
    if not refer:
        return "t2i", (), ()
    kind, seen = _seen([picture], views)
    return kind, seen, (start,)


def _edited(share: Float32[np.ndarray, "H W"], canvas: Canvas) -> Float32[np.ndarray, "h w"]:
    """Latent cells of the canvas in which anything changes."""
    marked = Image.fromarray(np.where(share > 0, 255, 0).astype(np.uint8))
    if marked.size != canvas.inner:
        marked = marked.resize(canvas.inner, Image.Resampling.BOX)
    right, bottom = canvas.size[0] - canvas.inner[0], canvas.size[1] - canvas.inner[1]
    return cells(np.asarray(continued(marked, 0, right, 0, bottom), dtype=np.float32))
