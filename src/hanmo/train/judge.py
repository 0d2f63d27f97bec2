"""What a judge of text tells a training run; the judge itself is handed in by the command line.

Pictures are PIL images; boxes are (left, top, right, bottom) in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Verdict:
    """What was read, whether it is what was asked for, and the share of characters that are right."""

    read: str
    exact: bool
    characters: float


Judge = Callable[[Image.Image, Box, str], Verdict]
"""Reads the text inside a box of a picture and compares it with the text that was asked for."""


def summary(verdicts: Sequence[Verdict], name: str) -> dict[str, float]:
    """Shares of exact texts and of right characters, under `name`; nothing where nothing was judged."""
    if not verdicts:
        return {}
    count = len(verdicts)
    return {
        f"{name}_exact": sum(verdict.exact for verdict in verdicts) / count,
        f"{name}_characters": sum(verdict.characters for verdict in verdicts) / count,
    }
