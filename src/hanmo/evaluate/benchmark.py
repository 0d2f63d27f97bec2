"""What a benchmark is (report section 5): a list of prompts, a way to judge their pictures, a table of figures.

A benchmark is a frozen dataclass in a file of its own in `benchmarks/`, whose docstring is the paper: what is asked,
who judges, how the figure is computed, where the official script differs (`official_compat=True` reproduces that).
Generating, writing files, progress, retries and intervals are the runner's (`run.py`); judges come as protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score


@dataclass(frozen=True)
class DataFile:
    """A file that a benchmark needs, and where its authors keep it. It is fetched, never shipped.

    Attributes:
        path: its place in the data folder, such as `geneval/evaluation_metadata.jsonl`.
        url: its home, at a fixed commit; None: there is no direct link, and `licence` says how to get it.
        sha256: of its bytes, in hexadecimal.
        licence: what a user is told before it is fetched.
        part: of a split that only some runs need, such as "zh"; "" belongs to all.
    """

    path: str
    url: str | None
    sha256: str
    licence: str
    part: str = ""


def refuse_compat(name: str, official_compat: bool) -> None:
    """For a benchmark without an official script.

    Raises:
        RequestError: compatibility with it was asked for.
    """
    if official_compat:
        raise RequestError(f"{name} has no official script to be compatible with: leave official_compat out")


@runtime_checkable
class Benchmark(Protocol):
    """What the runner asks of a benchmark."""

    @property
    def name(self) -> str:
        """What the command line calls it."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def official_compat(self) -> bool:
        """Whether the official script's quirks are reproduced."""

    @property
    def images(self) -> int:
        """Pictures a prompt, as the protocol has it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Roles of the judges, see `judges.protocols`; empty where arithmetic judges."""

    @property
    def files(self) -> tuple[DataFile, ...]:
        """What must be in the data folder."""

    @property
    def questions(self) -> Mapping[str, str]:
        """Templates that judges are asked with, by name; their hash is recorded. Empty where nothing is asked."""

    @property
    def percent(self) -> bool:
        """Whether figures are shares (0-1) that tables show in per cent."""

    @property
    def lower_is_better(self) -> frozenset[str]:
        """Names of figures that are better when lower."""

    def load(self, data: Path) -> list[Prompt]:
        """All prompts of the official file, in its order.

        Args:
            data: the folder that holds `files`.

        Raises:
            RequestError: a file that is missing or of another schema, with one line that says what to do.
        """

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """The source pictures of an edit or a reconstruction; none for a generation."""

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """Scores of all pictures of one prompt, and (`picture=None`) of all together.

        Raises:
            Unjudged: nothing about this prompt could be judged; the runner counts each picture as unjudged.
        """

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The table: figures by name, the headline first; nan where nothing is judged.

        A function of the results alone: the bootstrap calls it for resampled prompts (a prompt may stand twice).
        """
