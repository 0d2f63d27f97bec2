"""From arguments and batch files to requests of one picture each, with the file that each becomes.

A batch file is text (a prompt a line; blank lines are skipped) or, when its name ends in .jsonl, one JSON
object a line. Everything is checked before a model is loaded. This module paints nothing.
"""

from __future__ import annotations

import argparse
import difflib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanmo.cli.again import recorded
from hanmo.cli.control import controls_of
from hanmo.cli.options import SOLVERS, size_of
from hanmo.cli.region import mask_of, region_of
from hanmo.errors import OutputError, RequestError
from hanmo.pipeline.ask import make_request, outpaint_margins
from hanmo.pipeline.control import open_control
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.request import Request, Task
from hanmo.safety.provenance import FORMATS
from hanmo.weights.files import check_parent
from hanmo.weights.lora import find_lora

KEYS = ("prompt", "image", "mask", "size", "steps", "cfg_scale", "negative", "seed", "num", "strength", "output")
"""What a line of a .jsonl batch file may say; all but the prompt default to the options."""


@dataclass(frozen=True)
class Job:
    """One picture: a request of one prompt, and where it goes."""

    request: Request
    output: Path


@dataclass(frozen=True)
class Line:
    """One request of the command line or of a batch file, its number of pictures not yet unfolded."""

    values: dict[str, Any]
    place: str


def plan(args: argparse.Namespace, task: Task, prompt: str | None, **sources: Any) -> list[Job]:
    """Every picture that was asked for, checked as far as it can be without a model.

    Args:
        args: with the options of `options.py`.
        task: of the command.
        prompt: the words, unless they are in a batch file.
        sources: `image`, a path or a list of them, and `mask`, for the tasks that have them.

    Raises:
        RequestError: anything wrong, with the line of the batch file.
        OutputError: a folder that is missing, or two pictures of one name.
    """
    given = {key: value for key, value in sources.items() if value is not None}
    lines = _lines(args, task, prompt, given)
    seed = secrets.randbelow(2**32) if args.seed is None else args.seed
    loras = loras_of(args)
    requests: list[tuple[Request, str | None]] = []
    for line in lines:
        try:
            one, count = _request(args, task, line.values, seed, loras)
            open_sources(one.images)
            for control in one.controls:
                open_control(control)
        except RequestError as error:
            raise RequestError(f"{line.place}{error}") from None
        seed += 0 if "seed" in line.values else count
        requests += [(one.only([index]), _named(line.values, index, count)) for index in range(count)]
    return _with_outputs(requests, Path(args.output))


def loras_of(args: argparse.Namespace) -> list[tuple[str, float]]:
    """The LoRAs of the command line as requests name them.

    Raises:
        WeightsError: one that is missing.
    """
    return [(find_lora(file, args.source).stem, weight) for file, weight in args.lora]


def batches(jobs: Sequence[Job], size: int) -> list[list[Job]]:
    """Neighbouring jobs that can be computed together, at most `size` of them."""
    groups: list[list[Job]] = []
    for job in jobs:
        if groups and len(groups[-1]) < size and groups[-1][0].request.joins(job.request):
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _lines(args: argparse.Namespace, task: Task, prompt: str | None, source: dict[str, Any]) -> list[Line]:
    told = [path for path in (args.from_png, args.refine, args.batch_file) if path is not None]
    if len(told) > 1:
        raise RequestError("--from-png, --refine and --batch-file each say what to paint: leave all but one out")
    if told and args.batch_file is None:
        values, place = recorded(args, task, prompt), f"the request in {told[0]}: "
        return [Line({**_checked(values, place), **source}, place)]
    if args.batch_file is None:
        if prompt is None:
            what = "an instruction" if task == "edit" else "a prompt"
            raise RequestError(f"no {what.split()[1]} was given: write {what} in quotes, or name a --batch-file")
        return [Line({"prompt": prompt, **source}, "")]
    if prompt is not None:
        raise RequestError(f"{prompt[:30]!r} was given together with --batch-file: leave one of the two out")
    path = Path(args.batch_file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RequestError(f"the batch file {path} does not exist: give a text file or a .jsonl file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise RequestError(f"the batch file {path} cannot be read: {reason}") from None
    numbered = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not numbered:
        raise RequestError(f"the batch file {path} holds no request: write one a line")
    if path.suffix != ".jsonl":
        return [Line({"prompt": line.strip(), **source}, f"{path}, line {number}: ") for number, line in numbered]
    return [
        Line({**source, **_parsed(line, f"{path}, line {number}: ")}, f"{path}, line {number}: ")
        for number, line in numbered
    ]


def _parsed(line: str, place: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise RequestError(f'{place}this is no JSON ({error}): write an object such as {{"prompt": "..."}}') from None
    if not isinstance(values, dict) or "prompt" not in values:
        raise RequestError(f'{place}a JSON object with a "prompt" is needed')
    for key in values:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(KEYS)}"
            raise RequestError(f"{place}unknown key {key!r}; {hint}")
    return _checked(values, place)


def _checked(values: dict[str, Any], place: str) -> dict[str, Any]:
    """The same values, each of its type."""
    for key, value in values.items():
        _check_type(key, value, place)
    return {key: float(value) if key in ("cfg_scale", "strength") else value for key, value in values.items()}


def _check_type(key: str, value: Any, place: str) -> None:
    match key:
        case "image":
            several = isinstance(value, list) and all(isinstance(one, str) for one in value)
            right, wanted = isinstance(value, str) or several, "a string, or a list of them"
        case "solver":
            right, wanted = value in SOLVERS, " or ".join(SOLVERS)
        case "prompt" | "mask" | "negative" | "output" | "preset" | "attention" | "crop":
            right, wanted = isinstance(value, str), "a string"
        case "reference":
            right, wanted = isinstance(value, bool), "true or false"
        case "margins":
            four = isinstance(value, list) and len(value) == 4 and all(type(side) is int for side in value)
            right, wanted = four, "four whole numbers"
        case "steps" | "seed" | "num" | "feather":
            right, wanted = type(value) is int, "a whole number"
        case "cfg_scale" | "strength" | "softness" | "shift":
            right, wanted = type(value) in (int, float), "a number"
        case _:
            right, wanted = isinstance(value, str | list), 'a size such as "256x128" or [256, 128]'
    if not right:
        raise RequestError(f"{place}{key} must be {wanted}, not {value!r}")


def _request(
    args: argparse.Namespace, task: Task, values: dict[str, Any], seed: int, loras: Sequence[tuple[str, float]]
) -> tuple[Request, int]:
    size = values.get("size", getattr(args, "size", None))
    if isinstance(size, str):
        try:
            size = size_of(size)
        except argparse.ArgumentTypeError as error:
            raise RequestError(str(error)) from None
    if task != "generate" and "image" not in values:
        raise RequestError("no picture was given: name the source picture's file")
    if task == "inpaint" and "mask" not in values:
        raise RequestError("no mask was given: name a picture, box:LEFT,TOP,RIGHT,BOTTOM or polygon:X,Y/X,Y/X,Y")
    count = values.get("num", args.num)
    strength = values.get("strength", getattr(args, "strength", None))
    image = values.get("image")
    request = make_request(
        task,
        values.get("prompt", ""),
        [image] if isinstance(image, list) else image,
        size=size,
        steps=values.get("steps", args.steps),
        cfg_scale=values.get("cfg_scale", args.cfg_scale),
        negative=values.get("negative", args.negative),
        seed=values.get("seed", seed),
        num=count,
        strength=strength,
        solver=values.get("solver", args.solver) or "euler",
        loras=loras,
        preset=values.get("preset", args.preset),
        shift=values.get("shift"),
        controls=controls_of(args),
        mask=mask_of(values["mask"]) if "mask" in values else None,
        margins=_margins(args, values) if task == "outpaint" else None,
        **region_of(args, values),
    )
    return request, count


def _margins(args: argparse.Namespace, values: dict[str, Any]) -> tuple[int, int, int, int]:
    """The sides of the command line, or those of a repeated request."""
    given = (args.left, args.right, args.top, args.bottom)
    if not any(given) and args.aspect is None and "margins" in values:
        left, right, top, bottom = values["margins"]
        return left, right, top, bottom
    return outpaint_margins(values["image"], given, args.aspect)


def _named(values: dict[str, Any], index: int, count: int) -> str | None:
    name = values.get("output")
    if name is None or count == 1:
        return name
    return str(_numbered(Path(name), index, count))


def _with_outputs(requests: list[tuple[Request, str | None]], output: Path) -> list[Job]:
    count = len(requests)
    jobs: list[Job] = []
    for index, (request, name) in enumerate(requests):
        path = Path(name) if name is not None else output if count == 1 else _numbered(output, index, count)
        check_output(path)
        jobs.append(Job(request, path))
    names = [str(job.output) for job in jobs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OutputError(f"two pictures would be written to {twice}: give each its own output")
    return jobs


def check_output(path: Path) -> None:
    """See, before a model is loaded, whether a picture can be written at `path`.

    Raises:
        OutputError: another ending than .png, .jpg or .webp, a missing folder, or no permission.
    """
    if path.suffix.lower() not in FORMATS:
        better = path.with_suffix(".png") if path.name else Path("out.png")
        raise OutputError(
            f"{path} is not allowed: pictures are PNG, JPEG or WebP files, which keep their request; write {better}"
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give the name of a file, such as {path / 'out.png'}")
    check_parent(path)


def _numbered(path: Path, index: int, count: int) -> Path:
    return path.with_name(f"{path.stem}-{index + 1:0{len(str(count))}}{path.suffix}")
