"""ImgEdit-Bench (Ye et al., arXiv 2505.20275; report section 5, image editing): 737 edits of nine kinds.

What is asked: add 95, adjust 94, extract 117, replace 92, remove 86, background 94, style 100, compose 23 (the report's
"hybrid"), action 36; each with one picture. `suite="uge"` asks the 47 harder edits of the UGE suite instead.
Who judges: a vision-language model (GPT-4o in the papers). It sees the picture before and after, and gives three scores
from 1 to 5, with a question of its own for each kind; what they rate stands in the question.
The figures, 1-5: the mean of the three scores; the mean of a kind's edits; overall, the mean of the nine kinds.

Where the official script differs (`official_compat=True`): its parser loses decimal and bold scores, see
`imgedit_answers.py`; it asks once; it rounds the mean of each edit and of each kind to two places. The overall mean is
not in its code, only in the papers.

The repository has no licence, so instructions and questions are read from the data folder. UGE's question stands in the
authors' code alone; ours is in our own words and asks for the same single score, so its figures do not compare.
Pictures are on the Hugging Face hub alone (sysuyy/ImgEdit); they belong in `imgedit/pictures/`, under the names that
the instructions give (`animal/000342021.jpg`), those of the UGE suite in `imgedit/pictures/uge/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks.group_means import group_means, mean
from hanmo.evaluate.benchmarks.imgedit_answers import asked_names, official_mean, read_scores
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Prompt, Result, Score

KINDS = ("add", "adjust", "extract", "replace", "remove", "background", "style", "compose", "action")
_HOME = "https://raw.githubusercontent.com/PKU-YuanGroup/ImgEdit/547185d12c08267a862b94248576e1746e479937/Benchmark"
_LICENCE = "ImgEdit (PKU-YuanGroup) has no licence file: for your own evaluation only, not to be passed on"

EDITS = DataFile(
    "imgedit/basic_edit.json",
    f"{_HOME}/Basic/basic_edit.json",
    "5ee9b7d61e918692416f79896300f738598c83adff8de737b25be4aaff72dc69",
    _LICENCE,
)
QUESTIONS = DataFile(
    "imgedit/prompts.json",
    f"{_HOME}/Basic/prompts.json",
    "f9468dc848776ee0a6c2e2c31e678c7224e9cb61b013747c8c52d4a05627b5a0",
    _LICENCE,
)
UGE_EDITS = DataFile(
    "imgedit/UGE_edit.json",
    f"{_HOME}/UGE/UGE_edit.json",
    "807817d8765f8fc45397be9afbf638b00fad91e37c1d44fabd5103df73074d16",
    _LICENCE,
    "uge",
)
_SLOT = "<edit_prompt>"

UGE_QUESTION = f"""You see a picture before and after an edit. Rate the edit from 1 to 5.
Look at four things: whether exactly what the instruction says was done, with the right objects, numbers and colours;
whether it looks natural; whether it is no larger than it had to be; and whether everything else stayed as it was. If
something else changed, the score is 3 at most.
1: ignored or badly done. 2: far from the instruction, or ugly. 3: acceptable. 4: good, with small flaws. 5: perfect.

The instruction: {_SLOT}

Answer in two lines, without any marks:
Brief reasoning: at most 20 words.
Score: A number from 1 to 5.
"""
"""In our own words."""


@dataclass(frozen=True)
class ImgEdit:
    """See the module.

    Attributes:
        suite: "basic", the nine kinds of the table, or "uge".
        official_compat: read answers and round as the official script does.
    """

    suite: str = "basic"
    official_compat: bool = False
    name: ClassVar[str] = "imgedit"
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("vlm",)
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check the suite.

        Raises:
            RequestError: there is no such suite.
        """
        if self.suite not in ("basic", "uge"):
            raise RequestError(f"ImgEdit has no suite {self.suite!r}; choose basic or uge")

    @property
    def title(self) -> str:
        """See `Benchmark`."""
        return "ImgEdit-Bench" if self.suite == "basic" else "ImgEdit-Bench, UGE suite"

    @property
    def files(self) -> tuple[DataFile, ...]:
        """See `Benchmark`."""
        return (EDITS, QUESTIONS) if self.suite == "basic" else (UGE_EDITS,)

    @property
    def questions(self) -> Mapping[str, str]:
        """See `Benchmark`; those of the nine kinds are in a data file, whose digest is fixed."""
        return {} if self.suite == "basic" else {"uge": UGE_QUESTION}

    def load(self, data: Path) -> list[Prompt]:
        """See `Benchmark`; the questions are read, too, so that a missing file is named now."""
        if self.suite == "uge":
            found = json.loads(checked(data, UGE_EDITS, self.name).read_bytes())
            return [_prompt(key, edit, "uge", f"uge/{edit['id']}") for key, edit in found.items()]
        found = json.loads(checked(data, EDITS, self.name).read_bytes())
        self._question("add", data)
        return [_prompt(key, edit, edit["edit_type"], edit["id"]) for key, edit in found.items()]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """See `Benchmark`."""
        path = data / "imgedit" / "pictures" / PurePosixPath(prompt.truth["picture"])
        if not path.is_file():
            raise RequestError(
                f"imgedit needs the picture {path}, which is not there: take the benchmark's pictures from the data "
                "set sysuyy/ImgEdit of the Hugging Face hub and unpack them so that this path exists"
            )
        with Image.open(path) as image:
            return [image.convert("RGB")]

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """See `Benchmark`."""
        vlm, (source,) = judges.the_vlm(), self.sources(prompt, data)
        template = self._question(prompt.groups["kind"], data)
        question = template.replace(_SLOT, prompt.text)
        read: Callable[[str], dict[str, float]] = _official if self.official_compat else _reader(asked_names(template))
        scores = []
        for number, edited in enumerate(pictures):
            pair = source, edited.convert("RGB")
            try:
                values, said = asked(vlm, pair, question, read, tries=1 if self.official_compat else 3)
            except Unjudged as reason:
                scores.append(Score({}, number, unjudged=str(reason)))
            else:
                scores.append(Score(values, number, said))
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The overall mean, and each kind's mean; for the UGE suite the overall mean alone."""
        kinds = group_means(results, "kind", "mean", KINDS if self.suite == "basic" else ())
        if self.official_compat:
            kinds = {kind: round(value, 2) for kind, value in kinds.items()}
        overall = {"overall": mean(kinds.values())}
        return overall | kinds if self.suite == "basic" else overall

    def _question(self, kind: str, data: Path) -> str:
        if kind == "uge":
            return UGE_QUESTION
        found: dict[str, str] = json.loads(checked(data, QUESTIONS, self.name).read_bytes())
        return found[kind]


def _official(said: str) -> dict[str, float]:
    return {"mean": official_mean(said)}


def _reader(names: Sequence[str]) -> Callable[[str], dict[str, float]]:
    def read(said: str) -> dict[str, float]:
        scores = read_scores(said, names)
        return {"mean": mean(scores.values()), **scores}

    return read


def _prompt(key: str, edit: Mapping[str, str], kind: str, picture: str) -> Prompt:
    return Prompt(key, edit["prompt"], "edit", {"picture": picture}, {"kind": kind})
