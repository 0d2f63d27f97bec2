"""What the text benchmark keeps of each picture, how it judges it, and the sheet for looking at.

A text is read inside the box where the caption's card has it: a text written elsewhere counts as wrong.
Colours are named after the nearest of the cards' twelve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from hanmo.data.ocr import OCR
from hanmo.data.synthesize.cards import Card, text_box
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.evaluate.cards import ground_color, letter_color, name_color
from hanmo.evaluate.text import character_accuracy, exact


@dataclass(frozen=True)
class Sample:
    """One picture and what the judges saw in it.

    `task` is "generate" or the kind of an edit, `card` what was asked for; `letters_seen` is None where no
    letter stands out from the ground.
    """

    task: str
    prompt: str
    card: Card
    read: str
    ground_seen: str
    letters_seen: str | None

    @property
    def exact(self) -> bool:
        return exact(self.card.text, self.read)

    @property
    def characters(self) -> float:
        return character_accuracy(self.card.text, self.read)

    @property
    def ground(self) -> bool:
        return self.ground_seen == self.card.background

    @property
    def letters(self) -> bool:
        return self.letters_seen == self.card.color

    def to_dict(self) -> dict[str, object]:
        return {
            "task": self.task,
            "prompt": self.prompt,
            "text": self.card.text,
            "script": self.card.script,
            "background": self.card.background,
            "color": self.card.color,
            "read": self.read,
            "background_seen": self.ground_seen,
            "color_seen": self.letters_seen,
            "exact": self.exact,
        }


def judge(
    ocr: OCR,
    tasks: Sequence[str],
    prompts: Sequence[str],
    cards: Sequence[Card],
    pictures: Sequence[Image.Image],
) -> list[Sample]:
    """Read and name everything; one sample for each picture."""
    boxes = [text_box(card) for card in cards]
    texts = ocr.read_boxes(pictures, boxes)
    samples = []
    for task, prompt, card, picture, box, text in zip(tasks, prompts, cards, pictures, boxes, texts, strict=True):
        letters = letter_color(picture, box)
        samples.append(
            Sample(
                task,
                prompt,
                card,
                text,
                name_color(ground_color(picture), COLORS),
                None if letters is None else name_color(letters, COLORS),
            )
        )
    return samples


def sheet(samples: Sequence[Sample], pictures: Sequence[Sequence[Image.Image]], columns: int = 4) -> Image.Image:
    """Pictures with their prompts under them, and what was read; a red frame where something is wrong.

    Args:
        samples: what was judged, in order.
        pictures: for each sample the pictures to show side by side (an edit: source and result).
        columns: samples a row.
    """
    font = ImageFont.truetype(str(font_path("zh", "sans")), 13, index=FACES["zh", "sans"].index)
    shown = [_beside(group) for group in pictures]
    width = max(max(picture.width for picture in shown), 260) + 12
    height = max(picture.height for picture in shown) + 64
    rows = -(-len(samples) // columns)
    whole = Image.new("RGB", (columns * width, rows * height), "white")
    draw = ImageDraw.Draw(whole)
    for number, (sample, picture) in enumerate(zip(samples, shown, strict=True)):
        left, top = number % columns * width + 6, number // columns * height + 6
        good = sample.exact and sample.ground and sample.letters
        draw.rectangle(
            (left - 2, top - 2, left + picture.width + 1, top + picture.height + 1),
            fill="white" if good else "red",
        )
        whole.paste(picture, (left, top))
        lines = [*_wrapped(sample.prompt, font, width - 12)[:2], f"read: {sample.read}"]
        for line, text in enumerate(lines):
            place = (left, top + picture.height + 3 + 17 * line)
            draw.text(place, text, fill="black" if line < len(lines) - 1 or good else "red", font=font)
    return whole


def _beside(pictures: Sequence[Image.Image]) -> Image.Image:
    whole = Image.new("RGB", (sum(p.width for p in pictures) + 4 * (len(pictures) - 1), pictures[0].height), "white")
    left = 0
    for picture in pictures:
        whole.paste(picture.convert("RGB"), (left, 0))
        left += picture.width + 4
    return whole


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines that fit `width`, broken anywhere (Chinese has no blanks)."""
    lines = [""]
    for char in text:
        if font.getlength(lines[-1] + char) > width:
            lines.append("")
        lines[-1] += char
    return lines
