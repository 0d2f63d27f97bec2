"""What scenes can show: shapes of our own, and emoji of `sources.emoji_art` (report section 3.4, edits).

Emoji are named by `emoji_objects.txt`, words of our own for things that every art set shows alike; so the same thing in
another hand keeps its name. It does not know scenes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from io import BytesIO

import numpy as np
from PIL import Image

from hanmo.data.decode import Undecodable, decode
from hanmo.data.record import Record
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.edit_scenes import Look
from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.scene_words import STYLES
from hanmo.data.synthesize.shapes import NAMES_ZH, shape
from hanmo.data.synthesize.sprites import Cutout

OWN_LICENCE = "CC0-1.0"
"""Of pictures that show nothing but what this program draws."""


@dataclass(frozen=True, eq=False)
class EmojiLooks:
    """Emoji that scenes may show: art set -> code point -> look. Every set has the same code points."""

    arts: Mapping[str, Mapping[str, Look]] = field(default_factory=dict)


def emoji_looks(records: Iterable[Record]) -> EmojiLooks:
    """The looks of those records of `EmojiArtSource` that `emoji_objects.txt` names and that every set has."""
    arts: dict[str, dict[str, Look]] = {}
    for record in records:
        code, art = (str(record.metadata.get(key)) for key in ("code", "art"))
        if code not in objects() or art not in STYLES:
            continue
        if isinstance(decode(record.image, record.format), Undecodable):
            continue
        with Image.open(BytesIO(record.image)) as picture:  # a second time, since `decode` puts it on white
            cutout = np.asarray(picture.convert("RGBA"))
        en, counter, zh = objects()[code]
        attribution = str(record.metadata.get("attribution", ""))
        look = Look(code, en, counter, zh, "", _tone(cutout), art, cutout, record.licence, attribution)
        arts.setdefault(art, {})[code] = look
    common = [code for code in objects() if all(code in looks for looks in arts.values())]
    return EmojiLooks({art: {code: looks[code] for code in common} for art, looks in arts.items() if len(common) > 2})


@cache
def objects() -> Mapping[str, tuple[str, str, str]]:
    """Code point -> English name, Chinese counting word, Chinese name."""
    text = (resources.files("hanmo.data.synthesize") / "emoji_objects.txt").read_text(encoding="utf-8")
    lines = (line.split("|") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: (en, counter, zh) for code, en, counter, zh in lines}


@cache
def shape_look(kind: str, color: str, hand: str) -> Look:
    """A shape of our own as a look."""
    counter, zh = NAMES_ZH[kind]
    return Look(kind, kind, counter, zh, color, COLORS[color], hand, shape(kind, color, hand), OWN_LICENCE)


def _tone(cutout: Cutout) -> RGB:
    """The mean colour of what can be seen."""
    weights = np.repeat(cutout[:, :, 3:].astype(np.float64) + 1e-6, 3, axis=2)
    red, green, blue = (int(v) for v in np.average(cutout[:, :, :3], axis=(0, 1), weights=weights))
    return red, green, blue
