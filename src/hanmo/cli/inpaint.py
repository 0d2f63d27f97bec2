"""`hanmo inpaint`: a part of a picture painted anew."""

from __future__ import annotations

import argparse

from hanmo.cli.options import BATCH_HELP, add_paint_options
from hanmo.cli.region import add_region_options

USAGE = "hanmo inpaint IMAGE MASK PROMPT [options]"

DESCRIPTION = """
Paint a part of a picture anew. Pixels outside the mask (and its feather) keep their bytes. MASK is a picture
of the same size, white (or transparent) where to paint; box:LEFT,TOP,RIGHT,BOTTOM; or polygon:X,Y/X,Y/X,Y.
"""

EXAMPLES = f"""
examples:
  hanmo inpaint a.png box:64,16,112,48 'change the text to "WORLD"' -o b.png
  hanmo inpaint photo.jpg mask.png 'a red door' --feather 8 --attention isolate -o c.png
  hanmo inpaint wide.png mask.png 'a small boat' --crop auto -o d.png

{BATCH_HELP}
  {{"image": "a.png", "mask": "box:0,0,64,64", "prompt": "a door", "output": "door.png"}}
With IMAGE and MASK on the command line, the lines of a batch file are prompts for them.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="the picture (PNG, JPEG, WebP, ...)")
    parser.add_argument("mask", nargs="?", metavar="MASK", help="what to paint: a picture, a box or a polygon")
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what shall be there, in quotes")
    add_paint_options(parser, size=None, strength="1")
    group = add_region_options(parser)
    group.add_argument(
        "--feather", type=int, metavar="N", help="pixels around the mask where new and old mix (default: 0)"
    )
    group.add_argument(
        "--crop", choices=("auto",), help="paint a window around the mask at full resolution, and put it back"
    )


def run(args: argparse.Namespace) -> None:
    """Paint.

    Raises:
        RequestError: a request that cannot be done as asked.
    """
    from hanmo.cli.jobs import plan
    from hanmo.cli.paint import paint

    paint(args, plan(args, "inpaint", args.prompt, image=args.image, mask=args.mask))
