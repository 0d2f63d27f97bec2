"""`hanmo info`: what a model is made of (see `weights/info.py`), as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from hanmo.cli.answer import say
from hanmo.cli.options import add_model_options
from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.weights.info import Info

USAGE = "hanmo info [MODEL] [options]"

DESCRIPTION = """
Print what a model is made of: components, classes, parameters, dtypes, bytes. No tensor is read or allocated.
A folder is also checked: names and shapes of its tensors against its configs.
"""

EXAMPLES = """
examples:
  hanmo info                       the bundled model
  hanmo info ./my-model            a folder
  hanmo info qwen-image            the released 20B model, without a download; also qwen-image-edit,
                                   qwen-image-edit-2509 and qwen-image-edit-2511
  hanmo info Qwen/Qwen-Image       a hub id: its configs are fetched, its weights are not
  hanmo info qwen-image --keys vae every tensor's name, shape and dtype
"""

_PARTS = ("transformer", "vae", "text_encoder")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="folder, hub id or released name (default: the bundled model)",
    )
    parser.add_argument(
        "--keys",
        choices=_PARTS,
        metavar="PART",
        help=f"list the tensors of one component: {', '.join(_PARTS)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    add_model_options(parser, runs=False)


def run(args: argparse.Namespace) -> None:
    """Describe the model on stdout.

    Raises:
        RequestError: no such model, or its files are damaged.
    """
    if args.model == "":
        raise RequestError("the model's name is empty: give a folder, a hub id, or nothing for the bundled model")
    from hanmo.weights.info import describe

    info = describe(args.model, args.source, args.revision)
    if args.json:
        text = json.dumps(_as_dict(info, args.keys), indent=2, ensure_ascii=False)
    else:
        text = _keys(info, args.keys) if args.keys else _table(info)
    say(text)


def _table(info: Info) -> str:
    rows = [("component", "class", "parameters", "for a picture", "dtype", "bytes")]
    for part in info.components:
        rows.append(
            (
                part.name,
                part.class_name,
                f"{part.parameters:,}",
                f"{part.live:,}",
                "+".join(part.dtypes),
                _size(part.nbytes),
            )
        )
    total = [sum(values) for values in zip(*((p.parameters, p.live, p.nbytes) for p in info.components), strict=True)]
    rows.append(("total", "", f"{total[0]:,}", f"{total[1]:,}", "", _size(total[2])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_row(row, widths) for row in rows]
    rule = "-" * len(lines[0])
    prefers = info.preferences
    width, height = prefers.default_size
    foot = [f"{name:<{widths[0]}}  {class_name}" for name, class_name in sorted(info.others.items())]
    return "\n".join(
        [
            f"{info.model}: {info.class_name}" + (f" in {info.path}" if info.path else ""),
            "",
            lines[0],
            rule,
            *lines[1:-1],
            rule,
            lines[-1],
            "",
            *foot,
            f"{'prefers':<{widths[0]}}  {width}x{height} pixels, {prefers.steps} steps, guidance "
            f"{prefers.cfg_scale:g}, "
            f"prompts of up to {prefers.max_text} tokens",
        ]
    )


def _row(row: tuple[str, ...], widths: list[int]) -> str:
    """One line; words to the left, numbers to the right."""
    numbers = (2, 3, 5)
    cells = [
        f"{cell:>{w}}" if i in numbers else f"{cell:<{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _keys(info: Info, part: str) -> str:
    return "\n".join(f"{name}\t{tensor.shape}\t{tensor.dtype}" for name, tensor in info[part].tensors.items())


def _as_dict(info: Info, keys: str | None) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for part in info.components:
        parts[part.name] = {
            "class": part.class_name,
            "parameters": part.parameters,
            "parameters_for_a_picture": part.live,
            "dtypes": list(part.dtypes),
            "bytes": part.nbytes,
            "from": "files" if part.files else "config",
        }
        if keys == part.name:
            parts[part.name]["tensors"] = {
                name: {"shape": list(tensor.shape), "dtype": tensor.dtype} for name, tensor in part.tensors.items()
            }
    return {
        "model": info.model,
        "path": str(info.path) if info.path else None,
        "class": info.class_name,
        "components": parts,
        "others": dict(info.others),
        "preferences": {**vars(info.preferences)},
    }


def _size(nbytes: int) -> str:
    """Bytes in decimal units, as disks and downloads are counted."""
    size = float(nbytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
