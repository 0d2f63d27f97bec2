"""Which look a paragraph gets (report section 3.4, pure rendering: dynamic layout).

Choices follow a typesetter's habits: bold letters for short texts only, two columns and flush edges only where
a line is long enough for them, centred text only when it is short, verse by its own lines, Chinese prose with
an indent of two characters. All randomness comes from the generator that is given.
This module does not know pixels or captions.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from hanmo.data.synthesize.coverage import FontFace, suits
from hanmo.data.synthesize.grounds import DIRECTIONS, PALETTES, Palette
from hanmo.data.synthesize.layout import Design
from hanmo.data.synthesize.passages import VERSE, Passage
from hanmo.errors import ConfigError, RequestError

# A vertical text has brackets for quotation marks.
_UPRIGHT = str.maketrans("“”‘’", "『』「」")
# What can stand in a vertical column besides Chinese characters: marks for which fonts have vertical forms.
_COLUMN_MARKS = frozenset("，。、；：？！《》〈〉「」『』（）")
_LISTS = ("notice", "recipe", "sign")  # sentences that may each begin a new line
_SHORT = {"en": 150, "zh": 50}  # characters


@dataclass(frozen=True)
class ParagraphConfig:
    """What paragraphs look like.

    Attributes:
        width: of the picture, pixels, 128 to 4096.
        height: of the picture, pixels, 128 to 4096.
        smallest: letters are never smaller, pixels per em, 8 to 64.
        vertical: the share of vertical texts among the Chinese ones that can be set so.
        gradient: the share of grounds with a gradient.
        title: the share of titles among the passages that have one.
        columns: the share of texts in two columns, where there is room for them.
    """

    width: int = 512
    height: int = 512
    smallest: int = 14
    vertical: float = 0.35
    gradient: float = 0.4
    title: float = 0.75
    columns: float = 0.4

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        for key in ("vertical", "gradient", "title", "columns"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise ConfigError(f"paragraphs.{key} is {getattr(self, key)}; it must lie between 0 and 1")
        for key, least, most in (("width", 128, 4096), ("height", 128, 4096), ("smallest", 8, 64)):
            if not least <= getattr(self, key) <= most:
                raise ConfigError(f"paragraphs.{key} is {getattr(self, key)}; it must lie between {least} and {most}")


@dataclass(frozen=True)
class Style:
    """The look of one paragraph.

    Attributes:
        face: of the body.
        title_face: of the title.
        design: how it is set.
        palette: its colours.
        direction: of the gradient, or "plain".
        title: whether the passage's title is drawn.
        sentences: how many sentences are drawn at most.
        largest: the largest size of the body's letters, pixels per em.
        stacked: whether each sentence begins a new line, as in verse.
        fill: how large letters are, as a share of the largest size that fits, 0 to 1.
    """

    face: FontFace
    title_face: FontFace
    design: Design
    palette: Palette
    direction: str
    title: bool
    sentences: int
    largest: int
    stacked: bool
    fill: float


def upright(text: str) -> str:
    """`text` as a vertical column writes it: quotation marks become brackets."""
    return text.translate(_UPRIGHT)


def can_stand(text: str) -> bool:
    """Whether a vertical column can hold `text`: Chinese characters and marks with a vertical form."""
    return all(char in _COLUMN_MARKS or unicodedata.name(char, "").startswith("CJK UNIFIED") for char in upright(text))


def choose_face(rng: random.Random, passage: Passage, faces: Sequence[FontFace]) -> FontFace:
    """A face for the passage's script: every design as often as another, bold ones for short texts only.

    Raises:
        RequestError: None of `faces` is made for the script.
    """
    designs = sorted({face.design for face in faces})
    # One design after another, so that only the files that are looked at are read.
    for design in rng.sample(designs, len(designs)):
        members = [face for face in faces if face.design == design and suits(face, passage.script)]
        if members:
            break
    else:
        raise RequestError(f"none of the {len(faces)} fonts can set {passage.script} text; add one that can")
    short = sum(map(len, passage.sentences)) <= _SHORT[passage.script]
    if not short:
        members = [face for face in members if not face.bold] or members
    return rng.choice(members)


def choose_style(
    rng: random.Random, passage: Passage, face: FontFace, title_face: FontFace, config: ParagraphConfig
) -> Style:
    """A look for `passage` in `face`."""
    verse, chinese = passage.kind == VERSE, passage.script == "zh"
    title = bool(passage.title) and rng.random() < config.title
    sentences = len(passage.sentences) if verse else rng.randint(min(2, len(passage.sentences)), len(passage.sentences))
    drawn = passage.sentences[:sentences]
    length = sum(map(len, drawn))
    long = not verse and length > _SHORT[passage.script]
    side = min(config.width, config.height)
    standing = all(map(can_stand, (*drawn, passage.title)))
    vertical = chinese and standing and rng.random() < config.vertical
    two = rng.random() < config.columns and not (verse or vertical) and length > 1.2 * _SHORT[passage.script]
    two = two and config.width >= max(384, 0.95 * config.height)
    align = "left" if vertical else _alignment(rng, passage, length, two)
    stacked = verse or (not two and (align == "centre" or passage.kind in _LISTS) and rng.random() < 0.75)
    align = "left" if stacked and align == "justified" else align
    design = Design(
        width=config.width,
        height=config.height,
        margin=round(side * rng.uniform(0.075, 0.12)),
        align=align,
        vertical=vertical,
        columns=2 if two else 1,
        leading=_leading(rng, chinese, vertical, verse),
        indent=2.0
        if chinese and long and not stacked and align in ("left", "justified") and rng.random() < 0.6
        else 0.0,
        title_scale=rng.choice((1.25, 1.4, 1.6, 1.8) if not two else (1.6, 1.8, 2.0)),
        rule=title and not vertical and rng.random() < 0.35,
        middle=verse or align == "centre" or rng.random() < 0.6,
    )
    return Style(
        face=face,
        title_face=title_face,
        design=design,
        palette=rng.choice(PALETTES),
        direction=rng.choice(DIRECTIONS[1:]) if rng.random() < config.gradient else "plain",
        title=title,
        sentences=sentences,
        largest=round((config.width * config.height) ** 0.5 * (0.085 if length <= _SHORT[passage.script] else 0.07)),
        stacked=stacked,
        fill=rng.uniform(0.82, 1.0),
    )


def _alignment(rng: random.Random, passage: Passage, length: int, two: bool) -> str:
    if two:
        # Narrow English columns with flush edges are full of holes.
        return rng.choice(("left", "justified")) if passage.script == "zh" else "left"
    if passage.kind == VERSE:
        return rng.choice(("left", "left", "centre"))
    if length <= _SHORT[passage.script]:
        return rng.choice(("left", "left", "centre", "centre", "right"))
    return rng.choice(("left", "left", "justified", "justified", "centre"))


def _leading(rng: random.Random, chinese: bool, vertical: bool, verse: bool) -> float:
    least, most = (1.6, 1.9) if vertical else (1.55, 1.8) if chinese else (1.35, 1.55)
    return rng.uniform(least, most) + (0.12 if verse else 0.0)
