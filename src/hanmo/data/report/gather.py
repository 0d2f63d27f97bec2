"""What the page says of one stage, from its index and its rejects: no picture is read, no more than samples is kept.

A record is shown under a score because it lies near a threshold of it, because it is an extreme of a score without
one, because an operator failed on it, or by chance. Chance is a hash of the record's id, so that the same run gives
the same page. It does not know HTML.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanmo.data.layout import places, rejects_in, shard_in
from hanmo.data.operator import Threshold
from hanmo.data.recipe import StageTable
from hanmo.data.rejects import Reject, read_rejects
from hanmo.data.shards import read_index

SHOWN = 8
"""Records in one row of a sheet."""
MOSAIC = 24
"""Records of a set that are taken by chance."""
DISTINCT = 12
"""Most values of a score that are counted one by one; beyond, they are counted in bins."""
_SAMPLE = 500
_COLUMNS = ["id", "captions", "source", "licence", "metadata", "scores", "verdicts"]

FACETS = ("domain", "source", "licence", "language")
"""What the mix of a set is told by."""


@dataclass(frozen=True)
class Row:
    """A record as a stage saw it.

    Attributes:
        id: its id.
        shard: the tar that holds its bytes.
        caption: the first one; "" without any.
        where: the place in its source.
        facets: of each of `FACETS`, what it is.
        scores: "operator.score" -> value, of all stages so far.
        failures: operator of this stage -> why it gave no score.
        reject: why it did not go on; None where it did.
    """

    id: str
    shard: Path
    caption: str
    where: str
    facets: Mapping[str, str]
    scores: Mapping[str, float]
    failures: Mapping[str, str]
    reject: Reject | None = None

    @property
    def chance(self) -> bytes:
        """Eight bytes by which rows are in a random order that is always the same."""
        return hashlib.blake2b(self.id.encode(), digest_size=8).digest()


def rows_of(before: Path, after: Path) -> Iterator[Row]:
    """Every record that came into a stage, shard by shard: those that went on, then those that did not.

    Args:
        before: the set that came in, where the bytes of rejected records lie.
        after: the set that went on.
    """
    for place in places(after):
        for known in read_index(shard_in(place), _COLUMNS):
            yield _row(known, shard_in(place), json.loads(str(known["metadata"])), None)
        for reject in read_rejects(rejects_in(place)):
            record = json.loads(reject.record)
            yield _row(record, before / place.name / f"{place.name}.tar", record["metadata"], reject)


def _row(known: Mapping[str, Any], shard: Path, metadata: Mapping[str, Any], reject: Reject | None) -> Row:
    captions = known["captions"]
    placed = metadata.get("taxonomy")
    domain = (placed.get("domain") if isinstance(placed, Mapping) else None) or metadata.get("domain")
    facets = {
        "domain": str(domain or "unknown"),
        "source": known["source"] or "unknown",
        "licence": known["licence"],
        "language": " + ".join(sorted({caption["language"] for caption in captions})) or "no caption",
    }
    failures = {one["operator"]: one["reason"] for one in known["verdicts"] if one["outcome"] == "failed"}
    return Row(
        known["id"],
        shard,
        captions[0]["text"] if captions else "",
        str(metadata.get("where", known["source"])),
        facets,
        dict(known["scores"]),
        failures,
        reject,
    )


class Nearest:
    """The rows with the smallest keys, in order; no more than `size` are kept."""

    def __init__(self, size: int = SHOWN) -> None:
        self._size = size
        self._heap: list[tuple[_Reversed, int, Row]] = []
        self._count = 0

    def add(self, key: Any, row: Row) -> None:
        """Take a row, or leave it."""
        self._count += 1
        heapq.heappush(self._heap, (_Reversed((key, row.chance)), self._count, row))
        if len(self._heap) > self._size:
            heapq.heappop(self._heap)

    @property
    def rows(self) -> list[Row]:
        """Smallest key first."""
        return [row for *_, row in sorted(self._heap, key=lambda item: item[0].key)]


@dataclass(frozen=True)
class _Reversed:
    key: tuple[Any, bytes]

    def __lt__(self, other: _Reversed) -> bool:
        return self.key > other.key


@dataclass
class ScoreFacts:
    """What is known of one score.

    Attributes:
        operator: whose it is.
        score: its name.
        threshold: what is kept; None where it only informs.
        count: records that have it.
        low: smallest value.
        high: largest value.
        below: records under the threshold.
        above: records over it.
        values: value -> records, while there are no more than `DISTINCT` of them; else empty.
        kept: rows just inside the threshold; without one, those of the lowest values.
        dropped: rows just outside; without one, those of the highest values.
    """

    operator: str
    score: str
    threshold: Threshold | None
    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    below: int = 0
    above: int = 0
    values: Counter[float] = field(default_factory=Counter)
    many: bool = False
    kept: Nearest = field(default_factory=Nearest)
    dropped: Nearest = field(default_factory=Nearest)
    _chances: list[tuple[_Reversed, float]] = field(default_factory=list)

    @property
    def inside(self) -> int:
        """Records within the threshold."""
        return self.count - self.below - self.above

    def add(self, value: float, row: Row) -> None:
        """Take a record's value."""
        self.count += 1
        self.low, self.high = min(self.low, value), max(self.high, value)
        if not self.many:
            self.values[value] += 1
            if len(self.values) > DISTINCT:
                self.many = True
                self.values.clear()
        heapq.heappush(self._chances, (_Reversed((row.chance, b"")), value))
        if len(self._chances) > _SAMPLE:
            heapq.heappop(self._chances)
        if self.threshold is None:
            self.kept.add(value, row)
            self.dropped.add(-value, row)
            return
        low, high = self.threshold.low, self.threshold.high
        self.below += low is not None and value < low
        self.above += high is not None and value > high
        near = min(abs(value - bound) for bound in (low, high, math.inf) if bound is not None)
        (self.kept if self.threshold.holds(value) else self.dropped).add(near, row)

    def median(self) -> float:
        """The middle of the sample."""
        values = sorted(value for _, value in self._chances)
        return values[len(values) // 2] if values else math.nan


@dataclass
class OperatorFacts:
    """What is known of one operator of a stage.

    Attributes:
        name: its name.
        scores: by their names.
        charged: records that it was the first to keep back, by chance.
        failed: records that went no further because it could not measure them.
        failures: how many it could not measure, those included that an earlier operator kept back.
    """

    name: str
    scores: dict[str, ScoreFacts] = field(default_factory=dict)
    charged: Nearest = field(default_factory=Nearest)
    failed: Nearest = field(default_factory=Nearest)
    failures: int = 0


@dataclass
class SetFacts:
    """What is known of one set: its mix (facet -> what -> records), and some of its records by chance."""

    shares: dict[str, Counter[str]] = field(default_factory=lambda: {facet: Counter() for facet in FACETS})
    some: Nearest = field(default_factory=lambda: Nearest(MOSAIC))

    def add(self, row: Row) -> None:
        """Take a record of the set."""
        for facet, counter in self.shares.items():
            counter[row.facets[facet]] += 1
        self.some.add(row.chance, row)


@dataclass
class StageFacts:
    """What is known of one stage: its operators in their order, and the set that went on."""

    table: StageTable
    operators: dict[str, OperatorFacts]
    kept: SetFacts = field(default_factory=SetFacts)


def gather_set(folder: Path) -> SetFacts:
    """Read the index of the set that the sources gave."""
    facts = SetFacts()
    for place in places(folder):
        for known in read_index(shard_in(place), _COLUMNS):
            facts.add(_row(known, shard_in(place), json.loads(str(known["metadata"])), None))
    return facts


def gather(before: Path, after: Path, table: StageTable) -> StageFacts:
    """Read a stage's index and rejects once.

    Args:
        before: the set that came in.
        after: the set that went on.
        table: the stage in the recipe.
    """
    operators = {name: OperatorFacts(name) for name in table.use}
    facts = StageFacts(table, operators)
    for row in rows_of(before, after):
        if row.reject is None:
            facts.kept.add(row)
        elif row.reject.operator in operators:
            operators[row.reject.operator].charged.add(row.chance, row)
        for name, why in row.failures.items():
            if why and name in operators:
                operators[name].failures += 1
                if row.reject is not None and (row.reject.operator, row.reject.kind) == (name, "failed"):
                    operators[name].failed.add(row.chance, row)
        for key, value in row.scores.items():
            name, _, score = key.partition(".")
            if name in operators:
                _score(operators[name], score, table).add(value, row)
    return facts


def _score(operator: OperatorFacts, score: str, table: StageTable) -> ScoreFacts:
    if score not in operator.scores:
        threshold = table.thresholds.get(operator.name, {}).get(score)
        operator.scores[score] = ScoreFacts(operator.name, score, threshold)
    return operator.scores[score]


def values_of(before: Path, after: Path, keys: Sequence[str]) -> Iterator[tuple[str, float]]:
    """The second pass: ("operator.score", value) of each record of a stage that has it."""
    wanted = set(keys)
    for row in rows_of(before, after):
        for key, value in row.scores.items():
            if key in wanted:
                yield key, value
