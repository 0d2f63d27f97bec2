"""What the runner asks of whoever paints; it knows no model, no network and no file.

A picture depends on its own order alone: the same order gives the same picture, alone or beside others, where the
painter can promise that at all (an endpoint may not).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from PIL import Image

from hanmo.evaluate.types import Json, Prompt


@dataclass(frozen=True)
class Order:
    """One picture that is asked for.

    Attributes:
        prompt: what it shall show.
        number: which of the prompt's pictures, from 0.
        seed: of its noise.
    """

    prompt: Prompt
    number: int
    seed: int


@dataclass(frozen=True)
class Unpainted:
    """Why there is no picture: the painter refuses this prompt, and other prompts may go well."""

    reason: str


Painted: TypeAlias = Image.Image | Unpainted


@runtime_checkable
class Generator(Protocol):
    """Paints."""

    @property
    def batch(self) -> int:
        """How many orders it likes to be given at once, 1 or more."""

    @property
    def concurrent(self) -> bool:
        """Whether several threads may call `paint` at once."""

    def describe(self) -> Mapping[str, Json]:
        """Kind, name, and every setting that a picture depends on. The same answer, the same pictures."""

    def check(self, orders: Sequence[Order]) -> None:
        """See, before anything is painted, whether these could be.

        Raises:
            RequestError: a task that this painter does not know, a picture that is not there.
        """

    def paint(self, orders: Sequence[Order], sources: Sequence[Sequence[Image.Image]]) -> list[Painted]:
        """A picture for each order, or why there is none.

        Args:
            orders: at most `batch`, of any tasks and sizes.
            sources: the source pictures of each; empty for `generate`.

        Raises:
            RequestError: nothing can be painted at all, and another try would not help.
        """
