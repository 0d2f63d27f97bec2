"""TIIF-Bench (Wei et al., arXiv 2506.02161; report section 5.2.2): are instructions followed, short and long ones?

2,538 prompts of 39 attributes (`split="mini"`: 277), each in a short and a long form. One picture a prompt, one call to
a VLM (GPT-4o) with all of its questions: a line for each, that begins with yes or no. A question is right where the
answer is the wanted one, mostly yes. Then

    accuracy of an attribute   questions right / questions, over all of its prompts
    figure of a group          mean of its attributes
    overall                    mean of the nine groups that were judged

Basic: attribute, relation, reasoning. Advanced: their three pairs, text, style. And the designers' real prompts. For
`text`, a run with an OCR judge has GNED and recall as well, see `tiif_text.py`; without one they are left out. Short
and long are two runs and two figures: 86.14 and 86.83 on the small split in the report.

The words around the questions are ours, since the official repository has no licence. It has three templates and takes
one by chance for each call, at temperature 1; we have three of our own, taken by a generator seeded with `seed`, prompt
and picture, at temperature 0, or 1 with `official_compat`. The official script asks until there are as many answers as
questions; we ask three times, then the picture is unjudged. It reads an answer only where a line begins with it; here a
number or a mark may stand before it ("1. **Yes**"), unless `official_compat`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Literal

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks import tiif_files, tiif_text
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import OCR, Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

SYSTEM = "You examine pictures and answer questions about them, truthfully and exactly."

TEMPLATES: Mapping[str, str] = {
    "examine": "Examine this picture. Then answer the questions below, which can all be answered with yes or no.\n\n"
    "{questions}\n\nGive one line for each question, in the same order. A line begins with the word yes or no; a short "
    "reason follows. Write no line that answers no question.",
    "lines": "Here is a picture, and here are questions about it, one a line:\n\n{questions}\n\nReply with exactly as "
    "many lines. Line by line, begin with yes or no, then say in a few words why. Keep the order. Add nothing.",
    "judge": "You judge whether a picture shows what was asked for. Look at it, then decide on each question:\n\n"
    "{questions}\n\nFor each of them write a line of its own: yes or no first, the reason after it. Do not skip, "
    "join or reorder questions, and write neither introduction nor summary.",
}

GROUPS: Mapping[str, tuple[str, ...]] = {
    "basic: attribute": ("shape+color", "color+texture", "texture+color", "shape+texture"),
    "basic: relation": ("2d_spatial_relation", "3d_spatial_relation", "action+2d", "action+3d"),
    "basic: reasoning": ("numeracy", "negation", "differentiation", "comparison"),
    "advanced: attribute+relation": tuple(
        f"{a}+{b}"
        for a, b in (
            *(("action", b) for b in ("color", "texture")),
            *((a, b) for a in ("color", "shape", "texture") for b in ("2d", "3d")),
        )
    ),
    "advanced: attribute+reasoning": tuple(
        f"{a}+{b}" for a in ("numeracy", "comparison", "differentiation", "negation") for b in ("color", "texture")
    ),
    "advanced: relation+reasoning": tuple(
        f"{a}+{b}" for a in ("numeracy", "comparison", "differentiation", "negation") for b in ("2d", "3d")
    ),
    "advanced: text": ("text",),
    "advanced: style": ("style",),
    "real world": ("real_world",),
}
"""The nine groups of the tables and the attributes in each."""

_WORD = re.compile(r"Is the text '(.*)' in the image\?")
_ANSWER = re.compile(r"\W*(?:\d+\W+)?(yes|no)\b", re.IGNORECASE)
_OFFICIAL_ANSWER = re.compile(r"(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True)
class TIIF:
    """One size of TIIF-Bench with one form of its prompts.

    Attributes:
        official_compat: reproduce the official script's quirks.
        split: all 2,538 prompts, or the 277 of testmini, which the report quotes.
        length: which form of the prompts.
        seed: of the choice among the templates, and of a judge that samples.

    Raises:
        RequestError: at construction: a split or a length that does not exist.
    """

    official_compat: bool = False
    split: Literal["full", "mini"] = "full"
    length: Literal["short", "long"] = "short"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check split and length."""
        for name, given, known in (("split", self.split, ("full", "mini")), ("length", self.length, ("short", "long"))):
            if given not in known:
                raise RequestError(f"TIIF-Bench has no {name} {given!r}: choose {known[0]} or {known[1]}")

    @property
    def name(self) -> str:
        """`tiif`."""
        return "tiif"

    @property
    def title(self) -> str:
        """What people call it, with split and length."""
        return f"TIIF-Bench {'testmini' if self.split == 'mini' else 'full'}, {self.length} prompts"

    @property
    def images(self) -> int:
        """One picture a prompt."""
        return 1

    @property
    def needs(self) -> tuple[str, ...]:
        """A VLM. An OCR judge is welcome: it adds GNED and recall of the texts."""
        return ("vlm",)

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The prompts and the questions of the split."""
        kinds = (tiif_files.prompts_of, tiif_files.questions_of)
        return tuple(kind(self._folder, attribute) for attribute in _attributes() for kind in kinds)

    @property
    def questions(self) -> Mapping[str, str]:
        """The three templates, and what the VLM is told before."""
        return {**TEMPLATES, "system": SYSTEM}

    @property
    def percent(self) -> bool:
        """86.14 is a share of questions."""
        return True

    @property
    def lower_is_better(self) -> frozenset[str]:
        """The edit distance."""
        return frozenset({"text GNED"})

    @property
    def _folder(self) -> str:
        return "testmini" if self.split == "mini" else "test"

    def load(self, data: Path) -> list[Prompt]:
        """All prompts of the split, attribute by attribute in the order of the tables.

        Raises:
            RequestError: a file is missing or changed.
        """
        prompts = []
        for group, attributes in GROUPS.items():
            for attribute in attributes:
                asks = _lines(checked(data, tiif_files.prompts_of(self._folder, attribute), self.name))
                judged = _lines(checked(data, tiif_files.questions_of(self._folder, attribute), self.name))
                for number, (ask, judge) in enumerate(zip(asks, judged, strict=True)):
                    prompts.append(
                        Prompt(
                            f"{self.split}-{self.length}-{attribute.replace('+', '-')}-{number:03d}",
                            ask[f"{self.length}_description"],
                            truth=_truth(attribute, judge),
                            groups={"group": group, "attribute": attribute},
                        )
                    )
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: every prompt is a generation."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """A score for each picture, and for a text one more where an OCR judge is there."""
        scores = []
        for number, picture in enumerate(pictures):
            try:
                scores.append(self._answers(prompt, number, picture, judges))
            except Unjudged as reason:
                scores.append(Score({}, number, unjudged=str(reason)))
            if "words" in prompt.truth and judges.ocr is not None:
                scores.append(self._text(prompt.truth["words"], number, picture, judges.ocr))
        return scores

    def _answers(self, prompt: Prompt, number: int, picture: Image.Image, judges: Judges) -> Score:
        questions, wanted = prompt.truth["questions"], prompt.truth["answers"]
        template = random.Random(f"{self.seed} {prompt.id} {number}").choice(list(TEMPLATES))
        answers, said = asked(
            judges.the_vlm(),
            [picture],
            TEMPLATES[template].format(questions="\n".join(questions)),
            partial(answers_of, count=len(questions), official_compat=self.official_compat),
            system=SYSTEM,
            temperature=1.0 if self.official_compat else 0.0,
            seed=self.seed,
        )
        right = sum(answer == want for answer, want in zip(answers, wanted, strict=True))
        rows = [
            {"question": question, "wanted": want, "answer": answer}
            for question, want, answer in zip(questions, wanted, answers, strict=True)
        ]
        values = {"right": float(right), "questions": float(len(questions)), "accuracy": right / len(questions)}
        return Score(values, number, {"template": template, "questions": rows, "said": said})

    def _text(self, wanted: Sequence[str], number: int, picture: Image.Image, ocr: OCR) -> Score:
        read = tiif_text.words_of([line.text for line in ocr.read(picture)], self.official_compat)
        small = [word.lower() for word in wanted]
        values = {"GNED": tiif_text.gned(small, read), "recall": tiif_text.recall(small, read, self.official_compat)}
        return Score(values, number, {"text": {"wanted": small, "read": read}})

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """Overall, the nine groups with the means over the attributes of basic and advanced, GNED and recall."""
        accuracy = _accuracies(results)
        groups = {group: _mean(accuracy[attribute] for attribute in members) for group, members in GROUPS.items()}
        table = {"overall": _mean(groups.values())}
        for part in ("basic", "advanced"):
            inside = [group for group in GROUPS if group.startswith(part)]
            table[part] = _mean(accuracy[attribute] for group in inside for attribute in GROUPS[group])
            table |= {group: groups[group] for group in inside}
        table["real world"] = groups["real world"]
        for name in ("GNED", "recall"):
            values = [fmean(result.values(name)) for result in results if result.values(name)]
            table |= {f"text {name}": fmean(values)} if values else {}
        return table


def answers_of(said: str, count: int, official_compat: bool = False) -> list[str]:
    """The answers in what a judge said, "yes" or "no", line by line; other lines are passed over.

    Args:
        said: some lines.
        count: of the questions.
        official_compat: a line must begin with its answer.

    Raises:
        ValueError: there are not as many answers as questions.
    """
    pattern = _OFFICIAL_ANSWER if official_compat else _ANSWER
    found = [match[1].lower() for line in said.split("\n") if (match := pattern.match(line.strip()))]
    if len(found) != count:
        raise ValueError(f"{len(found)} answers to {count} questions")
    return found


def _truth(attribute: str, judge: Mapping[str, Json]) -> dict[str, Json]:
    questions = [question.strip() for question in judge["yn_question_list"]]
    truth: dict[str, Json] = {
        "questions": questions,
        "answers": [answer.strip().lower() for answer in judge["yn_answer_list"]],
    }
    if attribute == "text":
        truth["words"] = [found[1] for question in questions if (found := _WORD.fullmatch(question))]
    return truth


def _attributes() -> tuple[str, ...]:
    return tuple(attribute for members in GROUPS.values() for attribute in members)


def _lines(path: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def _accuracies(results: Sequence[Result]) -> dict[str, float]:
    """Questions right / questions of each attribute; nan where none was judged."""
    right = dict.fromkeys(_attributes(), 0.0)
    count = dict.fromkeys(_attributes(), 0.0)
    for result in results:
        attribute = result.prompt.groups["attribute"]
        right[attribute] += sum(result.values("right"))
        count[attribute] += sum(result.values("questions"))
    return {name: right[name] / count[name] if count[name] else float("nan") for name in right}


def _mean(values: Iterable[float]) -> float:
    """Of those that are there; nan where none is."""
    there = [value for value in values if value == value]
    return fmean(there) if there else float("nan")
