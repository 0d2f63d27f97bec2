"""Which samples are next: the cursor of a run over a source, through the stages of its curriculum.

Step and part say what is drawn (`selection`): a size, then for each row a cell of that size. Within a cell every
sample comes once before any comes again, in an order that changes with each round. How many were taken of each
cell is the only state; a run that resumes without it counts them again from step 0 and draws the same.

All parts of a step are planned by every process and only its own are loaded, so processes need not talk. Entries
are read when the run begins and at `refresh`; what a producer has added since then is not drawn before that. A
resumed run draws the same as long as the source lists the same. It does not know batches or losses.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hanmo.errors import TrainingError
from hanmo.producer.sample import Sample
from hanmo.train.curriculum import Curriculum
from hanmo.train.samples import SampleSource, held_out
from hanmo.train.selection import Cell, Table, check_not_empty, table

_CHOICE = 0
"""Sets the numbers that choose samples apart from those of rows."""
KEPT = 16
"""Steps whose plans and counts are kept, for batches made ahead and for snapshots of the step before them."""

Taken = dict[str, int]


@dataclass
class _Step:
    """What was taken of each cell before a step, and the ids of its parts."""

    before: Taken
    parts: list[list[str]]


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
    """

    source: SampleSource
    curriculum: Curriculum
    seed: int
    rows: int
    parts: int
    held_out: float = 0.0
    _tables: dict[int, Table] = field(default_factory=dict)
    _taken: Taken = field(default_factory=dict)
    _next: int = 0
    _steps: dict[int, _Step] = field(default_factory=dict)
    _orders: dict[str, tuple[int, list[int]]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Read the entries.

        Raises:
            ConfigError: a stage takes none of them; the message names it.
        """
        self.refresh()

    def refresh(self) -> None:
        """Read the source's entries again; steps that are planned already stay as they are.

        Raises:
            ConfigError: a stage takes none of them; the message names it, and nothing has changed.
        """
        entries = [entry for entry in self.source.entries() if not held_out(entry.id, self.held_out)]
        tables = {}
        for place, stage in enumerate(self.curriculum.config.stages):
            key = f"curriculum.stages.{stage.name}"
            tables[place] = check_not_empty(table(entries, stage.only, stage.weights), key, stage.only)
        with self._lock:
            self._tables, self._orders = tables, {}

    def samples(self, step: int, part: int) -> list[Sample]:
        """The samples of batch number (step, part), all of one size.

        Raises:
            TrainingError: a step that was passed long ago.
        """
        return [self.source.sample(key) for key in self.ids(step, part)]

    def ids(self, step: int, part: int) -> list[str]:
        """Their ids; see `samples`."""
        with self._lock:
            self._plan(step)
            return self._steps[step].parts[part]

    def state_dict(self, step: int | None = None) -> dict[str, Any]:
        """What was taken before step number `step`; None: before the first one that is not planned yet.

        Raises:
            TrainingError: a step that was passed long ago.
        """
        with self._lock:
            step = self._next if step is None else step
            if step != self._next:
                self._plan(step)
            taken = self._taken if step == self._next else self._steps[step].before
            return {"step": step, "taken": dict(taken)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the step of a state."""
        with self._lock:
            self._next = int(state["step"])
            self._taken = {str(name): int(count) for name, count in state["taken"].items()}
            self._steps, self._orders = {}, {}

    def _plan(self, step: int) -> None:
        """Plan all steps up to this one."""
        if step < self._next and step not in self._steps:
            raise TrainingError(f"step {step} was passed long ago; begin anew or load the state of an earlier step")
        while self._next <= step:
            before, now = dict(self._taken), self._next
            place = self.curriculum.stage(now)
            found, rows = self._tables[place], self.curriculum.config.stages[place].batch or self.rows
            parts = []
            for part in range(self.parts):
                rng = np.random.default_rng([self.seed, _CHOICE, now, part])
                parts.append([self._take(cell) for cell in found.draw(rng, rows)])
            self._steps[now] = _Step(before, parts)
            self._steps.pop(now - KEPT, None)
            self._next += 1

    def _take(self, cell: Cell) -> str:
        """The next sample of a cell."""
        count = self._taken.get(cell.name, 0)
        self._taken[cell.name] = count + 1
        turn, place = divmod(count, len(cell.ids))
        if self._orders.get(cell.name, (-1, []))[0] != turn:
            own = int.from_bytes(hashlib.sha256(cell.name.encode()).digest()[:8], "big")
            order = np.random.default_rng([self.seed, _CHOICE, own, turn]).permutation(len(cell.ids))
            self._orders[cell.name] = (turn, order.tolist())
        return cell.ids[self._orders[cell.name][1][place]]
