"""Prompts and pictures as tensors: what a request conditions the transformer on (report sections 2.2 to 2.4).

Text goes to the condition encoder; the source pictures of an edit go to the encoder and, as latents, behind
the target's tokens; the source of img2img and of masks becomes the start. It does not know schedules or the
loop.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), S target tokens, C tokens of the condition
pictures, P channels of a token, T text tokens, E condition width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.latents import image_to_tensor, pack
from hanmo.model.msrope import Shape
from hanmo.model.tokens import Kind
from hanmo.model.vae import VAE
from hanmo.pipeline.geometry import Size
from hanmo.pipeline.pictures import Source
from hanmo.pipeline.request import Request
from hanmo.pipeline.work import Work
from hanmo.weights.preferences import GRID


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
        edited: packed: 1 where a latent is painted, 0 where it keeps the start's; None when all are.
    """

    positive: TextStates
    negative: TextStates | None
    shapes: tuple[Shape, ...]
    pictures: Float[Tensor, "B C P"] | None
    start: Float[Tensor, "B S P"] | None
    noise: Float[Tensor, "B S P"]
    edited: Float[Tensor, "B S P"] | None = None


def prepare(
    request: Request,
    works: Sequence[Work],
    encoder: ConditionEncoder,
    vae: VAE,
    max_text: int,
    generators: Sequence[torch.Generator],
) -> Conditions:
    """All tensors of a resolved request whose works have one layout.

    Args:
        request: with every default filled in (`Request.resolve`).
        works: on each of its pictures, of equal `layout`.
        encoder: the condition encoder.
        vae: the autoencoder.
        max_text: the checkpoint's limit of a prompt, in tokens.
        generators: one per picture (`generators_of`); something may have been drawn from them before.

    Raises:
        RequestError: a prompt beyond the limit.
    """
    first = works[0]
    start = pictures = edited = None
    starts = [work.start for work in works if work.start is not None]
    if starts:
        start = latents_of(starts, vae, generators)
    if first.sources:
        # A picture that is start and condition at once is sampled once for both, as released.
        if first.sources[0] is first.start:
            pictures = start
        else:
            columns = zip(*(work.sources for work in works), strict=True)
            pictures = torch.cat([latents_of(column, vae) for column in columns], dim=1)
    if first.edited is not None:
        cells = torch.from_numpy(np.stack([work.edited for work in works if work.edited is not None]))
        edited = pack(cells[:, None].expand(-1, vae.config.z_dim, -1, -1))
    positive, negative = encode_text(request, [work.seen for work in works], first.kind, encoder, max_text)
    noise = torch.cat([noise_tokens(first.canvas.size, generator) for generator in generators])
    sizes = [first.canvas.size, *(source.image.size for source in first.sources)]
    shapes: tuple[Shape, ...] = tuple((1, height // GRID, width // GRID) for width, height in sizes)
    return Conditions(positive, negative, shapes, pictures, start, noise, edited)


def generators_of(request: Request) -> list[torch.Generator]:
    """One generator per picture, started from its seed."""
    return [torch.Generator("cpu").manual_seed(seed) for seed in request.seeds]


def noise_tokens(size: Size, generator: torch.Generator) -> Float[Tensor, "1 S P"]:
    """Packed noise of one picture: float32 randn(1, 1, 16, h, w), so that a seed gives diffusers' picture."""
    width, height = size[0] // 8, size[1] // 8
    noise = torch.randn(1, 1, 16, height, width, generator=generator, dtype=torch.float32)
    return pack(noise[:, 0])


def latents_of(
    sources: Sequence[Source], vae: VAE, generators: Sequence[torch.Generator] | None = None
) -> Float[Tensor, "B S P"]:
    """Packed normalised latents of pictures of one size, float32.

    Args:
        sources: sides are multiples of 16; equal objects are encoded once, those with latents never.
        vae: the autoencoder.
        generators: draw from the posterior, each picture with its own (a start); None takes the mode (edit).
    """
    weight = vae.quant_conv.weight
    posteriors = {}
    for source in sources:
        if source.latents is None and id(source) not in posteriors:
            posteriors[id(source)] = vae.encode(image_to_tensor(source.image).to(weight.device, weight.dtype))
    latents = []
    for index, source in enumerate(sources):
        if source.latents is not None:
            latents.append(source.latents.to(weight.device).float())
            continue
        posterior = posteriors[id(source)]
        z = posterior.mode() if generators is None else posterior.sample(generators[index])
        latents.append(vae.normalise(z).float())
    return pack(torch.cat(latents))


def encode_text(
    request: Request,
    seen: Sequence[Sequence[Image.Image]],
    kind: Kind,
    encoder: ConditionEncoder,
    max_text: int,
) -> tuple[TextStates, TextStates | None]:
    """States of the prompts and of the negative prompts, each distinct (words, pictures) encoded once.

    Raises:
        RequestError: a prompt beyond the limit.
    """
    count = len(request.prompts)
    texts = [*request.prompts, *(request.negatives or ())]
    keys = [(text, *(id(picture) for picture in seen[index % count])) for index, text in enumerate(texts)]
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    distinct = sorted(first.values())
    words = [texts[index] for index in distinct]
    shown = None if kind == "t2i" else [seen[index % count] for index in distinct]
    states = encoder.encode(words, shown, kind, max_text)
    rows = [distinct.index(first[key]) for key in keys]
    positive = _select(states, rows[:count])
    return positive, _select(states, rows[count:]) if request.negatives is not None else None


def _select(states: TextStates, rows: Sequence[int]) -> TextStates:
    index = torch.tensor(rows, device=states.states.device)
    mask = None if states.mask is None else states.mask[index]
    return TextStates(states.states[index], mask).rows(0, len(rows))
