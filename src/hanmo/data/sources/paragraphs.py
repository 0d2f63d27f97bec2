"""Paragraphs as a source: pictures of text that are drawn while they are read (report section 3.4, pure rendering).

Paragraph number i of a seed depends on nothing but both, the texts and the fonts. A text that its font cannot draw
whole, or that finds no room, is a reject: it counts as one of the set. It does not know how a text is set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.record import Caption, Record, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.cards import png
from hanmo.data.synthesize.coverage import FontFace, faces, file_faces
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.paragraph import Paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.passages import Passage, builtin, from_sentences
from hanmo.errors import ConfigError, RequestError

SCRIPTS = ("en", "zh")


@dataclass(frozen=True)
class ParagraphSource:
    """Paragraphs, each with a caption in English and one in Chinese, of which the text's own comes first; a `Source`.

    Args:
        count: how many, those that could not be drawn included.
        seed: another seed, other paragraphs.
        name: what records call the set.
        licence: of the pictures.
        chinese: the share of Chinese texts, 0 to 1.
        fonts: folders of fonts; none takes those of the cards.
        texts: for each script ("en", "zh") a file of UTF-8 with a sentence a line; scripts without one take the
            passages that the package brings.
        config: what they look like.

    Raises:
        ConfigError: a share outside 0 to 1, or texts of another script.
    """

    count: int
    seed: int
    name: str = "paragraphs"
    licence: str = "unknown"
    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)
    config: ParagraphConfig = field(default_factory=ParagraphConfig)

    def __post_init__(self) -> None:
        """See the class."""
        if not 0.0 <= self.chinese <= 1.0:
            raise ConfigError(f"the share of Chinese paragraphs is {self.chinese}; it must lie between 0 and 1")
        for script in self.texts:
            if script not in SCRIPTS:
                raise ConfigError(f"texts of {script!r} cannot be set; allowed are {', '.join(SCRIPTS)}")

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font or a text that is missing raises before the first paragraph."""
        known = self._faces()
        passages = {script: self._passages(script) for script in SCRIPTS}
        for number in range(self.count):
            where = f"{self.name}#{number}"
            rng = random.Random(f"paragraphs {self.seed} {number}")
            script = "zh" if rng.random() < self.chinese else "en"
            found = sample_paragraph(rng, passages[script], known, self.config)
            yield self._record(found, script, where) if isinstance(found, Paragraph) else _undrawn(where, str(found))

    def _record(self, drawn: Paragraph, script: str, where: str) -> Record:
        captions = [Caption(drawn.caption_en, "synthetic", "en"), Caption(drawn.caption_zh, "synthetic", "zh")]
        lines = [{"text": line.text, "box": list(line.box), "title": line.title} for line in drawn.lines]
        metadata = {"where": where, "script": script, "lines": lines}
        ordered = tuple(reversed(captions) if script == "zh" else captions)
        return make_record(png(drawn.picture), ordered, self.name, self.licence, metadata)

    def _faces(self) -> tuple[FontFace, ...]:
        if self.fonts:
            return tuple(face for folder in self.fonts for face in faces(folder))
        files = sorted({font_path(script, font) for script, font in FACES})
        return tuple(face for file in files for face in file_faces(file))

    def _passages(self, script: str) -> tuple[Passage, ...]:
        path = self.texts.get(script)
        if path is None:
            return builtin(script)
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{path} cannot be read ({error}): give a file of UTF-8, a sentence a line") from None
        return from_sentences([line for line in lines if line.strip()], script)


def _undrawn(where: str, reason: str) -> Reject:
    return Reject(where, "undrawn", reason[:300])
