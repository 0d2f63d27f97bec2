"""Raw, recaption, fused: which captions a record has, and which of them a trainer reads (report section 3.2, stage 3).

The report splits its set by the origin of captions: *raw* ones from whoever published the picture, which know names and
places; *recaptions* of a captioner, which know what is to be seen; and *fused* ones of both. Here a split is a pure
function of a record's captions, and a fused caption is made when it is read, so nothing is stored twice:

    raw        Great Wall at Badaling
    recaption  A stone wall with towers runs along a green ridge under a cloudy sky.
    fused      Great Wall at Badaling. A stone wall with towers runs along a green ridge under a cloudy sky.

The raw text comes first, where no limit of length cuts its names off. A part that the other one says already, letter
for letter, is left out, and captions of two languages are not fused. (The report does not say how it fuses; a
language model could weave the two together, as `annotate` asks one for captions.) Captions that break a rule of
`caption_rules` are never read.

Which caption is read follows from the record's id, a seed and three weights, the same on every machine; a trainer
gives another seed in each epoch. The report gives no weights: equal ones are the default. What the program that drew a
picture says of it ("synthetic") describes what is to be seen, and is read where recaptions are.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hanmo.data.filters.caption_rules import broken_rules
from hanmo.data.filters.scripts import units_of
from hanmo.data.record import Caption, Record
from hanmo.errors import ConfigError

Split = Literal["raw", "recaption", "fused", "synthetic", "none"]
"""Which captions a record has: those of its publisher, of a captioner, both, only those of a program, none."""

SPLITS: tuple[Split, ...] = ("raw", "recaption", "fused", "synthetic", "none")

Kind = Literal["raw", "recaption", "fused"]

_ENDS = ".!?…。！？"
_STRIPPED = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class CaptionMix:
    """How often a trainer reads a caption of each kind, relative to the others; a kind that a record lacks is left out.

    Raises:
        ConfigError: a weight that is negative or not finite, or none above 0.
    """

    raw: float = 1.0
    recaption: float = 1.0
    fused: float = 1.0

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("raw", "recaption", "fused"):
            weight = getattr(self, name)
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigError(f"the weight of {name} captions is {weight}; it must be 0 or more")
        if not self.raw + self.recaption + self.fused > 0:
            raise ConfigError("all weights of captions are 0: give one above 0")


@dataclass(frozen=True)
class Read:
    """A caption as a trainer reads it."""

    text: str
    kind: Kind
    language: str


def split_by_captions(captions: Sequence[Caption]) -> Split:
    """The split of a record with these captions."""
    origins = {caption.origin for caption in captions}
    if {"raw", "recaption"} <= origins:
        return "fused"
    if "raw" in origins:
        return "raw"
    if "recaption" in origins:
        return "recaption"
    return "synthetic" if origins else "none"


def fuse(raw: Caption, described: Caption) -> Caption | None:
    """One caption that says what both say; None where they are of two languages, or one says all that the other does.

    Args:
        raw: of whoever published the picture.
        described: of a captioner, or of the program that drew it.
    """
    language = language_of(raw)
    if language_of(described) != language:
        return None
    first, second = raw.text.strip(), described.text.strip()
    edge = "" if language == "zh" else " "  # elsewhere only whole words count: a cat is not in a catalogue
    said, known = (f"{edge}{_plain(text)}{edge}" for text in (first, second))
    if said in known or known in said:
        return None
    if first[-1] not in _ENDS:
        first += "。" if language == "zh" else "."
    return Caption(first + ("" if language == "zh" else " ") + second, described.origin, language)


def language_of(caption: Caption) -> str:
    """The caption's language as it is declared, without a region; where nobody has said, as its script suggests."""
    if caption.language != "und":
        return caption.language.lower().partition("-")[0]
    return {"english": "en", "chinese": "zh"}.get(units_of(caption.text).language, "und")


def readings(record: Record) -> tuple[Read, ...]:
    """All captions of a record that a trainer may read, in order: raw ones, described ones, and each pair fused."""
    valid = [one for one in record.captions if not broken_rules(one.text, one.language)]
    raw = [caption for caption in valid if caption.origin == "raw"]
    described = [caption for caption in valid if caption.origin != "raw"]
    fused = [both for first in raw for second in described if (both := fuse(first, second))]
    return (
        *(Read(caption.text, "raw", language_of(caption)) for caption in raw),
        *(Read(caption.text, "recaption", language_of(caption)) for caption in described),
        *(Read(caption.text, "fused", caption.language) for caption in fused),
    )


def caption_to_read(record: Record, seed: int, mix: CaptionMix | None = None) -> Read | None:
    """The caption that a trainer reads of a record: the same for the same id, captions, seed and mix.

    Kinds are chosen by their weights among those that the record has, then one of the kind, each alike.

    Args:
        record: its captions and its id count.
        seed: another one may choose another caption: one for each epoch.
        mix: see `CaptionMix`.

    Returns:
        None where the record has no valid caption of a kind with a weight.
    """
    mix = mix or CaptionMix()
    found = readings(record)
    kinds = [kind for kind in _KINDS if getattr(mix, kind) > 0 and any(one.kind == kind for one in found)]
    if not kinds:
        return None
    place = _chance(record.id, seed, "kind") * sum(getattr(mix, kind) for kind in kinds)
    chosen = kinds[-1]
    for kind in kinds:
        place -= getattr(mix, kind)
        if place < 0:
            chosen = kind
            break
    among = [one for one in found if one.kind == chosen]
    return among[int(_chance(record.id, seed, "caption") * len(among))]


_KINDS: tuple[Kind, ...] = ("raw", "recaption", "fused")


def _chance(id: str, seed: int, what: str) -> float:
    """A number from 0 to below 1 that a hash makes of these; no generator, so that records may come in any order."""
    word = hashlib.blake2b(f"{seed} {what} {id}".encode(), digest_size=6).digest()
    return int.from_bytes(word, "big") / (1 << 48)


def _plain(text: str) -> str:
    return _STRIPPED.sub(" ", text).strip().lower()
