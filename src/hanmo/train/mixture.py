"""Which samples are next: the cursor of a run over a source, through the stages of its curriculum.

Step and part say what is drawn (`selection`): a size, then for each row a cell of that size. Within a cell every
sample comes once before any comes again, in an order that changes with each round. A source may grow (`growing`): what
is new is drawn from a step on that is said ahead, and joins those of its cell that are still to come in their round.

All parts of a step are planned by every process and only its own are loaded, so processes need not talk. Everything is
a function of the seed, of what the source listed, and of what it has grown by and when; a resumed run counts from step
0 again and draws the same. It does not know batches or losses.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hanmo.errors import TrainingError
from hanmo.producer.sample import Sample
from hanmo.train.curriculum import Curriculum
from hanmo.train.samples import Entry, SampleSource, held_out
from hanmo.train.selection import Cell, Table, cells_of, check_not_empty, more_cells, table_of

_CHOICE = 0
"""Sets the numbers that choose samples apart from those of rows."""
KEPT = 16
"""Steps whose plans are kept, for batches made ahead."""


@dataclass
class _Round:
    """A round through a cell: its number, and who is still to come, the next one last."""

    turn: int
    left: list[str]


@dataclass
class Mixture:
    """Samples of a run as a function of step and part; may be asked by several threads.

    Attributes:
        source: of samples.
        curriculum: which of them when.
        seed: of all choices.
        rows: samples of a batch, where the stage does not say.
        parts: batches of a step.
        held_out: share of samples that is never drawn (`ValidationConfig.share`).
        growing: whether samples come by `grow`; then a stage may be without any until it begins.
    """

    source: SampleSource
    curriculum: Curriculum
    seed: int
    rows: int
    parts: int
    held_out: float = 0.0
    growing: bool = False
    _cells: list[Cell] = field(default_factory=list)
    _tables: list[Table | None] = field(default_factory=list)
    _coming: list[tuple[int, list[Entry]]] = field(default_factory=list)
    _next: int = 0
    _steps: dict[int, list[list[str]]] = field(default_factory=dict)
    _rounds: dict[str, _Round] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Read the entries.

        Raises:
            ConfigError: a stage takes none of them; the message names it.
        """
        self._tables = [None] * len(self.curriculum.config.stages)
        self._add(self.source.entries())
        if not self.growing:
            for stage, found in zip(self.curriculum.config.stages, self._tables, strict=True):
                check_not_empty(found, f"curriculum.stages.{stage.name}", stage.only)

    def grow(self, step: int, entries: Sequence[Entry]) -> None:
        """Draw these samples too, from step number `step` on; said more than once of a step, it is as if at once.

        Raises:
            TrainingError: the step is planned already.
        """
        with self._lock:
            if step < self._next:
                raise TrainingError(f"samples came for step {step}, but the batches of step {self._next - 1} are made")
            self._coming.append((step, list(entries)))

    def drawable(self, step: int) -> int:
        """How many samples the stage of a step that is not planned yet may draw."""
        with self._lock:
            place = self.curriculum.stage(step)
            stage = self.curriculum.config.stages[place]
            found = table_of(self._cells_at(step), stage.only, stage.weights)
            return 0 if found is None else sum(len(cell.ids) for cells in found.cells for cell in cells)

    def lacks(self, step: int) -> bool:
        """Whether there is nothing to draw at such a step."""
        with self._lock:
            return self._tables[self.curriculum.stage(step)] is None and not self.drawable(step)

    def samples(self, step: int, part: int) -> list[Sample]:
        """The samples of batch number (step, part), all of one size.

        Raises:
            TrainingError: a step that was passed long ago, or whose stage has nothing to draw.
        """
        return [self.source.sample(key) for key in self.ids(step, part)]

    def ids(self, step: int, part: int) -> list[str]:
        """Their ids; see `samples`."""
        with self._lock:
            self._plan(step)
            return self._steps[step][part]

    def _plan(self, step: int) -> None:
        """Plan all steps up to this one."""
        if step < self._next and step not in self._steps:
            raise TrainingError(f"step {step} was passed long ago; begin anew or resume an earlier step")
        while self._next <= step:
            now = self._next
            due = [entry for at, entries in self._coming if at <= now for entry in entries]
            if due:
                self._coming = [(at, entries) for at, entries in self._coming if at > now]
                self._add(due)
            place = self.curriculum.stage(now)
            stage, found = self.curriculum.config.stages[place], self._tables[place]
            if found is None:
                raise TrainingError(f"curriculum.stages.{stage.name} has nothing to draw at step {now}")
            rows, parts = stage.batch or self.rows, []
            for part in range(self.parts):
                rng = np.random.default_rng([self.seed, _CHOICE, now, part])
                parts.append([self._take(cell) for cell in found.draw(rng, rows)])
            self._steps[now] = parts
            self._steps.pop(now - KEPT, None)
            self._next += 1

    def _take(self, cell: Cell) -> str:
        """The next sample of a cell."""
        found = self._rounds.get(cell.name)
        if found is None or not found.left:
            found = self._rounds[cell.name] = _Round(0 if found is None else found.turn + 1, [])
            order = self._rng(cell, found.turn).permutation(len(cell.ids))
            found.left = [cell.ids[place] for place in reversed(order.tolist())]
        return found.left.pop()

    def _rng(self, cell: Cell, *more: int) -> np.random.Generator:
        own = int.from_bytes(hashlib.sha256(cell.name.encode()).digest()[:8], "big")
        return np.random.default_rng([self.seed, _CHOICE, own, *more])

    def _add(self, entries: Sequence[Entry]) -> None:
        """Take entries into the cells, into rounds that have begun, and into the stages' tables."""
        fresh = self._drawn(entries)
        self._cells = more_cells(self._cells, fresh)
        for cell in fresh:
            begun = self._rounds.get(cell.name)
            if begun is not None:
                left = sorted([*begun.left, *cell.ids])
                order = self._rng(cell, begun.turn, len(left)).permutation(len(left))
                begun.left = [left[place] for place in order.tolist()]
        for place, stage in enumerate(self.curriculum.config.stages):
            self._tables[place] = table_of(self._cells, stage.only, stage.weights)

    def _cells_at(self, step: int) -> list[Cell]:
        due = [entry for at, entries in self._coming if at <= step for entry in entries]
        return more_cells(self._cells, self._drawn(due)) if due else self._cells

    def _drawn(self, entries: Sequence[Entry]) -> list[Cell]:
        return cells_of(entry for entry in entries if not held_out(entry.id, self.held_out))
