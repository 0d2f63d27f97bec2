"""From a shard of the data engine to what shall be encoded: pictures, words, a task (report section 4.1.1).

Records go through the chosen operators first, so that a running producer can be made stricter without another run of
the data engine. A captioned picture is text to image, a pair an edit; either gives reconstruction, and a pair's target
text to image, where that is asked for. Ids are known here already, before anything is decoded twice or encoded. It does
not know models or sizes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.data.look import picture_of
from hanmo.data.operator import Operator, Thresholds, check_thresholds, decide, measured
from hanmo.data.operators import find_operators
from hanmo.data.pairs import Pair, pairs_of
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.shards import read_shard
from hanmo.errors import ConfigError, HanmoError
from hanmo.producer.config import ChooseConfig
from hanmo.producer.sample import Task
from hanmo.producer.tags import tags_of


@dataclass(frozen=True, eq=False)
class Item:
    """One sample before it is encoded.

    Attributes:
        task: see `Sample`.
        target: RGB.
        sources: RGB, in the order in which words count them; for i2i the target itself.
        caption: the words; "" for i2i, where the configuration says them.
        pictures: content hashes of target and sources.
        source: name of the data source.
        tags: see `tags`.
    """

    task: Task
    target: Image.Image
    sources: tuple[Image.Image, ...]
    caption: str
    pictures: tuple[str, ...]
    source: str
    tags: frozenset[str] = frozenset()


def operators_of(choose: ChooseConfig, modules: Sequence[str] = ()) -> tuple[Operator, ...]:
    """The operators that a configuration names.

    Args:
        choose: names, tables and thresholds.
        modules: more modules with OPERATORS (see `hanmo.data.operators`).

    Raises:
        ConfigError: an operator or a threshold that there is not, or one that must see a whole set first.
    """
    wanted = find_operators(choose.use, choose.config, modules, ("choose",))
    if whole := [one.name for one in wanted if one.prepares]:
        raise ConfigError(f"choose.use names {whole[0]}, which must see a whole set first: use it in hanmo data run")
    operators = tuple(one.build((), Path(), Path()) for one in wanted)
    check_thresholds(operators, choose.thresholds)
    return operators


def items_of(
    shard: Path, choose: ChooseConfig, operators: Sequence[Operator] = (), counts: Counter[str] | None = None
) -> Iterator[Item]:
    """The items of one shard, in its order: single pictures first, then pairs.

    Args:
        shard: a tar that `hanmo data run` left.
        choose: tasks, captions, thresholds.
        operators: from `operators_of`.
        counts: what was left out, and why, is counted here.

    Raises:
        RequestError: there is no such shard.
        HanmoError: it is damaged.
    """
    counts = Counter() if counts is None else counts
    parts: list[Record] = []
    tags: dict[str, frozenset[str]] = {}
    for record in read_shard(shard):
        role = record.metadata.get("role")
        scores = {} if role == "mask" else _scores(record, operators, choose.thresholds, counts)
        if scores is None:
            continue
        tags[record.id] = tags_of(record, choose.tags, scores)
        if role is None:
            yield from _singles(record, choose, tags[record.id], counts)
        else:
            parts.append(record)
    targets = (record for record in parts if isinstance(record.metadata.get("edit"), Mapping))
    for target, found in zip(targets, pairs_of(parts), strict=True):
        if isinstance(found, Reject):
            counts[found.kind] += 1
        else:
            yield from _edits(found, choose, target.source, tags[target.id])


def _scores(
    record: Record, operators: Sequence[Operator], thresholds: Thresholds, counts: Counter[str]
) -> dict[str, float] | None:
    """What the chosen operators found, "operator.score"; None where a verdict is against the record."""
    results = {operator.name: measured(operator, record) for operator in operators}
    against = next((verdict for verdict in decide(results, thresholds) if verdict.outcome != "kept"), None)
    if against is not None:
        counts[f"{against.outcome} by {against.operator}"] += 1
        return None
    return {f"{name}.{score}": value for name, one in results.items() for score, value in one.scores.items()}


def _singles(record: Record, choose: ChooseConfig, tags: frozenset[str], counts: Counter[str]) -> Iterator[Item]:
    try:
        picture = Image.fromarray(picture_of(record))
    except HanmoError:
        counts["no_picture"] += 1
        return
    if "t2i" in choose.tasks:
        for said in _said(record.captions, choose):
            yield Item("t2i", picture, (), said, (record.id,), record.source, tags)
    if "i2i" in choose.tasks:
        yield Item("i2i", picture, (picture,), "", (record.id, record.id), record.source, tags)


def _edits(pair: Pair, choose: ChooseConfig, source: str, tags: frozenset[str]) -> Iterator[Item]:
    target = Image.fromarray(pair.target)
    sources = tuple(Image.fromarray(pixels) for pixels in pair.sources)
    names = tuple(pixels_hash(picture) for picture in (target, *sources))
    if "ti2i" in choose.tasks:
        for said in _said(pair.instructions, choose):
            yield Item("ti2i", target, sources, said, names, source, tags)
    if "t2i" in choose.tasks and choose.described:
        for said in _said(pair.captions, choose):
            yield Item("t2i", target, (), said, names[:1], source, tags)
    if "i2i" in choose.tasks:
        yield Item("i2i", target, (target,), "", (names[0], names[0]), source, tags)


def _said(captions: Sequence[Caption], choose: ChooseConfig) -> list[str]:
    texts = list(dict.fromkeys(caption.text for caption in captions))
    return texts if choose.captions == "all" else texts[:1]


def pixels_hash(picture: Image.Image) -> str:
    """32 hexadecimal digits that name a decoded RGB picture."""
    found = hashlib.blake2b(repr(picture.size).encode(), digest_size=16)
    found.update(np.ascontiguousarray(picture).tobytes())
    return found.hexdigest()
