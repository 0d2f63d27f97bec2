"""Which samples a stage of training takes, and how often (report section 4.1.3: the axes of the curriculum).

`Only` says which may be drawn, `Weights` how often; both are data in a recipe. Entries that are alike (size,
task, source, tags) form a cell. A batch is of one size; its rows are cells of that size:

    P(size)        ~ (weighted entries of the size) ^ (1 - balance)
    P(task | size) ~ weights.tasks, of the tasks that the size has; without weights, as many as there are
    P(cell | task) ~ (entries of the cell) ^ (1 - balance) * weights.sources * weights.tags

`balance` is the report's "unbalanced to balanced", in domain and resolution: 0 takes the data as they are, 1 makes
all sizes, and all cells of a task, equal. The report gives no numbers: all of this is our choice. It does not
know when a stage begins, nor which sample of a cell is next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby

import numpy as np

from hanmo.config import nearest
from hanmo.data.buckets import RESOLUTIONS, buckets
from hanmo.errors import ConfigError
from hanmo.train.samples import TASKS, Entry

Size = tuple[int, int]


@dataclass(frozen=True)
class Only:
    """Which samples; an empty list allows all.

    Attributes:
        resolutions: 256, 640 or 1328: the nine sizes of each.
        sizes: further target sizes in pixels, [width, height].
        tasks: "t2i", "ti2i", "i2i".
        sources: names of data sources.
        tags: a sample must have all of these.
        without: and none of these.
    """

    resolutions: tuple[int, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    tasks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    def fault(self) -> str | None:
        """What is wrong, beginning with the key."""
        for resolution in self.resolutions:
            if resolution not in RESOLUTIONS:
                return f"resolutions names {resolution}; there are {', '.join(map(str, RESOLUTIONS))}"
        for width, height in self.sizes:
            if width < 16 or height < 16 or width % 16 or height % 16:
                return f"sizes names {width}x{height}; sides are multiples of 16"
        both = sorted(set(self.tags) & set(self.without))
        if both:
            return f"without names {both[0]!r}, which tags asks for; no sample has and lacks a tag"
        return _unknown_task("tasks", self.tasks)

    def takes(self, entry: Entry | Cell) -> bool:
        """Whether a sample, or every sample of a cell, may be drawn."""
        sizes, tags = sizes_taken(self), frozenset(entry.tags)
        return (
            (not sizes or entry.size in sizes)
            and (not self.tasks or entry.task in self.tasks)
            and (not self.sources or entry.source in self.sources)
            and tags.issuperset(self.tags)
            and tags.isdisjoint(self.without)
        )


@dataclass(frozen=True)
class Weights:
    """How often; all numbers are at least 0.

    Attributes:
        tasks: shares of the rows of a batch; tasks that are not named are left out. Empty: as many as there are.
        sources: factors by data source; 1 for those that are not named.
        tags: factors by tag, multiplied; 1 for those that are not named.
        balance: 0 takes sizes and cells as often as they occur, 1 equally often.
    """

    tasks: dict[str, float] = field(default_factory=dict)
    sources: dict[str, float] = field(default_factory=dict)
    tags: dict[str, float] = field(default_factory=dict)
    balance: float = 0.0

    def fault(self) -> str | None:
        """What is wrong, beginning with the key."""
        for table in ("tasks", "sources", "tags"):
            for name, value in getattr(self, table).items():
                if not 0.0 <= value < math.inf:
                    return f"{table}.{name} is {value}; it must be at least 0"
        if not 0.0 <= self.balance <= 1.0:
            return f"balance is {self.balance}; it must lie between 0 and 1"
        if self.tasks and not any(self.tasks.values()):
            return "tasks are all 0; give one a share"
        return _unknown_task("tasks", self.tasks)

    def factor(self, cell: Cell) -> float:
        """Of the cell's source and tags."""
        return self.sources.get(cell.source, 1.0) * math.prod(self.tags.get(tag, 1.0) for tag in cell.tags)


@dataclass(frozen=True)
class Cell:
    """Samples that are alike: their ids in order."""

    size: Size
    task: str
    source: str
    tags: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def name(self) -> str:
        """For the state of a run: the same while the cell's samples come and go."""
        return f"{self.size[0]}x{self.size[1]}/{self.task}/{self.source}/{'+'.join(self.tags)}"


@dataclass(frozen=True)
class Table:
    """What a stage draws from.

    Attributes:
        sizes: in order.
        shares: probability of each.
        cells: of each size, in order.
        rows: probability of each cell of each size.
    """

    sizes: tuple[Size, ...]
    shares: tuple[float, ...]
    cells: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[float, ...], ...]

    def draw(self, rng: np.random.Generator, rows: int) -> list[Cell]:
        """The cells of one batch's rows, all of one size."""
        place = _pick(self.shares, rng.random(1))[0]
        return [self.cells[place][index] for index in _pick(self.rows[place], rng.random(rows))]


def table(entries: Iterable[Entry], only: Only, weights: Weights) -> Table | None:
    """Probabilities of everything that a stage may draw; None where that is nothing."""
    return table_of(cells_of(entries), only, weights)


def table_of(cells_there: Iterable[Cell], only: Only, weights: Weights) -> Table | None:
    """The same from cells, in the order of `cells_of`."""
    by_size: dict[Size, list[Cell]] = {}
    for cell in cells_there:
        named = not weights.tasks or weights.tasks.get(cell.task, 0.0) > 0
        if named and only.takes(cell) and weights.factor(cell) > 0:
            by_size.setdefault(cell.size, []).append(cell)
    if not by_size:
        return None
    power = 1.0 - weights.balance
    masses = [sum(len(cell.ids) * weights.factor(cell) for cell in cells) ** power for cells in by_size.values()]
    rows = tuple(_rows(cells, weights, power) for cells in by_size.values())
    cells = tuple(tuple(cells) for cells in by_size.values())
    return Table(tuple(by_size), _shares(masses), cells, rows)


def cells_of(entries: Iterable[Entry]) -> list[Cell]:
    """Entries sorted into cells; their order has no influence, and an id counts once."""

    def key(entry: Entry) -> tuple[Size, str, str, tuple[str, ...]]:
        return entry.size, entry.task, entry.source, tuple(sorted(entry.tags))

    ordered = sorted(entries, key=lambda entry: (key(entry), entry.id))
    return [Cell(*kind, tuple(dict.fromkeys(each.id for each in group))) for kind, group in groupby(ordered, key)]


def more_cells(cells: Iterable[Cell], fresh: Iterable[Cell]) -> list[Cell]:
    """Cells that have grown by others' ids, which stand behind those that were there, and cells that are new."""
    found = {cell.name: cell for cell in cells}
    for cell in fresh:
        before = found.get(cell.name)
        found[cell.name] = cell if before is None else replace(before, ids=before.ids + cell.ids)
    return sorted(found.values(), key=lambda cell: (cell.size, cell.task, cell.source, cell.tags))


def sizes_taken(only: Only) -> frozenset[Size]:
    """Target sizes that are named; where none is, all are taken."""
    return _allowed(only.resolutions, only.sizes)


@lru_cache(maxsize=16)
def _allowed(resolutions: tuple[int, ...], sizes: tuple[Size, ...]) -> frozenset[Size]:
    return frozenset(sizes).union(bucket.size for resolution in resolutions for bucket in buckets(resolution))


def _rows(cells: Sequence[Cell], weights: Weights, power: float) -> tuple[float, ...]:
    masses = [len(cell.ids) ** power * weights.factor(cell) for cell in cells]
    if not weights.tasks:
        return _shares(masses)
    totals: dict[str, float] = {}
    for cell, mass in zip(cells, masses, strict=True):
        totals[cell.task] = totals.get(cell.task, 0.0) + mass
    return _shares([weights.tasks[cell.task] * m / totals[cell.task] for cell, m in zip(cells, masses, strict=True)])


def _shares(masses: Sequence[float]) -> tuple[float, ...]:
    total = math.fsum(masses)
    return tuple(mass / total for mass in masses)


def _pick(shares: Sequence[float], uniform: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[int]:
    places = np.searchsorted(np.cumsum(shares), uniform, side="right")
    return [min(int(place), len(shares) - 1) for place in places]  # the last sum may round to below 1


def _unknown_task(key: str, names: Iterable[str] | Mapping[str, float]) -> str | None:
    for name in names:
        if name not in TASKS:
            near = nearest(name, TASKS)
            return f"{key} names {name!r}; " + (f"did you mean {near!r}?" if near else f"there are {', '.join(TASKS)}")
    return None


def check_not_empty(found: Table | None, key: str, only: Only) -> Table:
    """The table.

    Raises:
        ConfigError: it is empty; the message names the stage.
    """
    if found is None:
        raise ConfigError(f"{key}.only takes none of the samples there are ({only}); widen it, or produce such samples")
    return found
