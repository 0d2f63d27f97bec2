"""OneIG-Bench, dimensions reasoning, style and diversity (arXiv 2506.07977): cosines between rows of embedders.

    reasoning  cosine of a picture (LLM2CLIP) and the text of the answer that it must show
    style      mean of two: the largest cosine of a picture and the references of its style, not below 0, once in the
               rows of CSD, once in those of the benchmark's own style encoder
    diversity  mean of 1 - cosine over all pairs of a prompt's pictures (DreamSim); of all pictures together

The references are the authors' (three rows for each of 29 styles). Those of the style encoder were kept in bfloat16
and are 0.2 % too long; here they are brought to length 1, `official_compat` takes them as they are. The official
script embeds pictures that went through JPEG, see `oneig.py`.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Score

ENCODERS = ("csd", "style")
"""The two embedders that know styles, see `Judges.embedders`."""


def reasoning_scores(pictures: Sequence[Image.Image], answer: str, judges: Judges) -> list[Score]:
    """How like the answer each picture is, -1 to 1.

    Raises:
        Unjudged: no embedder "llm2clip".
    """
    embedder = judges.the_embedder("llm2clip")
    cosines = embedder.image(pictures) @ embedder.text([answer])[0]
    return [Score({"reasoning": float(cosine)}, i) for i, cosine in enumerate(cosines)]


def style_scores(
    pictures: Sequence[Image.Image], style: str, references: Mapping[str, Path], judges: Judges, official_compat: bool
) -> list[Score]:
    """How like the references of its style each picture is, 0-1.

    Args:
        pictures: in RGB.
        style: as the prompts' table names it, such as "Chinese ink painting".
        references: the file of each of the two `ENCODERS`.
        judges: with both embedders.
        official_compat: take the references as they are, see above.

    Raises:
        Unjudged: an embedder is missing.
        RequestError: the files do not know the style.
    """
    sums = np.zeros(len(pictures))
    embedders = [judges.the_embedder(name) for name in ENCODERS]
    for name, embedder in zip(ENCODERS, embedders, strict=True):
        known = rows_of(references[name])
        key = style.lower().replace(" ", "_")
        if key not in known:
            raise RequestError(f"{references[name]} knows no style {key!r}: it has {', '.join(sorted(known))}")
        sums += style_cosine(embedder.image(pictures), known[key], official_compat)
    return [Score({"style": float(total) / len(ENCODERS)}, i) for i, total in enumerate(sums)]


def style_cosine(
    rows: Float[np.ndarray, "N D"], references: Float[np.ndarray, "K D"], official_compat: bool
) -> Float[np.ndarray, " N"]:
    """The largest cosine of each row and one of the references, not below 0.

    Args:
        rows: of pictures, of length 1.
        references: of one style.
        official_compat: do not bring the references to length 1.
    """
    known = references if official_compat else references / np.linalg.norm(references, axis=1, keepdims=True)
    cosines: Float[np.ndarray, "N K"] = rows @ known.T
    return np.asarray(np.maximum(cosines.max(axis=1), 0.0))


def diversity_score(pictures: Sequence[Image.Image], judges: Judges) -> Score:
    """How far apart the pictures of a prompt are, 0-2: one score for all together.

    Raises:
        Unjudged: one picture only, or no embedder "dreamsim".
    """
    if len(pictures) < 2:
        raise Unjudged("diversity needs two pictures or more")
    rows = judges.the_embedder("dreamsim").image(pictures)
    return Score({"diversity": diversity(rows)}, None)


def diversity(rows: Float[np.ndarray, "N D"]) -> float:
    """Mean of 1 - cosine over all pairs of two or more rows of length 1."""
    return float(np.mean([1 - a @ b for a, b in combinations(rows, 2)]))


@lru_cache(maxsize=4)
def rows_of(path: Path) -> Mapping[str, Float[np.ndarray, "K D"]]:
    """The rows of each style, from a torch archive that holds a dict of tensors [K, D] and nothing else.

    Raises:
        RequestError: another kind of file.
    """
    import torch

    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        return {str(name): rows.float().numpy() for name, rows in stored.items()}
    except (OSError, RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        raise RequestError(f"{path} is no file of style references ({error}): run hanmo eval fetch again") from error
