"""The folder of a run: where everything lies, and how it is read again.

    run.json                    settings: benchmark, generator, seed, pictures a prompt; what two runs may not differ in
    prompts.jsonl               the prompts of the run with their seeds, in order
    sources/<id>-<n>.png        source pictures of edits and reconstructions, n from 0
    pictures/<id>-<seed>.png    what was painted
    pictures/<id>-<seed>.txt    why a picture could not be painted, instead of it
    judged-<hash>.jsonl         a header (who judged, how), then a line a prompt: its seeds and scores
    report.json                 figures, intervals, provenance: `types.Report`

Every file but `judged-*.jsonl` takes its name when it is whole; of that one a torn last line counts as never written.
So a run may be killed at any moment. This module does not know benchmarks, generators or judges.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.types import Json, Prompt, Report, Result, Score
from hanmo.weights.files import atomic_file, refusal

_ID = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Planned:
    """A prompt of a run.

    Attributes:
        prompt: what is asked for.
        seeds: one for each picture, in their order.
    """

    prompt: Prompt
    seeds: tuple[int, ...]


# --- where things lie ------------------------------------------------------------------------------


def picture_path(folder: Path, prompt_id: str, seed: int) -> Path:
    """Where the picture of a prompt and a seed lies, or would lie."""
    return folder / "pictures" / f"{prompt_id}-{seed}.png"


def refusal_path(folder: Path, prompt_id: str, seed: int) -> Path:
    """Where it says why that picture could not be painted."""
    return picture_path(folder, prompt_id, seed).with_suffix(".txt")


def source_path(folder: Path, prompt_id: str, number: int) -> Path:
    """Where source picture `number` (from 0) of a prompt lies, or would lie."""
    return folder / "sources" / f"{prompt_id}-{number}.png"


def source_paths(folder: Path, prompt_id: str) -> list[Path]:
    """The source pictures of a prompt that are there, in order; none for a generation."""
    found: list[Path] = []
    while (path := source_path(folder, prompt_id, len(found))).is_file():
        found.append(path)
    return found


def judged_files(folder: Path) -> list[Path]:
    """What judges have said of the run, the oldest file first."""
    return sorted(folder.glob("judged-*.jsonl"), key=lambda path: (path.stat().st_mtime_ns, path.name))


def check_id(prompt_id: str) -> None:
    """Check that an id can name files.

    Raises:
        RequestError: it has other characters than letters, digits, `-`, `_` and `.`, or begins with a dot.
    """
    if not _ID.fullmatch(prompt_id) or prompt_id.startswith("."):
        raise RequestError(f"the prompt id {prompt_id!r} cannot name a file: use letters, digits, '-', '_' and '.'")


# --- reading ---------------------------------------------------------------------------------------


def read_settings(folder: Path) -> dict[str, Json]:
    """What run.json says.

    Raises:
        RequestError: the folder is none of a run.
    """
    path = folder / "run.json"
    if not path.is_file():
        raise RequestError(f"{folder} is no run of an evaluation (it has no run.json): give the folder of one")
    settings = _json(path)
    if not isinstance(settings, dict):
        raise RequestError(f"{path} is damaged: it holds no settings")
    return settings


def read_prompts(folder: Path) -> list[Planned]:
    """The prompts of a run, in order, with the seeds of their pictures.

    Raises:
        RequestError: the folder is none of a run, or is damaged.
    """
    path = folder / "prompts.jsonl"
    if not path.is_file():
        raise RequestError(f"{folder} is no run of an evaluation (it has no prompts.jsonl): give the folder of one")
    return [_planned(line) for line in read_lines(path)]


def read_results(folder: Path, judged: Path | None = None) -> list[Result]:
    """What was found of each prompt of a run that was judged, in the run's order.

    Args:
        folder: of the run.
        judged: one of `judged_files`; None: the one that report.json tells of, else the newest.

    Raises:
        RequestError: the folder is none of a run, is damaged, or nobody has judged it yet.
    """
    path = chosen_judgement(folder) if judged is None else judged
    lines = {line["id"]: line for line in read_lines(path)[1:]}
    results = []
    for planned in read_prompts(folder):
        line = lines.get(planned.prompt.id)
        if line is not None and tuple(line["seeds"]) == planned.seeds:
            scores = tuple(Score.from_dict(score) for score in line["scores"])
            results.append(Result(planned.prompt, planned.seeds, scores))
    return results


def chosen_judgement(folder: Path) -> Path:
    """The judged file that report.json tells of; where there is no report, the newest.

    Raises:
        RequestError: nobody has judged the run yet.
    """
    if (folder / "report.json").is_file():
        path = folder / str(read_report(folder).provenance.get("judged", ""))
        if path.is_file():
            return path
    files = judged_files(folder)
    if not files:
        raise RequestError(f"{folder} has not been judged yet: run: hanmo eval judge {folder}")
    return files[-1]


def read_header(judged: Path) -> dict[str, Json]:
    """The first line of a judged file: who judged, with which questions and options.

    Raises:
        RequestError: the file is empty or damaged.
    """
    lines = read_lines(judged)
    if not lines:
        raise RequestError(f"{judged} is damaged: it has no first line; remove it and judge again")
    return lines[0]


def read_report(folder: Path) -> Report:
    """The figures of a run; a figure that nobody could judge is nan.

    Raises:
        RequestError: there is no report yet, or it is damaged.
    """
    path = folder / "report.json"
    if not path.is_file():
        raise RequestError(f"{folder} has no report.json: run: hanmo eval report {folder}")
    try:
        data = _json(path)
        for interval in data["metrics"].values():
            interval.update({name: math.nan for name, value in interval.items() if value is None})
        return Report.from_dict(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{path} is damaged ({error!r}): remove it and run: hanmo eval report {folder}") from None


def read_lines(path: Path) -> list[dict[str, Json]]:
    """The lines of a .jsonl file; a last one without its end counts as never written.

    Raises:
        RequestError: a line in the middle is no JSON.
    """
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise RequestError(f"{path} is damaged ({error}): remove it, and what it held is made again") from None


def _json(path: Path) -> Json:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RequestError(f"{path} is damaged ({error}): remove it") from None


def _planned(line: Mapping[str, Json]) -> Planned:
    fields = dict(line["prompt"])
    size = fields.pop("size")
    return Planned(Prompt(**fields, size=None if size is None else (size[0], size[1])), tuple(line["seeds"]))


# --- writing ---------------------------------------------------------------------------------------


def write_json(path: Path, data: Json) -> None:
    """Write a JSON file, whole or not at all; what is not a number (nan) becomes null.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as file:
        file.write(json.dumps(finite(data), ensure_ascii=False, indent=1, allow_nan=False).encode() + b"\n")


def write_prompts(folder: Path, planned: Sequence[Planned]) -> None:
    """Write prompts.jsonl, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(folder / "prompts.jsonl") as file:
        for each in planned:
            file.write(line_of({"prompt": asdict(each.prompt), "seeds": each.seeds}))


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with atomic_file(path) as file:
        picture.save(file, format="PNG")


def keep_report(folder: Path, report: Report) -> None:
    """Write report.json, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    write_json(folder / "report.json", report.to_dict())


def append(path: Path, data: Json) -> None:
    """Add a line to a .jsonl file and see it safely on the disk; a torn line before it is cut off first.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with path.open("r+b" if path.exists() else "xb") as file:
            _cut_torn(file.fileno())
            file.seek(0, os.SEEK_END)
            file.write(line_of(data))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(refusal(path, error)) from None


def line_of(data: Json) -> bytes:
    """One line of a .jsonl file."""
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def digest(data: Json) -> str:
    """sha256, in hexadecimal, of anything that JSON can say; the order of keys does not count."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _cut_torn(file: int) -> None:
    """Cut off what stands behind the last end of a line."""
    end = os.lseek(file, 0, os.SEEK_END)
    place = end
    while place > 0:
        begin = max(0, place - 65536)
        found = os.pread(file, place - begin, begin).rfind(b"\n")
        if found >= 0:
            place = begin + found + 1
            break
        place = begin
    if place < end:
        os.ftruncate(file, place)


def finite(data: Json) -> Json:
    """The same without nan and infinity, which JSON does not know."""
    match data:
        case float():
            return data if math.isfinite(data) else None
        case Mapping():
            return {name: finite(value) for name, value in data.items()}
        case list() | tuple():
            return [finite(value) for value in data]
    return data
