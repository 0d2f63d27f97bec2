"""OneIG-Bench (Chang et al., arXiv 2506.07977; report section 5.2.2): one picture model, five dimensions.

1,120 English prompts in five sets: anime (245, of which 114 name a style), human 244, object 206, text 200, reasoning
225. The Chinese half has them in Chinese and 200 more, multilingualism. Four pictures a prompt.

    dimension   sets                                       judge                        see
    alignment   anime, human, object, multilingualism      VLM (Qwen2.5-VL-7B)          oneig_alignment.py
    text        text                                       VLM that reads (the same)    oneig_text.py
    reasoning   reasoning                                  LLM2CLIP                     oneig_likeness.py
    style       anime, where a style is named              CSD, OneIG style encoder     oneig_likeness.py
    diversity   all                                        DreamSim                     oneig_likeness.py

A figure is the mean over the pictures of a prompt, then over prompts; text is a function of sums over all pictures.
Overall is the plain mean of the five: .882 .891 .306 .418 .197 make .539 in the report. It is nan unless all five are
there. `dimensions` leaves some out, with their judges, files and prompts; the table then begins with the first.

The official script, which `official_compat` reproduces: pictures are cut from a grid and stored as JPEG of quality 75
before anything looks at them; one that is all black counts as not made and is left out; see also the modules above. It
judges multilingualism only where it is asked to; here it belongs to the Chinese half, and each set's alignment is a
figure of its own. Not known: which sets the published Chinese figures count, and how the judge's answers were sampled.
The repository has no licence: its files are fetched, the words of the questions are ours.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks import oneig_alignment, oneig_files, oneig_likeness, oneig_text
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

DIMENSIONS = ("alignment", "text", "reasoning", "style", "diversity")

READ = (
    "Write down all text that you can read in this picture, in reading order and exactly as it is spelt there. "
    f"Give the text alone, each piece once. If you can read none, answer: {oneig_text.NOTHING}"
)

_SETS = {
    "Anime_Stylization": "anime",
    "Portrait": "human",
    "General_Object": "object",
    "Text_Rendering": "text",
    "Knowledge_Reasoning": "reasoning",
    "Multilingualism": "multilingualism",
}


@dataclass(frozen=True)
class OneIG:
    """One half of OneIG-Bench.

    Attributes:
        language: of the prompts.
        official_compat: reproduce the official script's quirks.
        dimensions: which to judge, of `DIMENSIONS`.
        reader: who reads the pictures of the set text: a VLM as in the paper, or an OCR judge.

    Raises:
        RequestError: at construction: a dimension or a reader that does not exist, or no dimension.
    """

    language: Literal["en", "zh"]
    official_compat: bool = False
    dimensions: tuple[str, ...] = DIMENSIONS
    reader: Literal["vlm", "ocr"] = "vlm"

    def __post_init__(self) -> None:
        """Check dimensions and reader."""
        unknown = [name for name in self.dimensions if name not in DIMENSIONS]
        if unknown or not self.dimensions:
            given = repr(unknown[0]) if unknown else "none"
            raise RequestError(f"dimensions of OneIG-Bench: {given} was given; choose from {', '.join(DIMENSIONS)}")
        if self.reader not in ("vlm", "ocr"):
            raise RequestError(f"OneIG-Bench has no reader {self.reader!r}: choose vlm or ocr")

    @property
    def name(self) -> str:
        """`oneig-en` or `oneig-zh`."""
        return f"oneig-{self.language}"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"OneIG-Bench {self.language.upper()}"

    @property
    def images(self) -> int:
        """Four pictures a prompt."""
        return 4

    @property
    def needs(self) -> tuple[str, ...]:
        """The judges of the wanted dimensions."""
        roles = {
            "alignment": ("vlm",),
            "text": (self.reader,),
            "reasoning": ("embedder:llm2clip",),
            "style": tuple(f"embedder:{name}" for name in oneig_likeness.ENCODERS),
            "diversity": ("embedder:dreamsim",),
        }
        return tuple(dict.fromkeys(role for name in self._wanted for role in roles[name]))

    @property
    def files(self) -> tuple[DataFile, ...]:
        """The prompts, and what the wanted dimensions judge with."""
        more = {
            "alignment": tuple(oneig_files.QUESTIONS[self.language].values()),
            "text": (oneig_files.TEXTS[self.language],),
            "reasoning": (oneig_files.ANSWERS[self.language],),
            "style": tuple(oneig_files.STYLES.values()),
            "diversity": (),
        }
        return (oneig_files.PROMPTS[self.language], *(file for name in self._wanted for file in more[name]))

    @property
    def questions(self) -> Mapping[str, str]:
        """What a VLM is asked in the wanted dimensions."""
        asks = {"alignment": oneig_alignment.QUESTION} if "alignment" in self.dimensions else {}
        return asks | ({"text": READ} if "text" in self.dimensions and self.reader == "vlm" else {})

    @property
    def percent(self) -> bool:
        """The paper's tables show 0.539, not 53.9."""
        return False

    @property
    def lower_is_better(self) -> frozenset[str]:
        """The edit distance."""
        return frozenset({"text ED"})

    @property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(name for name in DIMENSIONS if name in self.dimensions)

    def load(self, data: Path) -> list[Prompt]:
        """The prompts that a wanted dimension judges, in the order of the official table; all of them by default.

        Raises:
            RequestError: a file is missing, changed, or of another schema.
        """
        truths = self._truths(data)
        prompts = []
        for row in _table(checked(data, oneig_files.PROMPTS[self.language], self.name)):
            text = row["prompt_en" if self.language == "en" else "prompt_cn"]
            which = _SETS[row["category"]]
            truth = dict(truths.get((which, row["id"]), {}))
            if "style" in self.dimensions and which == "anime" and row["class"]:
                truth["style"] = row["class"]
            if truth or "diversity" in self.dimensions:
                prompts.append(Prompt(f"{which}-{row['id']}", text, truth=truth, groups={"set": which}))
        return prompts

    def _truths(self, data: Path) -> dict[tuple[str, str], dict[str, Json]]:
        """Questions, texts and answers by set and number, as far as they are wanted."""
        truths: dict[tuple[str, str], dict[str, Json]] = {}
        if "alignment" in self.dimensions:
            for which, file in oneig_files.QUESTIONS[self.language].items():
                entries = json.loads(checked(data, file, self.name).read_text(encoding="utf-8"))
                for number, entry in entries.items():
                    truths[which, number] = oneig_alignment.questions_of(entry, f"{file.path}, {number},")
        if "text" in self.dimensions:
            for row in _table(checked(data, oneig_files.TEXTS[self.language], self.name)):
                truths["text", row["id"]] = {"text": oneig_text.wanted_text(row["text_content"], self.official_compat)}
        if "reasoning" in self.dimensions:
            answers = checked(data, oneig_files.ANSWERS[self.language], self.name).read_text(encoding="utf-8")
            for number, answer in json.loads(answers).items():
                truths["reasoning", number] = {"answer": answer}
        return truths

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: every prompt is a generation."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """A score for each picture and wanted dimension, and one for the diversity of all.

        A dimension that cannot be judged leaves an unjudged score and does not stop the others.
        """
        truth = prompt.truth
        kept, scores = _official(pictures) if self.official_compat else (list(enumerate(pictures)), [])
        shown = [picture for _, picture in kept]
        if "questions" in truth:
            scores += _one_by_one("alignment", kept, lambda i, p: self._alignment(i, p, truth, judges))
        if "text" in truth:
            scores += _one_by_one("text", kept, lambda i, p: self._text(i, p, str(truth["text"]), judges))
        if "answer" in truth:
            answer = str(truth["answer"])
            scores += _at_once(
                "reasoning", answer, kept, lambda: oneig_likeness.reasoning_scores(shown, answer, judges)
            )
        if "style" in truth:
            paths = {name: checked(data, file, self.name) for name, file in oneig_files.STYLES.items()}
            style = str(truth["style"])
            scores += _at_once(
                "style",
                style,
                kept,
                lambda: oneig_likeness.style_scores(shown, style, paths, judges, self.official_compat),
            )
        if "diversity" in self.dimensions:
            try:
                scores.append(oneig_likeness.diversity_score(shown, judges))
            except Unjudged as reason:
                scores.append(Score({}, None, unjudged=f"diversity: {reason}"))
        return scores

    def _alignment(self, number: int, picture: Image.Image, truth: Mapping[str, Json], judges: Judges) -> Score:
        return oneig_alignment.alignment_score(picture, number, truth, judges.the_vlm(), self.official_compat)

    def _text(self, number: int, picture: Image.Image, text: str, judges: Judges) -> Score:
        if self.reader == "vlm":
            said, _ = asked(judges.the_vlm(), [picture], READ, str)
            read = oneig_text.read_text(said, self.official_compat)
        else:
            read = said = "\n".join(line.text for line in judges.the_ocr().read(picture))
        wanted = oneig_text.cleaned(text, self.official_compat)
        found = oneig_text.cleaned(read, self.official_compat)
        return Score(oneig_text.compared(wanted, found), number, {"text": {"wanted": wanted, "said": said}})

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """Overall, the wanted dimensions, the parts of text, and the alignment of each set."""
        figures = {name: _mean(results, name) for name in self._wanted if name != "text"}
        parts = {}
        if "text" in self._wanted:
            pictures = {name: [v for result in results for v in result.values(name)] for name in _TEXT_VALUES}
            ed, cr = (fmean(pictures[name]) if pictures[name] else float("nan") for name in ("ED", "CR"))
            wanted = sum(pictures["wanted"])
            wac = sum(pictures["matched"]) / wanted if wanted else float("nan")
            # min(most, nan) would be the number
            figures["text"] = oneig_text.text_score(ed, cr, wac, self.language) if ed == ed else float("nan")
            parts = {"text ED": ed, "text CR": cr, "text WAC": wac}
        table = {"overall": fmean(figures.values())} if len(self._wanted) == len(DIMENSIONS) else {}
        table |= {name: figures[name] for name in self._wanted} | parts
        if "alignment" in self._wanted:
            for which in oneig_files.QUESTIONS[self.language]:
                of_set = [result for result in results if result.prompt.groups["set"] == which]
                table[f"alignment: {which}"] = _mean(of_set, "alignment")
        return table


_TEXT_VALUES = ("ED", "CR", "matched", "wanted")


def _mean(results: Sequence[Result], name: str) -> float:
    """Over the pictures of each prompt, then over the prompts that have any; nan where none has."""
    means = [fmean(values) for result in results if (values := result.values(name))]
    return fmean(means) if means else float("nan")


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


_Numbered = list[tuple[int, Image.Image]]


def _one_by_one(name: str, kept: _Numbered, judge: Callable[[int, Image.Image], Score]) -> list[Score]:
    """The score of each picture; one that cannot be judged does not stop the others."""
    scores = []
    for number, picture in kept:
        try:
            scores.append(judge(number, picture))
        except Unjudged as reason:
            scores.append(Score({}, number, unjudged=f"{name}: {reason}"))
    return scores


def _at_once(name: str, wanted: str, kept: _Numbered, judge: Callable[[], list[Score]]) -> list[Score]:
    """The scores of all pictures, given their own numbers again, and what was wanted of them."""
    if not kept:
        return []
    saw = {name: {"wanted": wanted}}
    try:
        return [Score(score.values, number, saw) for (number, _), score in zip(kept, judge(), strict=True)]
    except Unjudged as reason:
        return [Score({}, number, unjudged=f"{name}: {reason}") for number, _ in kept]


def _official(pictures: Sequence[Image.Image]) -> tuple[_Numbered, list[Score]]:
    """The pictures that the official script would look at, as it would see them; and scores for the others."""
    kept, left_out = [], []
    for number, picture in enumerate(pictures):
        if picture.convert("RGB").getbbox() is None:
            left_out.append(Score({}, number, unjudged="all black, which the official script leaves out"))
            continue
        stored = io.BytesIO()
        picture.convert("RGB").save(stored, "JPEG")
        kept.append((number, Image.open(stored).convert("RGB")))
    return kept, left_out
