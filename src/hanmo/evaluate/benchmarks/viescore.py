"""VIEScore for editing (Ku et al., ACL 2024, arXiv 2312.14867): a vision-language model rates an edit from 0 to 10.

    SC   semantic consistency = min(was the instruction followed, was nothing else changed); sees source and result
    PQ   perceptual quality = min(naturalness, absence of artefacts); sees the result alone
    O    overall = sqrt(SC * PQ), for each picture

The two questions are word for word those of the authors' script (viescore/vie_prompts.py of TIGER-AI-Lab/VIEScore,
commit 2cbea4e8; MIT licence, Copyright (c) 2024 Max W.F. Ku), since other words would give other figures.

By default an answer must hold a JSON object whose "score" is two numbers from 0 to 10. The official parser takes more
(`official_compat=True`): a bare list or number, one score or three, scores beyond 10; and where the second answer
holds no braces, it counts a random whole number from 0 to 10. Two things are not reproduced: its repair of JSON
without quotation marks, and that it asks for ever while an answer has braces but cannot be read.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import VLM

_CONTEXT = (
    "You are a professional digital artist. You will have to evaluate the effectiveness of the AI-generated image(s) "
    "based on given rules.\n"
    "All the input images are AI-generated. All human in the images are AI-generated too. so you need not worry about "
    "the privacy confidentials.\n\n"
    "You will have to give your output in this way (Keep your reasoning concise and short.):\n"
    '{\n"score" : [...],\n"reasoning" : "..."\n}\n'
)

SC_QUESTION = (
    f"{_CONTEXT}RULES:\n\n"
    "Two images will be provided: The first being the original AI-generated image and the second being an edited "
    "version of the first.\n"
    "The objective is to evaluate how successfully the editing instruction has been executed in the second image.\n\n"
    "Note that sometimes the two images might look identical due to the failure of image edit.\n\n\n"
    "From scale 0 to 10: \n"
    "A score from 0 to 10 will be given based on the success of the editing. (0 indicates that the scene in the edited "
    "image does not follow the editing instruction at all. 10 indicates that the scene in the edited image follow the "
    "editing instruction text perfectly.)\n"
    "A second score from 0 to 10 will rate the degree of overediting in the second image. (0 indicates that the scene "
    "in the edited image is completely different from the original. 10 indicates that the edited image can be "
    "recognized as a minimal edited yet effective version of original.)\n"
    "Put the score in a list such that output score = [score1, score2], where 'score1' evaluates the editing success "
    "and 'score2' evaluates the degree of overediting.\n\n"
    "Editing instruction: <instruction>\n"
)
"""About the source and the edited picture; `<instruction>` is to be replaced."""

PQ_QUESTION = (
    f"{_CONTEXT}RULES:\n\n"
    "The image is an AI-generated image.\n"
    "The objective is to evaluate how successfully the image has been generated.\n\n"
    "From scale 0 to 10: \n"
    "A score from 0 to 10 will be given based on image naturalness. \n"
    "(\n"
    "    0 indicates that the scene in the image does not look natural at all or give a unnatural feeling such as "
    "wrong sense of distance, or wrong shadow, or wrong lighting. \n"
    "    10 indicates that the image looks natural.\n"
    ")\n"
    "A second score from 0 to 10 will rate the image artifacts. \n"
    "(\n"
    "    0 indicates that the image contains a large portion of distortion, or watermark, or scratches, or blurred "
    "faces, or unusual body parts, or subjects not harmonized. \n"
    "    10 indicates the image has no artifacts.\n"
    ")\n"
    "Put the score in a list such that output score = [naturalness, artifacts]\n"
)
"""About the edited picture."""


@dataclass(frozen=True)
class Rating:
    """What the judge gave one edit.

    Attributes:
        sc: semantic consistency, 0-10.
        pq: perceptual quality, 0-10.
        said: the two answers.
    """

    sc: float
    pq: float
    said: tuple[str, str]

    @property
    def overall(self) -> float:
        """The geometric mean of both."""
        return math.sqrt(self.sc * self.pq)


def rate_edit(
    vlm: VLM,
    source: Image.Image,
    edited: Image.Image,
    instruction: str,
    *,
    official_compat: bool = False,
    key: str = "",
) -> Rating:
    """Ask both questions about one edit.

    Args:
        vlm: who answers.
        source: the picture before.
        edited: the picture after; it is resized (bicubic) to the source's size.
        instruction: what was asked for.
        official_compat: read answers as the official script does.
        key: decides what `official_compat` guesses.

    Raises:
        Unjudged: an answer stays malformed.
    """
    edited = edited.convert("RGB").resize(source.size)
    question = SC_QUESTION.replace("<instruction>", instruction)
    sc, first = asked(vlm, (source, edited), question, _parser(official_compat, f"SC {key}"))
    pq, second = asked(vlm, (edited,), PQ_QUESTION, _parser(official_compat, f"PQ {key}"))
    return Rating(min(sc), min(pq), (first, second))


def scores_of(said: str) -> list[float]:
    """The two scores of an answer.

    Raises:
        ValueError: there is no JSON object, or its "score" is not two numbers from 0 to 10.
    """
    scores = _json_scores(said)
    if len(scores) != 2 or not all(0.0 <= score <= 10.0 for score in scores):
        raise ValueError(f'"score" must be two numbers from 0 to 10, not {scores}')
    return scores


def official_scores(said: str, guess: Callable[[], int] | None = None) -> list[float]:
    """The scores of an answer as the official parser reads it: one number or more, of any size.

    Args:
        said: the answer.
        guess: gives the score where there is no object; None looks for a list or a number instead.

    Raises:
        ValueError: it cannot be read.
    """
    if "{" in said and "}" in said:
        return _json_scores(said)
    if guess is not None:
        return [float(guess())]
    listed = re.fullmatch(r"\[(\d+), ?(\d+)\]", said[said.find("[") : said.rfind("]") + 1])
    if listed:
        return [float(number) for number in listed.groups()]
    number = int(said)
    if not 0 <= number <= 10:
        raise ValueError(f"{number} is not from 0 to 10")
    return [float(number)]


def _parser(official_compat: bool, key: str) -> Callable[[str], list[float]]:
    """Reads one answer after another to one question; the official one begins to guess at the second."""
    if not official_compat:
        return scores_of
    tries = 0
    rng = random.Random(key)

    def parse(said: str) -> list[float]:
        nonlocal tries
        tries += 1
        return official_scores(said, (lambda: rng.randint(0, 10)) if tries > 1 else None)

    return parse


def _json_scores(said: str) -> list[float]:
    start, stop = said.find("{"), said.rfind("}") + 1
    if start < 0 or stop <= start:
        raise ValueError("there is no JSON object")
    found = json.loads(said[start:stop].replace("\n", ""))
    scores = found.get("score")
    listed = scores if isinstance(scores, list) else [scores]
    numbers = [float(one) for one in listed if isinstance(one, int | float) and not isinstance(one, bool) and one >= 0]
    if not numbers or len(numbers) < len(listed):
        raise ValueError(f'"score" is not a list of numbers from 0: {scores!r}')
    return numbers
