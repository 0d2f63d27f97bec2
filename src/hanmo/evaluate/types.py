"""What an evaluation is made of: prompts, scores, results, reports (report section 5, all benchmarks).

    Prompt   what a generator is asked for, and the truth that a judge needs
    Score    what a judge found in one picture, or in all pictures of a prompt together
    Result   the scores of one prompt
    Report   the figures of a run, with their intervals and where they come from

All four are plain data: JSON on disk is their one other form (`to_dict`, `from_dict`). A score without a value is
`unjudged`, which is never zero. This module does not know benchmarks, judges, models or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""Anything that `json.dumps` takes: str, int, float, bool, None, lists, and mappings from str."""

Task: TypeAlias = Literal["generate", "edit", "reconstruct"]


@dataclass(frozen=True)
class Prompt:
    """One thing to ask of a generator.

    Attributes:
        id: unique within its benchmark; letters, digits, `-`, `_`, `.`: it names files.
        text: the prompt, or an edit's instruction; "" for a reconstruction.
        task: `edit` and `reconstruct` have source pictures, which `Benchmark.sources` gives.
        truth: what the judge needs to know: texts, objects, questions.
        groups: the groups of the benchmark's tables that the prompt belongs to, such as {"tag": "counting"}. The
            bootstrap draws within prompts of equal groups, so that no group is left empty by chance.
        size: (width, height) in pixels that the protocol asks for; None leaves it to the generator.
    """

    id: str
    text: str
    task: Task = "generate"
    truth: Mapping[str, Json] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Score:
    """What a judge found.

    Attributes:
        values: numbers by name; empty where unjudged.
        picture: which of the prompt's pictures, from 0; None: all of them together.
        saw: what the judge saw or answered, for the person who checks it.
        unjudged: why there are no values; None where there are.
    """

    values: Mapping[str, float]
    picture: int | None = 0
    saw: Json = None
    unjudged: str | None = None

    def to_dict(self) -> dict[str, Json]:
        """A mapping that `json.dumps` takes and `from_dict` reads."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Score:
        """What `to_dict` wrote."""
        return cls(dict(data["values"]), data["picture"], data["saw"], data["unjudged"])


@dataclass(frozen=True)
class Result:
    """A prompt with the scores of its pictures.

    Attributes:
        prompt: what was asked for.
        seeds: one for each picture, in their order.
        scores: what was found; a prompt that could not be judged has an unjudged score for each picture.
    """

    prompt: Prompt
    seeds: tuple[int, ...]
    scores: tuple[Score, ...]

    def values(self, name: str) -> list[float]:
        """The judged values called `name`, in the pictures' order; those unjudged are left out."""
        return [score.values[name] for score in self.scores if score.unjudged is None and name in score.values]

    @property
    def unjudged(self) -> int:
        """How many of its scores are unjudged."""
        return sum(score.unjudged is not None for score in self.scores)


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval; `low` and `high` equal `value` where one prompt counts.

    Attributes:
        value: the figure of all prompts.
        low: 2.5 % point over resampled prompts.
        high: 97.5 % point.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Report:
    """The figures of one run, and all that is needed to have them again.

    Attributes:
        benchmark: its name, such as `geneval`.
        title: its name for people, such as "GenEval".
        official_compat: whether the official script's quirks were reproduced.
        generator: what painted: kind, name, model hash, settings.
        judges: what judged: for each role its kind, name, version, settings.
        provenance: seed, images a prompt, prompt hash, data hash, Hanmo's version and commit, date, machine.
        prompts: how many were judged.
        pictures: how many were judged or tried.
        unjudged: how many scores have no value, and `scores` of how many.
        scores: how many scores there are.
        metrics: figures in the order of the benchmark's tables.
    """

    benchmark: str
    title: str
    official_compat: bool
    generator: Mapping[str, Json]
    judges: Mapping[str, Mapping[str, Json]]
    provenance: Mapping[str, Json]
    prompts: int
    pictures: int
    unjudged: int
    scores: int
    metrics: Mapping[str, Interval]

    @property
    def unjudged_share(self) -> float:
        """The part of the scores that have no value, 0-1; 0 where there are none at all."""
        return self.unjudged / self.scores if self.scores else 0.0

    def to_dict(self) -> dict[str, Json]:
        """A mapping that `json.dumps` takes and `from_dict` reads."""
        return asdict(self) | {"unjudged_share": self.unjudged_share}

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Report:
        """What `to_dict` wrote."""
        fields = {name: value for name, value in data.items() if name != "unjudged_share"}
        metrics = {name: Interval(**value) for name, value in fields.pop("metrics").items()}
        return cls(**fields, metrics=metrics)
