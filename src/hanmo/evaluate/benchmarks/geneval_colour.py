"""Which of ten colours an object has, by CLIP (GenEval, section 3 and its ablation of crops and masks).

The object is cut out of the picture along its box, after all that its mask does not cover was painted grey (#999).
CLIP (ViT-L/14 of OpenAI) compares it with each colour: three sentences a colour, the mean of their embeddings of length
1, again of length 1. The nearest colour is the answer: there is no "none of them".

C is the number of colours, D the length of an embedding. This module does not know prompts, rules or detectors. Where
a detector has no masks, nothing is painted grey, as in the official script.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image

from hanmo.evaluate.judges.protocols import Detection, Embedder

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")
TEMPLATES = ("a photo of a {colour} {thing}", "a photo of a {colour}-colored {thing}", "a photo of a {colour} object")
"""Of the protocol (djghosh13/geneval, MIT), word for word."""
GREY = "#999"


def classifier(embedder: Embedder, thing: str) -> Float[np.ndarray, "C D"]:
    """One row of length 1 for each of `COLOURS`, of a class of objects such as "tv remote"."""
    rows = []
    for colour in COLOURS:
        sentences = [template.format(colour=colour, thing=thing) for template in TEMPLATES]
        middle = np.asarray(embedder.text(sentences), dtype=np.float64).mean(axis=0)
        rows.append(middle / np.linalg.norm(middle))
    return np.stack(rows)


def colours(
    embedder: Embedder, directions: Float[np.ndarray, "C D"], picture: Image.Image, found: Sequence[Detection]
) -> list[str]:
    """The colour of each object.

    Args:
        embedder: CLIP.
        directions: `classifier` of the objects' class.
        picture: where they were found.
        found: one or more objects; masks have the picture's size.
    """
    cuts = np.asarray(embedder.image([cut(picture, each) for each in found]), dtype=np.float64)
    return [COLOURS[int(best)] for best in (cuts @ directions.T).argmax(axis=1)]


def cut(picture: Image.Image, found: Detection) -> Image.Image:
    """An object on grey, along its box; edges go to the nearest whole pixel, and one pixel is the least."""
    whole = picture.convert("RGB")
    if found.mask is not None:
        whole = Image.composite(whole, Image.new("RGB", whole.size, GREY), Image.fromarray(found.mask))
    left, top, right, bottom = (round(edge) for edge in found.box)
    return whole.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
