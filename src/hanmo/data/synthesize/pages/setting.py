"""How the texts of blocks are set: sizes, faces and inks (report section 3.4, complex rendering).

A `Setting` is what a block knows of its page: theme, typefaces, and the ground on which it stands.
Sizes are in u: about 2.7 for running text. This module does not know the blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.pages.boxes import Box, Letters, Paint, Sides
from hanmo.data.synthesize.pages.theme import Pairing, Scheme, Theme, scheme

Align = Literal["left", "centre", "right"]
Voice = Literal["heading", "body", "strong", "figures"]
SIZES = {
    "tiny": 2.1,
    "small": 2.35,
    "body": 2.75,
    "lead": 3.2,
    "h3": 3.5,
    "h2": 4.6,
    "h1": 6.4,
    "display": 8.6,
    "giant": 11.5,
}
_PHRASE = {"title": 8, "heading": 8, "bullets": 10}
FLEX: dict[Align, Literal["start", "center", "end"]] = {"left": "start", "centre": "center", "right": "end"}


@dataclass(frozen=True)
class Setting:
    """What a block knows of its page.

    Attributes:
        theme: The page's colours.
        pairing: Its typefaces.
        script: "en" or "zh".
        fill: The ground on which the block stands: "page", "card", "bold", "deep".
        align: of its texts.
        seed: For what is drawn by chance.
        role: The kind of block.
        graded: Panels have gradients where they may.
        slip: The page is a receipt: figures and text in the face of figures.
    """

    theme: Theme
    pairing: Pairing
    script: str
    fill: str = "page"
    align: Align = "left"
    seed: str = ""
    role: str = "text"
    slip: bool = False
    graded: bool = False

    @property
    def scheme(self) -> Scheme:
        """The inks on its ground."""
        return scheme(self.theme, self.fill)

    def text(
        self,
        text: str,
        size: float,
        color: RGB | None = None,
        voice: Voice = "body",
        *,
        align: Align | None = None,
        leading: float | None = None,
        spacing: float = 0.0,
        whole: bool = False,
        grow: float = 0.0,
        pad: Sides = (0.0, 0.0, 0.0, 0.0),
        paint: Paint | None = None,
    ) -> Box:
        """A box with `text`; `size` in u."""
        voice = "figures" if self.slip and voice == "body" else voice
        face = getattr(self.pairing, voice)
        large = size >= SIZES["h2"]
        usual = (1.12 if large else 1.42) if self.script == "en" else (1.26 if large else 1.5)
        letters = Letters(
            text=text,
            face=face,
            size=size * (0.94 if self.script == "zh" and large else 1.0),
            color=color or self.scheme.ink.rgb,
            script=self.script,
            leading=leading or usual,
            align=align or self.align,
            spacing=spacing,
            role=self.role,
            # A short Chinese title or point is one phrase: no line ends within it.
            whole=whole or (self.script == "zh" and len(text) <= _PHRASE.get(self.role, 0)),
            clauses=self.script == "zh" and self.role in ("title", "heading", "subtitle", "quote"),
        )
        return Box("text", letters=letters, grow=grow, pad=pad, paint=paint)


def bar(color: RGB, *, width: float | None = None, height: float | None = None, radius: float = 0.0) -> Box:
    """A filled rectangle."""
    return Box("column", width=width, height=height, paint=Paint(color, radius=radius))
