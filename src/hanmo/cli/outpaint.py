"""`hanmo outpaint`: a picture continued beyond its edges."""

from __future__ import annotations

import argparse

from hanmo.cli.options import BATCH_HELP, add_paint_options, aspect_of
from hanmo.cli.region import add_region_options

USAGE = "hanmo outpaint IMAGE PROMPT [options]"

DESCRIPTION = """
Continue a picture beyond its edges, by pixels on any side or to an aspect ratio. Its own pixels keep their
bytes.
"""

EXAMPLES = f"""
examples:
  hanmo outpaint a.png 'a wide blue card' --right 64 -o b.png
  hanmo outpaint photo.jpg 'a beach under a clear sky' --aspect 16:9 -o c.png

{BATCH_HELP}
  {{"image": "a.png", "prompt": "a wide blue card", "output": "wide.png"}}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="the picture (PNG, JPEG, WebP, ...)")
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what the whole picture shall show, in quotes")
    add_paint_options(parser, size=None)
    group = add_region_options(parser)
    for side in ("left", "right", "top", "bottom"):
        group.add_argument(f"--{side}", type=int, default=0, metavar="N", help=f"pixels to add on the {side}")
    group.add_argument("--aspect", type=aspect_of, metavar="W:H", help="add what is missing to this ratio instead")


def run(args: argparse.Namespace) -> None:
    """Paint.

    Raises:
        RequestError: a request that cannot be done as asked.
    """
    from hanmo.cli.jobs import plan
    from hanmo.cli.paint import paint

    paint(args, plan(args, "outpaint", args.prompt, image=args.image))
