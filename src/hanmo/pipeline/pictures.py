"""Opening the source pictures of a request.

A source is a picture, its path, or a `Painting`: a picture that the pipeline has made, with the latents it
was decoded from, so that a further edit need not encode it anew. It does not know sizes, masks or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from hanmo.errors import RequestError


@dataclass(frozen=True, eq=False)
class Source:
    """An opened picture, RGB; and its normalised latents where they are known."""

    image: Image.Image
    latents: Float[Tensor, "1 Z h w"] | None = None


class Painting(Source):
    """A picture that the pipeline painted, with its latents: `Result.painting`."""


Picture = Image.Image | Path | str | Source


def open_sources(images: Sequence[Sequence[Picture]]) -> list[tuple[Source, ...]]:
    """The source pictures of each prompt; equal sources are opened once and stay one object.

    Raises:
        RequestError: a file that is missing or is no picture.
    """
    opened: dict[object, Source] = {}
    rows = []
    for pictures in images:
        row = []
        for picture in pictures:
            key = str(picture) if isinstance(picture, Path | str) else id(picture)
            if key not in opened:
                opened[key] = picture if isinstance(picture, Source) else Source(open_picture(picture))
            row.append(opened[key])
        rows.append(tuple(row))
    return rows


def open_picture(source: Image.Image | Path | str) -> Image.Image:
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
