"""`--from-png`: the request that a picture's file carries, as options that were not given otherwise.

What a file says is checked like a line of a batch file: it may come from anybody. What this version cannot
repeat is refused, not left out. It paints nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from hanmo import __version__
from hanmo.errors import RequestError
from hanmo.log import get_logger
from hanmo.pipeline.request import DEFAULT_NEGATIVE
from hanmo.safety.provenance import read_request
from hanmo.weights.hub import BUNDLED

REPEATED = (
    *("prompt", "size", "steps", "cfg_scale", "negative", "seed", "strength", "solver", "preset", "shift"),
    *("mask", "feather", "crop", "margins", "attention", "softness", "reference"),
)
"""What a record says and an option may override."""

TOLD = ("task", "model", "version", "images", "rewrite", "dtype", "device", "geometry", "loras", "controls")
"""What a record says for other purposes; most of it is compared with this run."""

_log = get_logger(__name__)


def recorded(args: argparse.Namespace, task: str, prompt: str | None) -> dict[str, Any]:
    """The values of a file's request that no option overrides.

    Args:
        args: of the command.
        task: of the command.
        prompt: words of the command line, which come before those of the file.

    Raises:
        RequestError: there is no request in the file, it is of another command or model, or more than this
            version repeats.
    """
    path = args.from_png if args.refine is None else args.refine
    record = read_request(path)
    if args.refine is not None:
        if record.get("preset") != "preview":
            raise RequestError(f"{path} is no preview: refine what --preview has made, or use --from-png")
        record = {key: value for key, value in record.items() if key != "steps"} | {"preset": "refined"}
    if "turn" in record:
        raise RequestError(f"{path} is turn {record['turn']} of a session: repeat it with 'hanmo session FILE again N'")
    _check_task(path, record, task)
    unknown = [key for key in record if key not in REPEATED + TOLD]
    if unknown:
        raise RequestError(f"{path} was painted with {', '.join(unknown)}, which --from-png does not repeat")
    _check_model(args, record)
    _check_again(path, record, "loras", "--lora", args.lora)
    _check_again(path, record, "controls", "--control and --controlnet", getattr(args, "control", []))
    if task in ("inpaint", "outpaint"):
        record.pop("size", None)  # the picture's own
    elif record.get("geometry") == "auto":
        record["size"] = "auto"
    values = {key: record[key] for key in REPEATED if key in record and getattr(args, key, None) is None}
    if prompt is not None:
        values["prompt"] = prompt
    if values.get("negative") == DEFAULT_NEGATIVE:  # what is meant when none is given; guidance may be off now
        del values["negative"]
    return values


def _check_task(path: str, record: dict[str, Any], task: str) -> None:
    if record.get("task") != task:
        raise RequestError(
            f"{path} was not made by 'hanmo {task}' but by 'hanmo {record.get('task')}': use that command"
        )


def _check_again(path: str, record: dict[str, Any], key: str, option: str, given: Sequence[Any]) -> None:
    """What a file only names must be given again."""
    if record.get(key) and not given:
        raise RequestError(f"{path} was painted with {key}, whose files it does not hold: give them with {option}")


def _check_model(args: argparse.Namespace, record: dict[str, Any]) -> None:
    """A model that was not asked for is refused; what was asked for on purpose is done, and said."""
    painted, here = record.get("model"), args.model or BUNDLED
    told = args.refine or args.from_png
    if painted is not None and painted != here:
        said = f"{told} was painted by the model {painted}, and this is {here}"
        if args.model is None:
            raise RequestError(f"{said}: add --model {painted} to repeat it, or --model {BUNDLED} to paint it anew")
        _log.warning("%s: the picture will be another", said)
    present = {"dtype": args.dtype, "device": args.device.partition(":")[0], "version": __version__}
    for key, value in present.items():
        if record.get(key, value) != value:
            _log.warning(
                "%s was painted with %s %s, and this is %s: pixels may differ",
                told,
                key,
                record[key],
                value,
            )
