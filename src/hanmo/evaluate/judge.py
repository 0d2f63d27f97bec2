"""The second step of a run: ask judges of every prompt's pictures. What was judged so before is not judged again.

What was found goes to a file whose name is a hash of the judges, the questions and the benchmark's options, so other
judges judge beside the first ones and nothing is painted again. A prompt's line is added, and seen on the disk, as
soon as it is there. A prompt that cannot be judged is unjudged, never zero. This module does not know how pictures are
made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.at_once import worked
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.generate import refusals
from hanmo.evaluate.judges.protocols import VLM, Judges, Unjudged
from hanmo.evaluate.plan import options_of
from hanmo.evaluate.run_folder import Planned, append, digest, picture_path, read_lines
from hanmo.evaluate.types import Json, Result, Score
from hanmo.log import progress


@dataclass(frozen=True)
class Judged:
    """How far the judges are.

    Attributes:
        path: what they said.
        done: prompts that were judged by this call.
        left: prompts that were not, since pictures are missing or the budget ran out.
        calls: questions that the VLM was asked by this call.
    """

    path: Path
    done: int
    left: int
    calls: int


class _Spent(Exception):  # noqa: N818 - not a fault: the caller set a budget
    """The budget of questions is used up. No HanmoError, so that no benchmark takes it for a judge's failure."""


class _Metered:
    """A VLM that counts its questions, and answers no more than it may.

    Args:
        vlm: who answers.
        calls: how many; None: no limit.
    """

    def __init__(self, vlm: VLM, calls: int | None) -> None:
        self.asked = 0
        self._vlm, self._calls, self._lock = vlm, calls, threading.Lock()

    def describe(self) -> Mapping[str, Json]:
        return self._vlm.describe()

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        with self._lock:
            if self._calls is not None and self.asked >= self._calls:
                raise _Spent("the budget of questions is used up")
            self.asked += 1
        return self._vlm.ask(images, prompt, system=system, temperature=temperature, seed=seed)


def check_judges(benchmark: Benchmark, judges: Judges) -> None:
    """See that all judges are there which a benchmark needs.

    Raises:
        RequestError: some are not; all of them are named.
    """
    lacking = [role for role in benchmark.needs if judges.get(role) is None]
    if lacking:
        raise RequestError(
            f"{benchmark.name} needs a judge for {' and '.join(lacking)}, and there is none: "
            "see the judges' options in 'hanmo eval run --help'"
        )


def header_of(benchmark: Benchmark, judges: Judges) -> dict[str, Json]:
    """Who judges, with which questions and options: the first line of a judged file, whose hash names it."""
    there = {role: judge for role in benchmark.needs if (judge := judges.get(role)) is not None}
    return {
        "judges": {role: dict(judge.describe()) for role, judge in there.items()},
        "questions": dict(benchmark.questions),
        "options": options_of(benchmark),
        "official_compat": benchmark.official_compat,
    }


def judged_path(folder: Path, header: Mapping[str, Json]) -> Path:
    """Where what these judges say of a run is kept."""
    return folder / f"judged-{digest(header)[:12]}.jsonl"


def judge(
    benchmark: Benchmark,
    judges: Judges,
    folder: Path,
    prompts: Sequence[Planned],
    data: Path,
    threads: int = 1,
    calls: int | None = None,
) -> Judged:
    """Judge what these judges have not judged yet.

    Args:
        benchmark: knows what to ask.
        judges: whom to ask.
        folder: of the run.
        prompts: of the run, as `run_folder.read_prompts` gives them.
        data: the data folder.
        threads: prompts at once; every judge may be asked by several at once (see `judges.protocols`).
        calls: budget: how many questions the VLM may be asked; None: no limit.

    Raises:
        RequestError: a judge is missing, or the file of these judges is damaged.
        OutputError: a line cannot be written.
    """
    check_judges(benchmark, judges)
    header = header_of(benchmark, judges)
    path = judged_path(folder, header)
    known = _known(path)
    if not path.exists() or not read_lines(path):
        append(path, header)
    refused = refusals(folder, prompts)
    todo = [one for one in prompts if known.get(one.prompt.id) != (list(one.seeds), asked_digest(one))]
    ready = [one for one in todo if _complete(folder, one, refused)]
    meter = None if judges.vlm is None else _Metered(judges.vlm, calls)
    metered = replace(judges, vlm=meter)
    done = unjudged = 0
    with progress(len(prompts), "judge", initial=len(prompts) - len(todo)) as bar:
        for planned, scores in _scores(benchmark, metered, folder, ready, data, refused, threads):
            result = Result(planned.prompt, planned.seeds, tuple(scores))
            append(path, _line(planned, result))
            done, unjudged = done + 1, unjudged + result.unjudged
            bar.update(postfix={"unjudged": unjudged} if unjudged else None)
    return Judged(path, done, len(todo) - done, 0 if meter is None else meter.asked)


def asked_digest(planned: Planned) -> str:
    """What tells whether a prompt, with its truth, is still the one that was judged."""
    return digest(asdict(planned.prompt))[:12]


def _known(path: Path) -> dict[str, tuple[list[int], str]]:
    """Seeds and digest of the prompts that a file has; the last line of a prompt counts."""
    lines = read_lines(path)[1:] if path.exists() else []
    return {line["id"]: (line["seeds"], line["asked"]) for line in lines}


def _line(planned: Planned, result: Result) -> dict[str, Json]:
    scores = [score.to_dict() for score in result.scores]
    return {"id": planned.prompt.id, "seeds": planned.seeds, "asked": asked_digest(planned), "scores": scores}


def _complete(folder: Path, planned: Planned, refused: Mapping[tuple[str, int], str]) -> bool:
    id = planned.prompt.id
    return all((id, seed) in refused or picture_path(folder, id, seed).is_file() for seed in planned.seeds)


def _scores(
    benchmark: Benchmark,
    judges: Judges,
    folder: Path,
    prompts: Sequence[Planned],
    data: Path,
    refused: Mapping[tuple[str, int], str],
    threads: int,
) -> Iterator[tuple[Planned, list[Score]]]:
    """What was found, as it comes, until the budget is used up."""
    spent = threading.Event()

    def one(planned: Planned) -> list[Score] | None:
        id = planned.prompt.id
        reasons = [refused[id, seed] for seed in planned.seeds if (id, seed) in refused]
        if reasons:
            return _unjudged(planned, f"not painted: {reasons[0]}")
        try:
            pictures = [_opened(picture_path(folder, id, seed)) for seed in planned.seeds]
            return benchmark.judge(planned.prompt, pictures, judges, data)
        except Unjudged as error:
            return _unjudged(planned, str(error))
        except _Spent:
            spent.set()
            return None

    waiting = (planned for planned in prompts if not spent.is_set())
    for planned, scores in worked(waiting, one, threads):
        if scores is not None:
            yield planned, scores


def _unjudged(planned: Planned, reason: str) -> list[Score]:
    return [Score({}, number, unjudged=reason) for number in range(len(planned.seeds))]


def _opened(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise RequestError(f"the picture {path} cannot be read ({error}): remove it, and it is painted again") from None
