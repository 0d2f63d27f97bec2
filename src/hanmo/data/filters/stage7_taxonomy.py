"""Stage 7: the place of a picture in the tree of categories, and how rare its words are (report section 3.2).

    taxonomy   leaf 0/1, confidence 0-1    in which category; the names stand in the record's metadata
    balance    excess                      place in the queue of its category, in shares of what is wanted: <= 1 is kept

`taxonomy` looks at captions; synthetic pictures name their leaf themselves. `balance` reads a table that
`hanmo.data.balance.plan_balance` made from the whole set, so it is deterministic whatever the number of workers.
Neither looks at pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Record
from hanmo.data.taxonomy import OWN, leaf_called, place
from hanmo.errors import ConfigError, RequestError

SYNTHESIS = "synthesis"
"""Key of a record's metadata: which leaf of the domain synthetic drew it."""


@dataclass(frozen=True)
class TaxonomyConfig:
    """How a picture is placed.

    Args:
        file: a tree of the form of `taxonomy.txt`; "" is our own.
    """

    file: str = ""


@dataclass(frozen=True)
class Taxonomy:
    """Category by the words of the captions; `leaf` is 1 where there is one, and `confidence` 0 where there is none."""

    config: TaxonomyConfig = TaxonomyConfig()
    name = "taxonomy"
    version = 1
    scores = ("leaf", "confidence")

    def measure(self, record: Record) -> Measured:
        """See the class."""
        file = Path(self.config.file) if self.config.file else OWN
        drawn = record.metadata.get(SYNTHESIS)
        if drawn is not None:
            leaf = leaf_called(f"synthetic/rendered text/{drawn}", file)
            if leaf is None:
                return Measured({}, failure=f"its metadata says synthesis = {drawn!r}, which is no leaf of the tree")
            return Measured({"leaf": 1.0, "confidence": 1.0}, {"leaf": leaf.name, "domain": leaf.domain})
        found = place([caption.text for caption in record.captions], file)
        if found is None:
            return Measured({"leaf": 0.0, "confidence": 0.0})
        known = {"leaf": found.leaf.name, "domain": found.leaf.domain, "words": list(found.words)}
        return Measured({"leaf": 1.0, "confidence": found.confidence}, known)


@dataclass(frozen=True)
class BalanceOperatorConfig:
    """Which plan is followed.

    Args:
        table: the Parquet file that `plan_balance` wrote.
        digest: its `digest`; another plan gives other scores.
    """

    table: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Balance:
    """A record's place in the queue of its category, divided by how many of it are wanted."""

    config: BalanceOperatorConfig = BalanceOperatorConfig()
    name = "balance"
    version = 1
    scores = ("excess",)

    def measure(self, record: Record) -> Measured:
        """See the class."""
        plan = _plan(self.config)
        if record.id not in plan:
            return Measured({}, failure="it was not there when the balance was planned: plan again")
        return Measured({"excess": plan[record.id]})


@cache
def _plan(config: BalanceOperatorConfig) -> dict[str, float]:
    if not config.table:
        raise ConfigError("balance needs the table of a plan: see hanmo.data.balance.plan_balance")
    try:
        table = pq.read_table(config.table, columns=["id", "excess"])
    except OSError as error:
        raise RequestError(f"the plan {config.table} cannot be read ({error.strerror or error}): plan again") from None
    return dict(zip(table["id"].to_pylist(), table["excess"].to_pylist(), strict=True))


OPERATORS: Mapping[str, type[Operator]] = {"taxonomy": Taxonomy, "balance": Balance}
