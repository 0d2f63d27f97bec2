"""`hanmo img2img`: a picture, noised part of the way, painted anew from words."""

from __future__ import annotations

import argparse

from hanmo.cli.control import add_control_options
from hanmo.cli.options import BATCH_HELP, add_paint_options

USAGE = "hanmo img2img IMAGE PROMPT [options]"

DESCRIPTION = """
Paint anew from a picture and words: the picture is noised part of the way (--strength) and painted from
there. To change one thing and keep the rest, use 'hanmo edit'.
"""

EXAMPLES = f"""
examples:
  hanmo img2img a.png 'a red card with the text "HANMO"' -o b.png --seed 3
  hanmo img2img a.png 'an oil painting of a harbour' --strength 0.8 -o c.png

{BATCH_HELP}
  {{"image": "a.png", "prompt": "a red card with the text \\"ONE\\"", "strength": 0.5, "output": "one.png"}}
With IMAGE on the command line, the lines of a batch file are prompts for that picture.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("image", nargs="?", metavar="IMAGE", help="the picture to start from (PNG, JPEG, ...)")
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to paint, in quotes")
    add_paint_options(parser, size="what the model prefers, in the picture's shape", strength="0.6")
    add_control_options(parser)


def run(args: argparse.Namespace) -> None:
    """Paint.

    Raises:
        RequestError: a request that cannot be done as asked.
    """
    from hanmo.cli.jobs import plan
    from hanmo.cli.paint import paint

    paint(args, plan(args, "img2img", args.prompt, image=args.image))
