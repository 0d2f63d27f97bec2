"""The options about control pictures, and the control pictures that they mean. Imports no torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from hanmo.errors import RequestError

if TYPE_CHECKING:
    from hanmo.pipeline.control_image import ControlImage

Value = TypeVar("Value")


def add_control_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; each may be repeated, one for all control pictures or one for each."""
    group = parser.add_argument_group("control (all may be repeated: one for all control pictures, or one for each)")
    for name, kind, metavar, text in (
        ("--control", str, "IMAGE", "a picture that guides: edges, depth, a pose, ...; what is repainted, with a mask"),
        ("--controlnet", str, "N", "the ControlNet that watches it: a folder or hub id"),
        ("--control-scale", float, "X", "how strongly (default: 1)"),
        ("--control-start", float, "X", "from which part of the run on, 0 to 1 (default: 0)"),
        ("--control-end", float, "X", "up to which part of the run, 0 to 1 (default: 1)"),
        ("--control-mask", str, "IMAGE", "for Inpainting ControlNets: white is painted anew, black kept"),
    ):
        group.add_argument(name, type=kind, action="append", default=[], metavar=metavar, help=text)


def controls_of(args: argparse.Namespace) -> tuple[ControlImage, ...]:
    """The control pictures of a command line; each is named as its ControlNet was.

    Raises:
        RequestError: options without a picture or a ControlNet, or numbers of them that do not fit.
    """
    from hanmo.pipeline.control_image import ControlImage

    images: list[str] = getattr(args, "control", [])
    if not images:
        options = ("controlnet", "control_scale", "control_start", "control_end", "control_mask")
        alone = next((option for option in options if getattr(args, option, [])), None)
        if alone is not None:
            raise RequestError(f"--{alone.replace('_', '-')} has no effect without a --control picture: give one")
        return ()
    if not args.controlnet:
        raise RequestError("--control needs a --controlnet: give the folder or hub id of the one that watches it")
    count = len(images)
    columns = (
        _each(args.controlnet, "--controlnet", count),
        images,
        _each(args.control_scale or [1.0], "--control-scale", count),
        _each(args.control_start or [0.0], "--control-start", count),
        _each(args.control_end or [1.0], "--control-end", count),
        _each(args.control_mask or [None], "--control-mask", count),
    )
    return tuple(ControlImage(*values) for values in zip(*columns, strict=True))


def _each(values: Sequence[Value], option: str, count: int) -> Sequence[Value]:
    if len(values) not in (1, count):
        raise RequestError(
            f"{len(values)} {option} and {count} --control pictures do not fit: give one for all, or one for each"
        )
    return list(values) * count if len(values) == 1 else values
