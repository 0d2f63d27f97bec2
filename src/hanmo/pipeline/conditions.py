"""Prompts and pictures as tensors: what a request conditions the transformer on (report sections 2.2 to 2.4).

Text goes to the condition encoder; the source picture of an edit goes to the encoder and, as latents, behind
the target's tokens; the source of img2img becomes the start. It does not know schedules or the loop.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), S target tokens, C tokens of the condition
pictures, P channels of a token, T text tokens, E condition width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from hanmo.errors import RequestError
from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.latents import image_to_tensor, pack
from hanmo.model.msrope import Shape
from hanmo.model.vae import VAE
from hanmo.pipeline.request import Picture, Request, Size, check_size
from hanmo.weights.preferences import GRID, Preferences

SOURCE_GRID = 32
"""Sides of a resized source picture are multiples of it, as released."""


@dataclass(frozen=True)
class Conditions:
    """What one run is conditioned on.

    Attributes:
        positive: states of the prompts.
        negative: states of the negative prompts; None with guidance off.
        shapes: (frames, h, w) in tokens of the target, then of each condition picture.
        pictures: packed latents of the condition pictures, normalised; None without any.
        start: packed latents x0 of the picture to start from; None when the start is noise.
        noise: packed standard normal, float32, drawn for each picture from its own seed.
    """

    positive: TextStates
    negative: TextStates | None
    shapes: tuple[Shape, ...]
    pictures: Float[Tensor, "B C P"] | None
    start: Float[Tensor, "B S P"] | None
    noise: Float[Tensor, "B S P"]


def open_pictures(request: Request) -> list[Image.Image]:
    """The source picture of each prompt as RGB; equal sources are opened once and stay one object.

    Raises:
        RequestError: a file that is missing or is no picture.
    """
    opened: dict[object, Image.Image] = {}
    pictures = []
    for (source,) in request.images:
        key = id(source) if isinstance(source, Image.Image) else str(source)
        if key not in opened:
            opened[key] = open_picture(source)
        pictures.append(opened[key])
    return pictures


def open_picture(source: Picture) -> Image.Image:
    """A picture as RGB, upright as its EXIF says, transparent parts on white.

    Raises:
        RequestError: a file that is missing or is no picture.
    """
    try:
        if isinstance(source, Image.Image):
            return _upright(source)
        with Image.open(source) as picture:
            return _upright(picture)
    except FileNotFoundError:
        raise RequestError(f"the picture {source} does not exist: give a PNG or JPEG file") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(f"the picture {source} cannot be read ({error}): give PNG or JPEG") from None


def _upright(picture: Image.Image) -> Image.Image:
    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(ground, picture).convert("RGB")
    return picture.convert("RGB")


def size_for(area: int, picture: Size) -> Size:
    """Width and height of about `area` pixels in the shape of a picture, rounded to multiples of 32.

    Raises:
        RequestError: the picture is so thin that a side rounds to nothing.
    """
    ratio = picture[0] / picture[1]
    width = math.sqrt(area * ratio)
    sides = tuple(round(side / SOURCE_GRID) * SOURCE_GRID for side in (width, width / ratio))
    if min(sides) == 0:
        raise RequestError(
            f"a picture of {picture[0]}x{picture[1]} is too thin for this checkpoint, whose sources have "
            f"{area} pixels: crop it first"
        )
    return sides[0], sides[1]


def output_size(request: Request, pictures: Sequence[Image.Image], preferences: Preferences) -> Size:
    """The size that was asked for, or the checkpoint's, or its area in the shape of the source picture.

    Raises:
        RequestError: source pictures of different shapes in one batch, and no size.
    """
    if request.size is not None:
        check_size(request.size)
        return request.size
    if not pictures:
        return preferences.default_size
    return _same({size_for(preferences.edit_area, picture.size) for picture in pictures})


def prepare(
    request: Request,
    pictures: Sequence[Image.Image],
    encoder: ConditionEncoder,
    vae: VAE,
    preferences: Preferences,
    generators: Sequence[torch.Generator] | None = None,
) -> Conditions:
    """All tensors of a resolved request.

    Args:
        request: with every default filled in (`Request.resolve`).
        pictures: `open_pictures` of it.
        encoder: the condition encoder.
        vae: the autoencoder.
        preferences: the checkpoint's: areas of source pictures, and the limit of a prompt.
        generators: of the pictures, where something was drawn before; None starts one from each seed.

    Raises:
        RequestError: a prompt beyond the checkpoint's limit, or sources of different shapes in one batch.
    """
    assert request.size is not None, "the request is not resolved"
    width, height = request.size
    shapes: list[Shape] = [(1, height // GRID, width // GRID)]
    seen: list[Image.Image] = []
    context = start = None
    generators = generators_of(request) if generators is None else generators
    if request.task == "edit":
        source = _same({size_for(preferences.edit_area, picture.size) for picture in pictures})
        shapes.append((1, source[1] // GRID, source[0] // GRID))
        sources, seen = _edit_views(pictures, source, preferences)
        context = latents_of(sources, vae)
    elif request.task == "img2img":
        start = latents_of([_resize(picture, request.size) for picture in pictures], vae, generators)
    positive, negative = encode_text(request, seen, encoder, preferences.max_text)
    noise = torch.cat([noise_tokens(request.size, generator) for generator in generators])
    return Conditions(positive, negative, tuple(shapes), context, start, noise)


def generators_of(request: Request) -> list[torch.Generator]:
    """One generator per picture, started from its seed."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds]


def noise_tokens(size: Size, generator: torch.Generator) -> Float[Tensor, "1 S P"]:
    """Packed noise of one picture: float32 randn(1, 1, 16, h, w), so that a seed gives diffusers' picture."""
    width, height = size[0] // 8, size[1] // 8
    noise = torch.randn(1, 1, 16, height, width, generator=generator, dtype=torch.float32)
    return pack(noise[:, 0])


def latents_of(
    pictures: Sequence[Image.Image], vae: VAE, generators: Sequence[torch.Generator] | None = None
) -> Float[Tensor, "B S P"]:
    """Packed normalised latents of pictures of one size, float32.

    Args:
        pictures: sides are multiples of 16; equal objects are encoded once.
        vae: the autoencoder.
        generators: draw from the posterior, each picture with its own (img2img); None takes the mode (edit).
    """
    weight = vae.quant_conv.weight
    posteriors = {}
    for picture in pictures:
        if id(picture) not in posteriors:
            posteriors[id(picture)] = vae.encode(image_to_tensor(picture).to(weight.device, weight.dtype))
    found = [posteriors[id(picture)] for picture in pictures]
    if generators is None:
        latents = [posterior.mode() for posterior in found]
    else:
        latents = [each.sample(generator) for each, generator in zip(found, generators, strict=True)]
    return pack(vae.normalise(torch.cat(latents)).float())


def encode_text(
    request: Request, pictures: Sequence[Image.Image], encoder: ConditionEncoder, max_text: int
) -> tuple[TextStates, TextStates | None]:
    """States of the prompts and of the negative prompts, each distinct (words, picture) encoded once.

    Raises:
        RequestError: a prompt beyond the limit.
    """
    count = len(request.prompts)
    texts = [*request.prompts, *(request.negatives or ())]
    keys = [(text, id(pictures[index % count]) if pictures else 0) for index, text in enumerate(texts)]
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    distinct = sorted(first.values())
    words = [texts[index] for index in distinct]
    shown = [[pictures[index % count]] for index in distinct] if pictures else None
    states = encoder.encode(words, shown, "edit" if pictures else "t2i", max_text)
    rows = [distinct.index(first[key]) for key in keys]
    positive = _select(states, rows[:count])
    return positive, _select(states, rows[count:]) if request.negatives is not None else None


def _select(states: TextStates, rows: Sequence[int]) -> TextStates:
    index = torch.tensor(rows, device=states.states.device)
    mask = None if states.mask is None else states.mask[index]
    return TextStates(states.states[index], mask).rows(0, len(rows))


def _edit_views(
    pictures: Sequence[Image.Image], source: Size, preferences: Preferences
) -> tuple[list[Image.Image], list[Image.Image]]:
    """What the VAE and what the encoder sees; the same picture where both areas agree, as released."""
    for_vae = {id(picture): _resize(picture, source) for picture in pictures}
    if preferences.vlm_area == preferences.edit_area:
        for_encoder = for_vae
    else:
        area = preferences.vlm_area
        for_encoder = {id(each): _resize(each, size_for(area, each.size)) for each in pictures}
    views = (for_vae, for_encoder)
    first, second = ([view[id(picture)] for picture in pictures] for view in views)
    return first, second


def _resize(picture: Image.Image, size: Size) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _same(sizes: set[Size]) -> Size:
    if len(sizes) > 1:
        listed = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
        raise RequestError(f"the pictures of a batch differ in shape ({listed} resized): run them singly")
    return sizes.pop()
