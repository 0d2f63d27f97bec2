"""TextCraft: our own suite for small models that write on cards (Hanmo; no paper).

The report's benchmarks ask for photographs and pages of text, of which a model of a few million parameters paints
nothing. TextCraft asks for what such a model can learn, and knows the truth to the pixel, for every prompt is made from
a card that `data.synthesize` can draw. No prompt's sentence, and no text on a card, is ever seen in training.

Four parts; each figure is the share of pictures that are right, `overall` the mean of the four:

    strings     write a text, English (1-8 letters) or Chinese (1-4 characters): the text is read, each character right
    colours     a ground and letters in given colours: both are named as asked (nearest of twelve, in CIELAB)
    positions   write at the top, bottom, left or right: the text is read there, and its ink lies nearest there
    edits       on a drawn card change the text, the ground or the letters' colour: text, ground and letters are all
                as they must be afterwards, those that were to stay included

Beside them: `characters`, the mean of 1 - edit distance / length over the strings; `edit pixels`, the mean share of an
edit's pixels whose three channels are within 24 of 255 of the drawn truth; `ceiling`, the share of the drawn truths
whose text the same judge reads right (no model can be measured above it).

The judge of texts is an OCR. One that can be told where the text is (`BoxReader`) only recognises what stands in the
card's own box, for a detector overlooks single characters; from any other, all lines that touch the box count. What is
the same text is said in `evaluate.text`. A picture of another size is brought to the card's size first. There is no
official script, so `official_compat` changes nothing and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import nan
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from PIL import Image

from hanmo.data.synthesize.captions import evaluation_prompts
from hanmo.data.synthesize.cards import PLACES, UNIT, Card, draw, script_of, text_box
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.edits import evaluation_edits
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile, refuse_compat
from hanmo.evaluate.cards import ground_color, lab, letter_color, name_color
from hanmo.evaluate.judges.protocols import OCR, Judges
from hanmo.evaluate.text import character_accuracy, exact
from hanmo.evaluate.types import Prompt, Result, Score

PARTS = ("strings", "colours", "positions", "edits")
_SEED = 2508
"""Of the suite's first version: other prompts are another suite."""
_NEAR = 24
"""Levels of 255 by which a pixel may differ from the truth and still be the same."""
_APART = 16
"""Pixels by which a place must move the text for the place to be seen."""


@runtime_checkable
class BoxReader(Protocol):
    """An OCR that recognises the one line of text in a box without looking for it."""

    def read_box(self, image: Image.Image, box: tuple[int, int, int, int] | None = None) -> str:
        """What is written in the box."""


@dataclass(frozen=True)
class TextCraft:
    """The suite.

    Attributes:
        strings: prompts of the part of this name; half English, half Chinese.
        colours: as above.
        positions: as above.
        edits: instructions; a third each of texts, grounds and letters.
        official_compat: there is no other script to be compatible with.

    Raises:
        RequestError: a negative number of prompts, none at all, or `official_compat`.
    """

    strings: int = 200
    colours: int = 120
    positions: int = 120
    edits: int = 240
    official_compat: bool = False

    name = "textcraft"
    title = "TextCraft"
    images = 1
    needs = ("ocr",)
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {}
    percent = True
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check the numbers."""
        counts = {part: getattr(self, part) for part in PARTS}
        if min(counts.values()) < 0 or not any(counts.values()):
            raise RequestError(f"TextCraft cannot have {counts} prompts: give 0 or more of each, and one at least")
        refuse_compat(self.name, self.official_compat)

    def load(self, data: Path) -> list[Prompt]:
        """All prompts; nothing is read from `data`.

        Raises:
            RequestError: a font that draws the truth is not on this machine.
        """
        for text in ("A", "永"):
            draw(Card(text, script_of(text), "white", "black"))
        prompts = [
            Prompt(f"{part}-{i:03d}", text, "generate", _truth(card), _groups(part, card), (card.width, card.height))
            for part, count in (("strings", self.strings), ("colours", self.colours), ("positions", self.positions))
            for i, (text, card) in enumerate(_painted(part, count))
        ]
        for i, edit in enumerate(evaluation_edits(self.edits, _SEED, *UNIT)):
            truth = _truth(edit.target) | {"source": asdict(edit.source)}
            groups = _groups("edits", edit.target) | {"kind": _KINDS[edit.kind]}
            size = (edit.target.width, edit.target.height)
            prompts.append(Prompt(f"edits-{i:03d}", edit.instruction, "edit", truth, groups, size))
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """The card before an edit, drawn."""
        return [draw(Card(**prompt.truth["source"]))] if prompt.task == "edit" else []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """What each picture says, in which colours and where."""
        card = Card(**prompt.truth["card"])
        truth = draw(card)
        ocr = judges.the_ocr()
        ceiling = float(exact(card.text, _read(ocr, truth, card)))
        return [_judged(ocr, prompt, card, truth, ceiling, i, picture) for i, picture in enumerate(pictures)]

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """Shares, 0-1."""
        own = {part: [r for r in results if r.prompt.groups["part"] == part] for part in PARTS}
        parts = {part: _mean(own[part], "right") for part in PARTS}
        asked = [value for value in parts.values() if not np.isnan(value)]
        figures = {"overall": float(np.mean(asked)) if asked else nan, "strings": parts["strings"]}
        for script, name in (("en", "English"), ("zh", "Chinese")):
            figures[f"strings, {name}"] = _mean(r for r in own["strings"] if r.prompt.groups["script"] == script)
        figures |= {"characters": _mean(own["strings"], "characters")}
        figures |= {"colours": parts["colours"], "positions": parts["positions"], "edits": parts["edits"]}
        for kind in _KINDS.values():
            figures[f"edits, {kind}"] = _mean(r for r in own["edits"] if r.prompt.groups["kind"] == kind)
        return figures | {"edit pixels": _mean(own["edits"], "pixels"), "ceiling": _mean(results, "ceiling")}


_KINDS = {"text": "text", "background": "ground", "color": "letters"}


def _painted(part: str, count: int) -> list[tuple[str, Card]]:
    """`count` prompts of a part, half of them on English cards, half on Chinese ones, and their cards."""
    wanted = {"en": count - count // 2, "zh": count // 2}
    kept: list[tuple[str, Card]] = []
    number = 64
    while len(kept) < count:
        kept, number = [], 2 * number
        left = dict(wanted)
        for prompt in evaluation_prompts(number, _SEED + PARTS.index(part), *UNIT):
            if left[prompt.card.script] and _fits(part, prompt.card):
                left[prompt.card.script] -= 1
                kept.append((prompt.text, prompt.card))
    return kept


def _fits(part: str, card: Card) -> bool:
    plain = card.font == "sans" and card.size == "normal"
    match part:
        case "strings":
            return card.defaults
        case "colours":
            return plain and card.place == "centre" and not card.defaults
        case _:
            return plain and card.place != "centre" and _moved(card) >= _APART


def _moved(card: Card) -> int:
    here, middle = text_box(card), text_box(replace(card, place="centre"))
    return max(abs(here[0] - middle[0]), abs(here[1] - middle[1]))


def _truth(card: Card) -> dict[str, object]:
    return {"card": asdict(card)}


def _groups(part: str, card: Card) -> dict[str, str]:
    return {"part": part, "script": card.script}


def _judged(
    ocr: OCR, prompt: Prompt, card: Card, truth: Image.Image, ceiling: float, number: int, picture: Image.Image
) -> Score:
    made = picture.convert("RGB")
    if made.size != truth.size:
        made = made.resize(truth.size, Image.Resampling.LANCZOS)
    read = _read(ocr, made, card)
    letters = letter_color(made, text_box(card))
    seen = {
        "read": read,
        "ground": name_color(ground_color(made), COLORS),
        "letters": None if letters is None else name_color(letters, COLORS),
        "place": _place(made, card),
    }
    text = exact(card.text, read)
    colours = (seen["ground"], seen["letters"]) == (card.background, card.color)
    match prompt.groups["part"]:
        case "strings":
            right = text
        case "colours":
            right = colours
        case "positions":
            right = text and seen["place"] == card.place
        case _:
            right = text and colours
    values = {"right": float(right), "characters": character_accuracy(card.text, read), "ceiling": ceiling}
    if prompt.task == "edit":
        values["pixels"] = _same(made, truth)
    wanted = {"text": card.text, "ground": card.background, "letters": card.color, "place": card.place}
    return Score(values, number, {"wanted": wanted, "seen": seen})


def _read(ocr: OCR, picture: Image.Image, card: Card) -> str:
    """What stands in the card's box; see the head of this file."""
    box = text_box(card)
    if isinstance(ocr, BoxReader):
        return ocr.read_box(picture, box)
    lines = [line for line in ocr.read(picture) if _touch(line.box, box)]
    return " ".join(line.text for line in lines)


def _touch(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _place(picture: Image.Image, card: Card) -> str | None:
    """The place whose drawn card has its ink nearest to the picture's; None where nothing stands out."""
    here = _ink(picture)
    if here is None:
        return None
    there = {place: _ink(draw(replace(card, place=place))) for place in PLACES}
    away = {place: float(np.linalg.norm(here - ink)) for place, ink in there.items() if ink is not None}
    return min(away, key=lambda place: (away[place], place != card.place))


def _ink(picture: Image.Image) -> Float64[np.ndarray, "xy=2"] | None:
    """The middle (x, y) in pixels of what differs from the ground, each pixel weighted by how much."""
    pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    distance = np.linalg.norm(lab(pixels.reshape(-1, 3)) - lab([ground_color(picture)]), axis=1).reshape(height, width)
    distance[distance < 0.5 * distance.max()] = 0.0
    if distance.max() < 10.0:
        return None
    weight = distance / distance.sum()
    return np.array([weight.sum(axis=0) @ np.arange(width), weight.sum(axis=1) @ np.arange(height)])


def _same(picture: Image.Image, truth: Image.Image) -> float:
    """The share of pixels within `_NEAR` levels of the truth in every channel."""
    difference = np.abs(np.asarray(picture, dtype=np.int16) - np.asarray(truth, dtype=np.int16)).max(axis=2)
    return float((difference <= _NEAR).mean())


def _mean(results: Iterable[Result], value: str = "right") -> float:
    """The mean of a value over pictures; nan where there are none."""
    values = [number for result in results for number in result.values(value)]
    return float(np.mean(values)) if values else nan
