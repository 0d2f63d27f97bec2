"""Slides, posters, screens, reports and receipts (report section 3.4: complex rendering in structured templates).

A template is filled from one topic, coloured by a theme, set in a pairing of typefaces: a `Document`. A painter makes
a `Page` of it: the picture, every line with its box, captions in both languages. `draw_page` paints with Pillow;
`browser.Browser` paints the same documents in a browser. Letters shrink until all fits; what does not fit at the
smallest size is refused (`NoRoom`), and so is a page with one glyph that its font lacks (`MissingGlyph`).
This module does not know files of pictures or shards.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from PIL import Image, features

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, missing
from hanmo.data.synthesize.grounds import READABLE
from hanmo.data.synthesize.pages.boxes import Box, texts
from hanmo.data.synthesize.pages.captions import Captions, captions
from hanmo.data.synthesize.pages.compose import compose
from hanmo.data.synthesize.pages.corpus import Topic
from hanmo.data.synthesize.pages.document import Document, fill, suits
from hanmo.data.synthesize.pages.draw import paint_boxes, write
from hanmo.data.synthesize.pages.flow import flow
from hanmo.data.synthesize.pages.result import NoRoom, PageLine, clash
from hanmo.data.synthesize.pages.template import KINDS, Template
from hanmo.data.synthesize.pages.template import builtin as builtin_templates
from hanmo.data.synthesize.pages.theme import THEMES, choose_pairing
from hanmo.errors import ConfigError, HanmoError, RequestError

# From the largest letters to the smallest: each step is a little smaller.
_STEPS = tuple(round(0.965**step, 4) for step in range(24))


@dataclass(frozen=True)
class PageConfig:
    """What pages look like.

    Attributes:
        width: of the picture, pixels, 384 to 4096.
        height: of the picture, pixels, 384 to 4096.
        smallest: letters are never smaller, pixels per em, 8 to 64.
        kinds: which kinds of page, one or more of `KINDS`.
    """

    width: int = 1024
    height: int = 768
    smallest: int = 12
    kinds: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        for key, least, most in (("width", 384, 4096), ("height", 384, 4096), ("smallest", 8, 64)):
            if not least <= getattr(self, key) <= most:
                raise ConfigError(f"pages.{key} is {getattr(self, key)}; it must lie between {least} and {most}")
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ConfigError(f"pages.kinds is {list(self.kinds)}; choose one or more of {', '.join(KINDS)}")

    @property
    def shape(self) -> str:
        """The shape of the picture: "wide" from 8:7 on, "tall" from 7:8 on, else "square"."""
        ratio = self.width / self.height
        return "wide" if ratio > 8 / 7 else "tall" if ratio < 7 / 8 else "square"


@dataclass(frozen=True)
class Page:
    """A picture and what is written in it.

    Attributes:
        picture: RGB.
        lines: Every line of text as it was drawn, with the box of its ink.
        captions: What is there, in both languages, long and short.
        document: Everything that was chosen.
        contrast: The lowest WCAG ratio of letters and ground under them, 4.5 to 21; None where it was not measured.
        unit: Pixels to the u.
    """

    picture: Image.Image
    lines: tuple[PageLine, ...]
    captions: Captions
    document: Document
    contrast: float | None
    unit: float


Outcome = Page | MissingGlyph | NoRoom


def sample_page(
    rng: random.Random,
    topics: Sequence[Topic],
    faces: Sequence[FontFace],
    config: PageConfig | None = None,
    templates: Sequence[Template] | None = None,
) -> Outcome:
    """A page about one of `topics` in some of `faces`, or why there is none; see `sample_document`."""
    config = config or PageConfig()
    return draw_page(sample_document(rng, topics, faces, config, templates), config.smallest)


def sample_document(
    rng: random.Random,
    topics: Sequence[Topic],
    faces: Sequence[FontFace],
    config: PageConfig | None = None,
    templates: Sequence[Template] | None = None,
) -> Document:
    """A page that is chosen and filled, but not painted: every kind as often as another.

    Raises:
        RequestError: No topic has what a template of the wanted kinds and shape needs, or no face suits its script.
    """
    config = config or PageConfig()
    pairs = [
        (template, topic)
        for template, topic in product(templates or builtin_templates(), topics)
        if template.kind in config.kinds and config.shape in template.shapes and suits(template, topic)
    ]
    if not pairs:
        raise RequestError(
            f"no template for {config.shape} pages of the kinds {', '.join(config.kinds)} is served by the "
            f"{len(topics)} topics that were given; give topics with more slots, or other kinds"
        )
    kind = rng.choice(sorted({template.kind for template, _ in pairs}))
    name = rng.choice(sorted({template.name for template, _ in pairs if template.kind == kind}))
    template, topic = rng.choice([pair for pair in pairs if pair[0].kind == kind and pair[0].name == name])
    root = fill(rng, template, topic)
    return Document(
        template=template.name,
        kind=template.kind,
        script=topic.script,
        root=root,
        theme=rng.choice([theme for theme in THEMES if template.kind != "receipt" or not theme.dark]),
        pairing=choose_pairing(rng, faces, topic.script),
        width=config.width,
        height=config.height,
        scale=rng.uniform(1.15, 1.5),
        graded=rng.random() < 0.45,
        seed=f"{rng.getrandbits(48):012x}",
    )


def draw_page(document: Document, smallest: int = 12) -> Outcome:
    """The picture of `document`, painted with Pillow: the same document, the same bytes.

    Args:
        document: What `sample_document` gave.
        smallest: Letters are never smaller, pixels per em.

    Raises:
        RequestError: Pillow was built without libraqm, which shapes the text.
    """
    if not features.check("raqm"):
        raise RequestError("this Pillow has no libraqm, which shapes text; install the wheel of Pillow")
    root = compose(document)
    lacking = lacks(root)
    if lacking is not None:
        return lacking
    size = document.width, document.height
    reason = "letters would be too small"
    for unit in units(document, root, smallest):
        flowed = flow(root, *size, unit)
        if flowed.faults:
            reason = flowed.faults[0]
            continue
        picture, lines, contrast = write(paint_boxes(flowed, size, unit), flowed.lines)
        if found := clash(lines, *size):
            reason = found
            continue
        if contrast < READABLE:  # a test measures every theme, so this is a fault of ours
            raise HanmoError(f"letters of {document.template!r} reach a contrast of only {contrast:.2f}")
        return Page(picture, lines, captions(document), document, contrast, unit)
    return NoRoom(document.template, *size, reason)


def lacks(root: Box) -> MissingGlyph | None:
    """The first character of a page that its face cannot draw."""
    return next((found for letters in texts(root) if (found := missing(letters.text, letters.face))), None)


def units(document: Document, root: Box, smallest: int) -> Iterator[float]:
    """Pixels to the u that are tried, from the largest on, as long as no letter is smaller than `smallest`."""
    usual = (document.width * document.height) ** 0.5 / 100
    least = min((letters.size for letters in texts(root)), default=1.0)
    for step in _STEPS:
        unit = usual * document.scale * step
        if unit * least >= smallest - 0.5:
            yield unit
