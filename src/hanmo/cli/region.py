"""Options of the commands that paint a part of a picture, and what they mean. Imports no torch."""

from __future__ import annotations

import argparse
import re
from typing import Any

from hanmo.errors import RequestError


def add_region_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what `inpaint` and `outpaint` share; returns the group for what they do not."""
    group = parser.add_argument_group("region")
    group.add_argument(
        "--attention",
        choices=("free", "isolate", "soft"),
        help="whether kept parts may look at painted ones: free (default), not at all (isolate), or less (soft)",
    )
    group.add_argument("--softness", type=float, metavar="X", help="with soft: how much less, above 0 (default: 4)")
    group.add_argument(
        "--reference",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="show the model the picture as in an edit (default: if the model is one for edits)",
    )
    return group


def region_of(args: argparse.Namespace, values: dict[str, Any]) -> dict[str, Any]:
    """What options, or else a repeated request, say of the region; nothing for other commands.

    Args:
        args: of the command.
        values: of a line of a batch file, or of a repeated request.
    """
    names = [name for name in ("attention", "softness", "reference", "feather", "crop") if hasattr(args, name)]
    found = {name: values.get(name) if getattr(args, name) is None else getattr(args, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def mask_of(text: str) -> Any:
    """A mask from `box:L,T,R,B`, `polygon:X,Y/X,Y/X,Y` or the path of a picture.

    Raises:
        RequestError: a box or a polygon of another form.
    """
    if text.startswith("box:"):
        match = re.fullmatch(r"box:(\d+),(\d+),(\d+),(\d+)", text)
        if match is None:
            raise RequestError(f"{text!r} is no box: give box:LEFT,TOP,RIGHT,BOTTOM in pixels, such as box:16,8,64,40")
        return tuple(int(number) for number in match.groups())
    if text.startswith("polygon:"):
        points = [point.split(",") for point in text.removeprefix("polygon:").split("/")]
        number = r"\d+(\.\d+)?"
        if len(points) < 3 or not all(len(p) == 2 and all(re.fullmatch(number, side) for side in p) for p in points):
            raise RequestError(f"{text!r} is no polygon: give three points or more, such as polygon:16,8/64,8/40,40")
        return tuple((float(x), float(y)) for x, y in points)
    return text
