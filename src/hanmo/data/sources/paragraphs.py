"""Paragraphs as a source: pictures of text that are drawn while they are read (report section 3.4, pure rendering).

Paragraph number i of a seed depends on nothing but both, the texts and the fonts. A text that its font cannot draw
whole, or that finds no room, is a reject: it counts as one of the set. It does not know how a text is set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.record import Caption, Record, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.cards import png
from hanmo.data.sources.lettering import DrawnTexts, all_faces, card_faces
from hanmo.data.synthesize.paragraph import Paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.rare import rare_paragraph
from hanmo.errors import ConfigError


@dataclass(frozen=True)
class ParagraphSource(DrawnTexts):
    """Paragraphs, each with a caption in English and one in Chinese, of which the text's own comes first; a `Source`.

    Without `fonts` it takes every face of the cards' font files. See `DrawnTexts` for what else it takes.

    Args:
        config: what they look like.
    """

    name: str = "paragraphs"
    config: ParagraphConfig = field(default_factory=ParagraphConfig)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font or a text that is missing raises before the first paragraph."""
        known = all_faces(self.fonts) if self.fonts else card_faces()
        passages = self.passages()
        for number in range(self.count):
            where = f"{self.name}#{number}"
            rng = random.Random(f"paragraphs {self.seed} {number}")
            script = "zh" if rng.random() < self.chinese else "en"
            found = sample_paragraph(rng, passages[script], known, self.config)
            yield self._record(found, script, where) if isinstance(found, Paragraph) else undrawn(where, found)

    def _record(self, drawn: Paragraph, script: str, where: str) -> Record:
        return _record(drawn, script, where, self.name, self.licence)


@dataclass(frozen=True)
class RareSource:
    """Paragraphs that show each of the 8,105 characters of 通用规范汉字表 `times` times; a `Source`.

    A picture of a smaller set is none of a larger one: the characters are dealt to all pictures of a set.

    Args:
        count: pictures; each shows about 8105 * times / count characters.
        seed: another seed, other pictures.
        times: how often each character is drawn.
        name: what records call the set.
        licence: of the pictures.
        fonts: folders of fonts; none takes the fonts of the cards.
        config: what they look like.

    Raises:
        ConfigError: fewer than one picture of each character.
    """

    count: int
    seed: int
    times: int = 1
    name: str = "rare"
    licence: str = "unknown"
    fonts: tuple[Path, ...] = ()
    config: ParagraphConfig = field(default_factory=ParagraphConfig)

    def __post_init__(self) -> None:
        """See the class."""
        if self.times < 1:
            raise ConfigError(f"each character is drawn {self.times} times; times must be 1 or more")

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`.

        Raises:
            RequestError: no font has a picture's characters, they do not fit, or there are fewer than pictures: with
                one of them left out, the set would not be what it says.
        """
        known = all_faces(self.fonts) if self.fonts else card_faces()
        for number in range(self.count):
            drawn = rare_paragraph(number, self.count, self.times, self.seed, known, self.config)
            yield _record(drawn, "zh", f"{self.name}#{number}", self.name, self.licence)


def _record(drawn: Paragraph, script: str, where: str, name: str, licence: str) -> Record:
    lines = [{"text": line.text, "box": list(line.box), "title": line.title} for line in drawn.lines]
    metadata = {"where": where, SYNTHESIS: "paragraphs", "script": script, "lines": lines}
    captions = both(script, drawn.caption_en, drawn.caption_zh)
    return make_record(png(drawn.picture), captions, name, licence, metadata)


def both(script: str, en: str, zh: str) -> tuple[Caption, Caption]:
    """A caption in English and one in Chinese, that of the picture's own script first."""
    first, second = Caption(en, "synthetic", "en"), Caption(zh, "synthetic", "zh")
    return (second, first) if script == "zh" else (first, second)


def undrawn(where: str, reason: object) -> Reject:
    """The reject of a picture that was not drawn; the reason as its text says it."""
    return Reject(where, "undrawn", str(reason)[:300])
