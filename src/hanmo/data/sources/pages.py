"""Pages as a source: slides, posters, screens and the like, drawn while they are read (report section 3.4, templates).

Page number i of a seed depends on nothing but both, the topics, the fonts and who paints: Pillow, or a browser. A page
whose texts find no room or lack a glyph is a reject: it counts as one of the set. Browsers of different versions paint
different pixels, so a set that one began is finished by the same one. It does not know templates.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.record import Record, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.cards import png
from hanmo.data.sources.lettering import SCRIPTS, all_faces, check_scripts
from hanmo.data.sources.paragraphs import both, undrawn
from hanmo.data.synthesize.pages import corpus
from hanmo.data.synthesize.pages.browser import draw_pages
from hanmo.data.synthesize.pages.document import Document
from hanmo.data.synthesize.pages.page import Outcome, Page, PageConfig, draw_page, sample_document

_BATCH = 500
"""Pages that one browser paints before another takes its place: they grow."""


@dataclass(frozen=True)
class PageSource:
    """Pages, each with a long and a short caption in English and in Chinese, the text's own first; a `Source`.

    Args:
        count: how many, those that could not be drawn included.
        seed: another seed, other pages.
        name: what records call the set.
        licence: of the pictures.
        chinese: the share of Chinese pages, 0 to 1.
        fonts: folders of fonts; none takes those where the cards' fonts lie.
        topics: for each script ("en", "zh") a file as `corpus.read` takes it; scripts without one take the topics that
            the package brings.
        browser: whether a browser paints, which needs Chromium and playwright; else Pillow does.
        config: what they look like.

    Raises:
        ConfigError: a share outside 0 to 1, or topics of another script.
    """

    count: int
    seed: int
    name: str = "pages"
    licence: str = "unknown"
    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    topics: dict[str, Path] = field(default_factory=dict)
    browser: bool = False
    config: PageConfig = field(default_factory=PageConfig)

    def __post_init__(self) -> None:
        """See the class."""
        check_scripts(self.chinese, self.topics, "pages")

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font, a file of topics or a browser that is missing raises before the first page."""
        for number, (document, found) in enumerate(self._drawn(self._documents())):
            where = f"{self.name}#{number}"
            yield self._record(found, document.script, where) if isinstance(found, Page) else undrawn(where, found)

    def _documents(self) -> Iterator[Document]:
        known = all_faces(self.fonts)
        read = self.topics
        topics = {
            script: corpus.read(read[script], script) if script in read else corpus.builtin(script)
            for script in SCRIPTS
        }
        for number in range(self.count):
            rng = random.Random(f"pages {self.seed} {number}")
            script = "zh" if rng.random() < self.chinese else "en"
            yield sample_document(rng, topics[script], known, self.config)

    def _drawn(self, documents: Iterator[Document]) -> Iterator[tuple[Document, Outcome]]:
        smallest = self.config.smallest
        if not self.browser:
            for document in documents:
                yield document, draw_page(document, smallest)
            return
        while some := list(islice(documents, _BATCH)):
            yield from zip(some, draw_pages(some, smallest=smallest), strict=True)

    def _record(self, drawn: Page, script: str, where: str) -> Record:
        lines = [{"text": line.text, "box": list(line.box), "role": line.role} for line in drawn.lines]
        metadata = {
            "where": where,
            SYNTHESIS: "slides and pages",
            "script": script,
            "template": drawn.document.template,
            "lines": lines,
        }
        said = drawn.captions
        captions = both(script, said.long_en, said.long_zh) + both(script, said.short_en, said.short_zh)
        return make_record(png(drawn.picture), captions, self.name, self.licence, metadata)
