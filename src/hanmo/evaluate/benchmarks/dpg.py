"""DPG-Bench (Hu and others, ELLA, arXiv 2403.05135; the report's section 5.2.2): is a long description followed?

1,065 dense prompts, four pictures each. For each prompt there are yes/no questions on one fact each, of five categories
(global, entity, attribute, relation, other), some of which presuppose others, see `dpg_questions`. A visual question
answerer is shown a picture and asked them one by one; the protocol's is mPLUG-large, any other that answers in words
can be asked, and gives figures of its own: the report's header names it.

    picture    mean over its questions of what a yes counts, see `dpg_dependency`
    prompt     mean over its pictures
    overall    mean over prompts
    category   mean over all its questions of all pictures of what a yes counts

Where the official script (TencentQQGYLab/ELLA, compute_dpg_bench.py, commit 3c228f1) differs; `official_compat=True`
does the same:

    category   the raw answers, whether or not they make sense, of a prompt's last picture only
    question   the first of the file is skipped (ELLA's issue 61); where another of its prompt presupposes it, the
               prompt is left out of all means. Here its pictures count as unjudged.
    answer     any that is not yes is a no. Otherwise one that is neither is asked for again, and then unjudged: the
               picture with it, since the mean over its questions is not known.

The script cuts one 2x2 picture into four; here the four are pictures of their own. It says nothing but the question to
mPLUG, and takes exactly "yes"; a vision-language model must be told to answer with one word, and its case and full stop
do not matter here.

The prompts are those of zlab-princeton/i1, a list of ELLA's 1,065 files (the same ids; in twelve texts, other dashes
and quotation marks). The table of questions was not at hand when this was written: its columns are known from the
script that reads it, its bytes from the id that git has for it in both repositories.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks import dpg_dependency, dpg_questions
from hanmo.evaluate.benchmarks.dpg_questions import Question
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import VLM, Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

CATEGORIES = ("global", "entity", "attribute", "relation", "other")
"""In the order of the paper's tables; a question of another name counts in `overall` only."""

TEMPLATE = "{question} Answer with one word: yes or no."

QUESTIONS: Mapping[str, str] = {"yes or no": TEMPLATE}

PROMPTS = DataFile(
    "dpg_bench/dpg_bench_prompts_i1.json",
    "https://raw.githubusercontent.com/zlab-princeton/i1/b58a62f4a301370f35c5873bcb453bf7eea9f0e4/"
    "benchmark_eval/dpg_bench/dpg_bench.json",
    "9cb9ab32a00104fb0a699335110079e6b1d1c5de035448ebddc92df0d78fdd50",
    "Apache-2.0 (ELLA, Tencent)",
)
TABLE = DataFile(
    "dpg_bench/dpg_bench.csv",
    "https://raw.githubusercontent.com/TencentQQGYLab/ELLA/3c228f1dc6c4d3cad0a47493816151a419f14db3/"
    "dpg_bench/dpg_bench.csv",
    "git:98457fc9901943f51ff9a30367250fc292533bed",
    "Apache-2.0 (ELLA, Tencent)",
)


@dataclass(frozen=True)
class DPG:
    """The benchmark; see the head of this file.

    Attributes:
        official_compat: scores are computed as the official script does, not as the papers say.
    """

    official_compat: bool = False

    name = "dpg"
    title = "DPG-Bench"
    images = 4
    needs = ("vlm",)
    files = (PROMPTS, TABLE)
    questions = QUESTIONS
    percent = True
    lower_is_better = frozenset[str]()

    def load(self, data: Path) -> list[Prompt]:
        """The 1,065 prompts with their questions; ids are ELLA's, such as "partiprompts97"."""
        entries = json.loads(checked(data, PROMPTS, self.name).read_text("utf-8"))
        path = checked(data, TABLE, self.name)
        table = dpg_questions.read(path, official_compat=self.official_compat)
        if not any(item in table for item, _ in entries):
            raise RequestError(f"{path} has questions for none of the prompts of {PROMPTS.path}: fetch both again")
        return [
            Prompt(item, text, truth={"questions": [question.to_dict() for question in table.get(item, [])]})
            for item, text in entries
        ]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: these are generations."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """Each picture: `score`, and by category the share of its questions; `saw` has every question and answer.

        Raises:
            Unjudged: nobody to ask; no questions; or one that presupposes a question that is not there.
        """
        questions = _questions(prompt)
        if not questions:
            raise Unjudged(f"the table has no questions for {prompt.id}")
        vlm = judges.the_vlm()
        return [self._picture(questions, number, picture, vlm) for number, picture in enumerate(pictures)]

    def _picture(self, questions: Sequence[Question], number: int, picture: Image.Image, vlm: VLM) -> Score:
        """The score of one picture; unjudged where one of its questions is."""
        answers: dict[int, float] = {}
        saw: list[dict[str, Json]] = []
        for question in questions:
            words = TEMPLATE.format(question=question.text)
            try:
                answers[question.id], said = asked(vlm, [picture], words, _yes if self.official_compat else _yes_or_no)
            except Unjudged as error:
                return Score({}, number, saw, f"question {question.id}, {question.text!r}: {error}")
            saw.append({"question": question.text, "said": said, "yes": bool(answers[question.id])})
        weigh = dpg_dependency.as_scripted if self.official_compat else dpg_dependency.as_stated
        counts = weigh(answers, questions)
        for row, question in zip(saw, questions, strict=True):
            row["counts"] = bool(counts[question.id])
        shown = answers if self.official_compat else counts
        values = {"score": _mean(list(counts.values()))}
        for category in sorted({question.category for question in questions}):
            values[category] = _mean([shown[question.id] for question in questions if question.category == category])
        return Score(values, number, saw)

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The headline and the five categories, 0-1; a category's questions weigh alike, whatever their prompt."""
        means = [_mean(result.values("score")) for result in results if result.values("score")]
        return {"overall": _mean(means)} | {category: self._category(category, results) for category in CATEGORIES}

    def _category(self, category: str, results: Sequence[Result]) -> float:
        yes = asked_for = 0.0
        for result in results:
            size = sum(question.category == category for question in _questions(result.prompt))
            last = len(result.seeds) - 1
            for score in result.scores:
                if category in score.values and (not self.official_compat or score.picture == last):
                    yes += score.values[category] * size
                    asked_for += size
        return yes / asked_for if asked_for else float("nan")


def _questions(prompt: Prompt) -> list[Question]:
    return [Question.from_dict(question) for question in prompt.truth["questions"]]


def _yes(said: str) -> float:
    """1 for a yes, 0 for anything else."""
    return float(_bare(said) == "yes")


def _yes_or_no(said: str) -> float:
    """1 for a yes, 0 for a no."""
    answers = {"yes": 1.0, "no": 0.0}
    if _bare(said) not in answers:
        raise ValueError("neither yes nor no")
    return answers[_bare(said)]


def _bare(said: str) -> str:
    """An answer without case, white space, full stop, quotation marks and asterisks around it."""
    return said.strip(" \t\r\n.!,\"'*").lower()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
