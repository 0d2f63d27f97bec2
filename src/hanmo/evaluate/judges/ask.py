"""Asking a vision-language model until its answer can be used: a malformed one is asked for again, then unjudged.

An answer that cannot be read is no zero: it says nothing of the picture. This module knows no endpoint and no question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from PIL import Image

from hanmo.evaluate.judges.protocols import VLM, Unjudged

T = TypeVar("T")


def asked(
    vlm: VLM,
    images: Sequence[Image.Image],
    prompt: str,
    parse: Callable[[str], T],
    *,
    system: str | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    tries: int = 3,
) -> tuple[T, str]:
    """The answer to one question, parsed and as it was said.

    Args:
        vlm: who answers.
        images: what the question is about, in the order in which it names them.
        prompt: the question.
        parse: reads an answer; raises ValueError for one that it cannot read.
        system: what the model is told before.
        temperature: of sampling; a second try always samples, since at 0 it would be the same answer again.
        seed: of the first try; try number n has seed + n.
        tries: how often to ask, 1 or more.

    Raises:
        Unjudged: no try gave an answer that `parse` can read; the message quotes the last one.
    """
    said = reason = ""
    for attempt in range(tries):
        warmth = temperature if attempt == 0 else max(temperature, 0.7)
        said = vlm.ask(images, prompt, system=system, temperature=warmth, seed=seed + attempt)
        try:
            return parse(said), said
        except ValueError as error:
            reason = str(error)
    raise Unjudged(f"no usable answer in {tries} tries ({reason or 'malformed'}); the last: {said[:200]!r}")
