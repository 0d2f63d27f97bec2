"""Pairs for editing as sources: drawn while they are read (report sections 3.4 and 4.2).

Pair number i of a seed depends on nothing but both, and the emoji that are shown. Its records come one after the
other, the target last (`hanmo.data.pairs`); one that shows a picture which an earlier pair showed is a reject, since a
set keeps every picture once, perhaps in another shard. Where nothing shall change, source and target are one record.
Each record says its own licence: shapes and solids are ours, emoji are not. The ids of all records are held in memory,
16 bytes each. It does not know how pairs are drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.pairs import Pair, pair_records
from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.emoji_sets import EmojiSetsSource
from hanmo.data.synthesize.card_pairs import card_pair
from hanmo.data.synthesize.sample import CardConfig
from hanmo.data.synthesize.scene_looks import EmojiLooks, emoji_looks, objects
from hanmo.data.synthesize.scene_sample import KINDS, SceneConfig, scene_pair
from hanmo.data.synthesize.solids_sample import SOLID_KINDS, SolidConfig, solid_pair
from hanmo.errors import ConfigError, RequestError


@dataclass(frozen=True)
class PairSource:
    """Edits of scenes; a `Source`.

    Args:
        count: pairs; each is up to three records.
        seed: another seed, other pairs.
        name: what records call the set.
        kinds: some of `scene_sample.KINDS`, each as often as another.
        emoji: art that scenes may show besides shapes of our own; None for shapes alone.
        config: what scenes look like.

    Raises:
        ConfigError: no kind, or an unknown one.
    """

    count: int
    seed: int
    name: str = "pairs"
    kinds: tuple[str, ...] = KINDS
    emoji: EmojiSetsSource | None = None
    config: SceneConfig = field(default_factory=SceneConfig)

    def __post_init__(self) -> None:
        """See the class."""
        _check(self.kinds, KINDS)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; art or a font that is missing raises before the first pair."""
        looks = self._looks()
        return _records(self._pairs(looks), self.name, "pairs")

    def _pairs(self, looks: EmojiLooks) -> Iterator[Pair]:
        for number in range(self.count):
            rng = random.Random(f"pairs {self.seed} {number}")
            yield scene_pair(rng, self.config, looks, rng.choice(self.kinds))

    def _looks(self) -> EmojiLooks:
        if self.emoji is None:
            return EmojiLooks()
        wanted = replace(self.emoji, codes=tuple(objects()))
        found = emoji_looks(item for item in wanted if isinstance(item, Record))
        if not found.arts:
            raise RequestError(
                f"{self.emoji.folder} holds too few emoji for scenes: fetch the art again, or leave it out"
            )
        return found


@dataclass(frozen=True)
class SolidSource:
    """Pictures of solids with their depth, or a second view; a `Source`.

    Args:
        count: pairs; each is two records.
        seed: another seed, other pairs.
        name: what records call the set.
        kinds: some of `SOLID_KINDS`, each as often as another.
        config: what they look like.

    Raises:
        ConfigError: no kind, or an unknown one.
    """

    count: int
    seed: int
    name: str = "solids"
    kinds: tuple[str, ...] = SOLID_KINDS
    config: SolidConfig = field(default_factory=SolidConfig)

    def __post_init__(self) -> None:
        """See the class."""
        _check(self.kinds, SOLID_KINDS)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        return _records(self._pairs(), self.name, "solids")

    def _pairs(self) -> Iterator[Pair]:
        for number in range(self.count):
            rng = random.Random(f"solids {self.seed} {number}")
            yield solid_pair(rng, self.config, rng.choice(self.kinds))


@dataclass(frozen=True)
class CardPairSource:
    """Cards before and after an edit, of the training split; a `Source`.

    Args:
        count: pairs; each is two records, or one where nothing changes.
        seed: another seed, other pairs.
        name: what records call the set.
        licence: of the pictures.
        repaint: share of pairs that give the picture back as it is.
        config: which cards.

    Raises:
        ConfigError: a share outside [0, 1].
    """

    count: int
    seed: int
    name: str = "card_pairs"
    licence: str = "unknown"
    repaint: float = 0.05
    config: CardConfig = field(default_factory=CardConfig)

    def __post_init__(self) -> None:
        """See the class."""
        if not 0.0 <= self.repaint <= 1.0:
            raise ConfigError(f"the source {self.name} has repaint {self.repaint}; it must lie between 0 and 1")

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font that is not installed raises at the first pair."""
        return _records(self._pairs(), self.name, "cards")

    def _pairs(self) -> Iterator[Pair]:
        for number in range(self.count):
            rng = random.Random(f"card pairs {self.seed} {number}")
            yield card_pair(rng, self.config, self.repaint, self.licence)


def _check(kinds: tuple[str, ...], known: tuple[str, ...]) -> None:
    strange = [kind for kind in kinds if kind not in known]
    if strange or not kinds:
        what = f"there is no edit {strange[0]!r}" if strange else "no kind of edit was asked for"
        raise ConfigError(f"{what}; choose from {', '.join(known)}")


def _records(pairs: Iterable[Pair], name: str, leaf: str) -> Iterator[Record | Reject]:
    """The records of pairs, each picture once."""
    seen: set[bytes] = set()
    for number, pair in enumerate(pairs):
        where = f"{name}#{number}"
        records = pair_records(pair, name)
        target = records[-1]
        shown = [record for record in records if record.metadata["role"] != "mask"]
        if again := next((record for record in shown if bytes.fromhex(record.id) in seen), None):
            yield Reject(where, "repeat", "an earlier pair showed a picture of this one", id=again.id)
            continue
        for record in [*(record for record in records[:-1] if record.id != target.id), target]:
            if (key := bytes.fromhex(record.id)) not in seen:
                seen.add(key)
                metadata = {"where": f"{where}/{record.metadata['role']}", SYNTHESIS: leaf, **record.metadata}
                yield replace(record, metadata=metadata)
