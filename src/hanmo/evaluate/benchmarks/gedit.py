"""GEdit-Bench (Step1X-Edit, arXiv 2504.17761; report section 5, image editing): 606 real edits in eleven groups.

What is asked: instructions of real users, English ("en") or Chinese ("cn"), each with one picture.
Who judges: a vision-language model by VIEScore (`viescore.py`); GPT-4.1 in the papers.
The figures, 0-10: SC, PQ and O = sqrt(SC * PQ) of each picture; the mean within each group; the mean of the groups.
All three also over the intersection, the prompts that no compared system refused to answer.

The data set is `stepfun-ai/GEdit-Bench` on the Hugging Face hub (MIT, 3.7 GB, 1212 rows: both languages), as parquet
or arrow files in `gedit/` of the data folder. It has no single file to fetch; a user brings it with

    hf download stepfun-ai/GEdit-Bench --repo-type dataset --local-dir DATA/gedit

A picture stands there twice: `input_image_raw` as it was, which a generator is given where there is one, and
`input_image`, smaller, which the judge sees, as in the official script. `official_compat=True` reads the judge's
answers as leniently as that script does; the means are the same. Groups with nothing judged are left out (the script:
nan).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks.dataset_rows import Place, column_names, dataset_files, picture, rows
from hanmo.evaluate.benchmarks.group_means import group_means, mean
from hanmo.evaluate.benchmarks.viescore import PQ_QUESTION, SC_QUESTION, rate_edit
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Prompt, Result, Score

GROUPS = (
    "background_change",
    "color_alter",
    "material_alter",
    "motion_change",
    "ps_human",
    "style_change",
    "subject-add",
    "subject-remove",
    "subject-replace",
    "text_change",
    "tone_transfer",
)
_COLUMNS = ("task_type", "key", "instruction", "instruction_language", "Intersection_exist")
_VALUES = ("O", "SC", "PQ")


@dataclass(frozen=True)
class GEdit:
    """See the module.

    Attributes:
        language: of the instructions.
        official_compat: read answers as the official script does.
    """

    language: Literal["en", "cn"] = "en"
    official_compat: bool = False
    images: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]] = ("vlm",)
    files: ClassVar[tuple[DataFile, ...]] = ()
    questions: ClassVar[Mapping[str, str]] = {"SC": SC_QUESTION, "PQ": PQ_QUESTION}
    percent: ClassVar[bool] = False
    lower_is_better: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """See `Benchmark`."""
        return f"gedit-{self.language}"

    @property
    def title(self) -> str:
        """See `Benchmark`."""
        return f"GEdit-Bench-{self.language.upper()}"

    def load(self, data: Path) -> list[Prompt]:
        """See `Benchmark`."""
        folder = data / "gedit"
        if not dataset_files(folder):
            raise RequestError(
                f"{self.name} needs the data set stepfun-ai/GEdit-Bench (MIT, 3.7 GB) in {folder}, where no parquet or "
                f"arrow file is; run: hf download stepfun-ai/GEdit-Bench --repo-type dataset --local-dir {folder}"
            )
        found = [values for _, values in rows(folder, _COLUMNS) if values["instruction_language"] == self.language]
        prompts = [_prompt(values) for values in found]
        if not prompts:
            raise RequestError(f"{folder} holds no instruction in {self.language!r}; fetch the data set again")
        if len({prompt.id for prompt in prompts}) < len(prompts):
            raise RequestError(f"{folder} holds a key twice; is the data set there twice?")
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """See `Benchmark`."""
        place = self._place(prompt, data)
        raw = "input_image_raw"
        return [picture(place, raw if raw in column_names(place.file) else "input_image")]

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """See `Benchmark`."""
        vlm, source = judges.the_vlm(), picture(self._place(prompt, data), "input_image")
        scores = []
        for number, edited in enumerate(pictures):
            try:
                rating = rate_edit(
                    vlm, source, edited, prompt.text, official_compat=self.official_compat, key=f"{prompt.id} {number}"
                )
            except Unjudged as reason:
                scores.append(Score({}, number, unjudged=str(reason)))
                continue
            values = {"SC": rating.sc, "PQ": rating.pq, "O": rating.overall}
            scores.append(Score(values, number, dict(zip(("SC", "PQ"), rating.said, strict=True))))
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """O, SC, PQ of all; the same of the intersection; O of each group that is there."""
        shared = [result for result in results if result.prompt.groups["intersection"] == "yes"]
        table = {name: mean(group_means(results, "task", name, GROUPS).values()) for name in _VALUES}
        table |= {f"intersection {name}": mean(group_means(shared, "task", name, GROUPS).values()) for name in _VALUES}
        return table | {f"O {group}": value for group, value in group_means(results, "task", "O", GROUPS).items()}

    def _place(self, prompt: Prompt, data: Path) -> Place:
        places = _places(data / "gedit", self.language)
        if prompt.id not in places:
            raise RequestError(f"{data / 'gedit'} has no row with the key {prompt.id!r}; fetch the data set again")
        return places[prompt.id]


def _prompt(values: Mapping[str, object]) -> Prompt:
    key, task = str(values["key"]), str(values["task_type"])
    if not re.fullmatch(r"[\w.-]+", key, re.ASCII) or task not in GROUPS:
        raise RequestError(f"GEdit-Bench has a row of key {key!r} and group {task!r}, which this version does not know")
    groups = {"task": task, "intersection": "yes" if values["Intersection_exist"] else "no"}
    return Prompt(key, str(values["instruction"]), "edit", {}, groups)


@lru_cache(maxsize=2)
def _places(folder: Path, language: str) -> Mapping[str, Place]:
    """Where each key of a language is."""
    found = rows(folder, ("key", "instruction_language"))
    return {str(values["key"]): place for place, values in found if values["instruction_language"] == language}
