"""LongText-Bench: passages of text in English and Chinese (report section 5.2.2; X-Omni, arXiv 2507.22058).

**Asked.** 160 prompts a language in eight categories (signs, labels, prints, web pages, slides, posters, captions,
dialogues), half of each short and half long: 4,263 English words and 7,944 Chinese characters that count. Four
pictures a prompt.

**Who judges.** The official script lets Qwen2.5-VL-7B read the picture; here any judge with the role of OCR may, and
the report names it. PP-OCR and a vision-language model do not read alike: compare figures of one reader only.

**Figure.** Of the texts, joined by blanks, and of the reading all but Latin letters, digits, white space and the
characters U+4E00-9FA5 are dropped. English is lower-cased and cut into words, Chinese taken character by character; the
order is ignored. Both sides are bags (multisets):

    text accuracy = sum of |asked and read| / sum of |asked|, over all pictures (micro-average)

**Where the official script differs** (`official_compat=True`; X-Omni-Team/X-Omni, textbench):

1. A reader's empty phrases "addCriterion" and "No text recognized." are to be removed, but each removal starts from the
   untouched reading, so that only the last one happens. Here both do.
2. Its reader is told to answer "No text recognized", without the full stop that the removal looks for, so the answer
   stays, and its words may be among those asked for. Here the phrase is removed with and without the stop.

The prompts are under Apache-2.0. This module does not know the readers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks.text_scores import Finding, each_picture, weighted_mean
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

LENGTHS = ("short", "long")
CATEGORIES = ("sign", "label", "print", "webpage", "slide", "poster", "caption", "dialogue")

_HOME = "https://raw.githubusercontent.com/X-Omni-Team/X-Omni/2b8237bb3789638c290eeda3e83ed81bd3652c3b/textbench"
_LICENCE = "LongText-Bench by the X-Omni team, Apache-2.0"
_FILES = {
    "en": ("text_prompts.jsonl", "a2130769e72bd8560470a066114cdac87f80f1eb071ba6bc0f7033225a9be0d8"),
    "zh": ("text_prompts_zh.jsonl", "6512cd121ac093e8113e114d76eb2c0ce967c220b18e2049e1063554ce496758"),
}
# The official class of characters that count: Chinese ones, Latin letters, some with accents, digits.
_DROPPED = re.compile(r"[^\u4e00-\u9fa5a-zA-Z0-9\sàâäéèêëîïôöùûüçÀÂÄÉÈÊËÎÏÔÖÙÛÜÇ]")
_EMPTY_PHRASES = ("addCriterion", "No text recognized.", "No text recognized")


@dataclass(frozen=True)
class LongText:
    """LongText-Bench in one language, see the head of this file.

    Attributes:
        language: "en" or "zh".
        official_compat: judge as the official script does.
    """

    language: Literal["en", "zh"] = "en"
    official_compat: bool = False

    images: ClassVar[int] = 4
    needs: ClassVar[tuple[str, ...]] = ("ocr",)
    questions: ClassVar[Mapping[str, str]] = {}
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check the language."""
        if self.language not in _FILES:
            raise RequestError(f"LongText-Bench has no language {self.language!r}: choose en or zh")

    @property
    def name(self) -> str:
        """`longtext-en` or `longtext-zh`."""
        return f"longtext-{self.language}"

    @property
    def title(self) -> str:
        """The paper's name and the language."""
        return f"LongText-Bench ({self.language.upper()})"

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The language's one file."""
        file, sha256 = _FILES[self.language]
        return (DataFile(f"longtext/{file}", f"{_HOME}/{file}", sha256, _LICENCE, self.language),)

    def load(self, data: Path) -> list[Prompt]:
        """The 160 prompts of the language, in the official order."""
        return self.prompts(checked(data, self.files[0], self.name).read_text(encoding="utf-8"))

    def prompts(self, text: str) -> list[Prompt]:
        """The prompts of the official file, one JSON object a line.

        Raises:
            RequestError: a line of another schema, or whose texts have nothing that counts.
        """
        prompts = []
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                entry = json.loads(line)
                category, length, texts = str(entry["category"]), str(entry["length"]), [str(t) for t in entry["text"]]
                prompt = Prompt(
                    id=f"{category}-{int(entry['prompt_id']):03d}",
                    text=str(entry["prompt"]),
                    truth={"texts": texts},
                    groups={"category": category, "length": length},
                )
            except (ValueError, KeyError, TypeError) as error:
                raise RequestError(
                    f"line {number} of {self.files[0].path} is not as LongText-Bench has it "
                    f"(category, length, text, prompt, prompt_id): {error!r}"
                ) from error
            if category not in CATEGORIES or length not in LENGTHS or not pieces(" ".join(texts), self.language):
                raise RequestError(
                    f"line {number} of {self.files[0].path} is not as LongText-Bench has it: "
                    f"category {category!r}, length {length!r}, texts {texts!r}"
                )
            prompts.append(prompt)
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: pictures are generated."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """For each picture the share of the words (Chinese: characters) that was read, and how many were `wanted`."""
        ocr = judges.the_ocr()
        wanted = Counter(pieces(" ".join(prompt.truth["texts"]), self.language))

        def find(picture: Image.Image) -> Finding:
            lines = [line.text for line in ocr.read(picture)]
            read = Counter(pieces(without_empty_phrases("\n".join(lines), self.official_compat), self.language))
            values = {"accuracy": (wanted & read).total() / wanted.total(), "wanted": float(wanted.total())}
            return values, {"read": lines, "missed": sorted((wanted - read).elements())}

        return each_picture(pictures, find)

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """Text accuracy: over all, of short and long prompts, and of each category."""
        found = [
            (result.prompt.groups, score.values)
            for result in results
            for score in result.scores
            if score.unjudged is None
        ]
        figures = {"text accuracy": weighted_mean((values["accuracy"], values["wanted"]) for _, values in found)}
        for group, members in (("length", LENGTHS), ("category", CATEGORIES)):
            for member in members:
                figures[member] = weighted_mean(
                    (values["accuracy"], values["wanted"]) for groups, values in found if groups[group] == member
                )
        return figures


def without_empty_phrases(reading: str, official_compat: bool = False) -> str:
    """A reading without the phrases that stand for nothing; `official_compat` removes the last of two only."""
    if official_compat:
        return reading.replace("No text recognized.", "")
    for phrase in _EMPTY_PHRASES:
        reading = reading.replace(phrase, "")
    return reading


def pieces(text: str, language: str) -> list[str]:
    """What is counted: the lower-cased words of an English text, the characters of a Chinese one (case is kept)."""
    kept = _DROPPED.sub("", text)
    return kept.lower().split() if language == "en" else [char for char in kept if not char.isspace()]
