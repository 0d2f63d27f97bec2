"""Stage 7: the place of a picture in the tree of categories (report section 3.2).

    taxonomy   leaf 0/1, confidence 0-1    in which category; the names stand in the record's metadata

It looks at captions; synthetic pictures name their leaf themselves. How many of each category go on is the operator
`balance`, which needs the whole set placed and so stands in a stage of its own: see `hanmo.data.balance`. It does not
look at pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Record
from hanmo.data.taxonomy import OWN, leaf_called, place

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
    version = 2
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


OPERATORS: Mapping[str, type[Operator]] = {"taxonomy": Taxonomy}
