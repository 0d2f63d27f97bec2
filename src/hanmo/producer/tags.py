"""What a curriculum may ask of a sample beside its task, size and source: its tags (report section 4.1.3).

    text        something is written in the picture: stage 4 has read it (`text_split`), or it was drawn with a text
    synthetic   a program drew the picture (report section 3.4)
    nature, design, people, synthetic   its domain: the taxonomy's (stage 7), else what its source says

and those of a recipe's `choose.tags`: scores within thresholds, such as "refined". So "text" is missing also where
nobody has looked: let `text_split` read photographs before they are called free of text. The report names the axes of
its curriculum, not how it knew where a picture stands: all of this is our choice. It does not know stages of training.
"""

from __future__ import annotations

from collections.abc import Mapping

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.operator import Thresholds
from hanmo.data.record import Json, Record
from hanmo.data.taxonomy import DOMAINS

WRITTEN = ("cards", "paragraphs", "scenes", "slides and pages")
"""Leaves of the domain synthetic whose pictures always show a text; pairs and solids may have none."""


def tags_of(record: Record, rules: Mapping[str, Thresholds], scores: Mapping[str, float]) -> frozenset[str]:
    """The tags of a record.

    Args:
        record: as `hanmo data run` left it; of a pair, the target.
        rules: tag -> thresholds of scores (`ChooseConfig.tags`).
        scores: "operator.score" -> what a producer has measured just now, before the record's own.
    """
    known = record.metadata
    drawn, read = known.get(SYNTHESIS), _table(known.get("text_split")).get("language")
    found = {"text"} if (drawn in WRITTEN if read is None else read != "none") else set()
    domain = _table(known.get("taxonomy")).get("domain", known.get("domain"))
    found |= {name for name in DOMAINS if name == domain}
    if drawn is not None:
        found.add("synthetic")
    have = {**record.scores, **scores}
    return frozenset(found | {tag for tag, rule in rules.items() if _holds(rule, have)})


def _holds(rule: Thresholds, scores: Mapping[str, float]) -> bool:
    wanted = ((scores.get(f"{name}.{score}"), one) for name, table in rule.items() for score, one in table.items())
    return all(value is not None and threshold.holds(value) for value, threshold in wanted)


def _table(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
