"""ChineseWord: can it write each of the 8,105 characters? (report section 5.2.2; the report's own benchmark).

**Asked.** Every character of 通用规范汉字表 once, one a picture: 3,500 of level 1 (everyday), 3,000 of level 2
(publishing), 1,605 of level 3 (names and terms), 196 of them outside Unicode's basic plane. The report has "several
prompt templates" and does not print them. Those below are ours, half of them Chinese and half English; a character's
place in the table chooses its template, so that each level meets all of them equally often.

**Who judges.** The report does not say. Here a reader of text (OCR); `single_character` has the rule.

**Figures.** For each level the share of characters that are written right, and over all their mean, weighted by the
levels' sizes. The published levels of Qwen-Image, 97.29, 40.53, 6.48 %, so weighted, give its published 58.30 %.

**The judge's ceiling.** A reader does not know every rare character, and one that it cannot read counts as wrong. So
each character is also rendered with a font and read by the same judge, and the share that it reads stands beside each
figure: paired, character by character. A figure near its ceiling says more of the reader than of the painter.

There is no official script, so there is nothing to be compatible with: `official_compat=True` is refused. `sample`
asks for an equal number of characters of each level, drawn by `seed`: 8,105 pictures are many. The weights stay those
of the whole table. Nothing is fetched: the table is in the package (Unicode's kTGH).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image

from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.hanzi import TIERS, hanzi
from hanmo.evaluate.benchmark import DataFile, refuse_compat
from hanmo.evaluate.benchmarks.single_character import drawn, rendered, shown
from hanmo.evaluate.benchmarks.text_scores import Finding, each_picture, weighted_mean
from hanmo.evaluate.judges.protocols import OCR, Judges, Unjudged
from hanmo.evaluate.types import Prompt, Result, Score

TEMPLATES = (
    'A sheet of white paper with the single Chinese character "{}" on it, large and centred, in black ink.',
    "一张白纸，正中用黑色墨水写着一个大大的汉字“{}”，没有其他文字。",
    'A wooden sign on a plain wall. It shows one Chinese character, "{}", carved deep and painted gold. No other text.',
    "一块木牌挂在素色的墙上，牌上只刻着一个金色的汉字“{}”。",
    'A school blackboard with just one Chinese character, "{}", written neatly in white chalk in the middle.',
    "教室的黑板中央，用白色粉笔工整地写着一个汉字“{}”，除此之外什么也没有。",
    'A red poster with a single huge Chinese character, "{}", in bold white print, and nothing else.',
    "一张红色海报，上面只有一个巨大的白色粗体汉字“{}”。",
    'A flash card for children that teaches one Chinese character: "{}", in thick dark blue strokes on a pale ground.',
    "一张儿童识字卡，浅色背景上用深蓝色的粗笔画写着一个汉字“{}”，只有这一个字。",
    'A shop window at night with a neon sign in the shape of one Chinese character, "{}". There is no other writing.',
    "夜晚的橱窗里亮着一块霓虹灯招牌，只有一个汉字“{}”，没有别的文字。",
)
LEVELS = ("1", "2", "3")


@dataclass(frozen=True)
class ChineseWord:
    """ChineseWord, see the head of this file.

    Attributes:
        official_compat: must be False, since there is no official script.
        sample: characters of each level, 1-1605; None: all 8,105.
        seed: of the sample.
        ceiling: whether the judge also reads each character as a font draws it; needs Noto Sans CJK.
    """

    official_compat: bool = False
    sample: int | None = None
    seed: int = 0
    ceiling: bool = True

    name: ClassVar[str] = "chineseword"
    title: ClassVar[str] = "ChineseWord"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("ocr",)
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {}
    percent: ClassVar[bool] = True
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check the settings."""
        refuse_compat(self.name, self.official_compat)
        drawn(self.sample, self.seed)

    def load(self, data: Path) -> list[Prompt]:
        """A prompt for each character, in the table's order; needs no data.

        Raises:
            RequestError: the ceiling's font is not on this machine.
        """
        if self.ceiling:
            font_path("zh", "sans")
        places = {character: place for place, character in enumerate(hanzi())}
        return [
            Prompt(
                id=f"u{ord(character):x}",
                text=TEMPLATES[places[character] % len(TEMPLATES)].format(character),
                truth={"character": character},
                groups={"level": level},
            )
            for level, tier in zip(LEVELS, drawn(self.sample, self.seed), strict=True)
            for character in tier
        ]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: pictures are generated."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """For each picture whether it is `right`, and whether the judge reads the same character as a `ceiling`."""
        ocr = judges.the_ocr()
        character = prompt.truth["character"]
        highest = _readable(ocr, character) if self.ceiling else {}

        def find(picture: Image.Image) -> Finding:
            lines = ocr.read(picture)
            values = {"right": float(shown(lines) == character)}
            return values | highest, {"wanted": character, "read": [line.text for line in lines]}

        return each_picture(pictures, find)

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The share over all and of each level, then the judge's ceiling in the same order."""
        figures = {}
        for name, label in (("right", ""), *((("ceiling", "ceiling, "),) if self.ceiling else ())):
            levels = [
                weighted_mean(
                    (value, 1.0)
                    for result in results
                    if result.prompt.groups["level"] == level
                    for value in result.values(name)
                )
                for level in LEVELS
            ]
            figures[f"{label}overall"] = overall(levels)
            figures |= {f"{label}level {level}": share for level, share in zip(LEVELS, levels, strict=True)}
        return figures


def overall(levels: Sequence[float]) -> float:
    """The mean of the three levels' shares, weighted by their sizes (3500, 3000, 1605); nan where one is nan."""
    return sum(share * size for share, size in zip(levels, TIERS, strict=True)) / sum(TIERS)


def _readable(ocr: OCR, character: str) -> dict[str, float]:
    """Whether the judge reads the rendered character; nothing where it gives no answer."""
    try:
        return {"ceiling": float(shown(ocr.read(rendered(character))) == character)}
    except Unjudged:
        return {}
