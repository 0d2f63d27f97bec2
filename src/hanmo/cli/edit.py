"""`hanmo edit`: a picture and an instruction to a picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from hanmo.cli.options import BATCH_HELP, add_paint_options
from hanmo.errors import RequestError

USAGE = "hanmo edit IMAGE ... INSTRUCTION [options]"

DESCRIPTION = """
Change a picture as an instruction says; what the instruction does not touch stays.
"""

EXAMPLES = f"""
examples:
  hanmo edit a.png 'change the text to "WORLD"' -o b.png
  hanmo edit a.png 'make the background red' -o c.png --seed 5
  hanmo edit a.png '把文字改成"你好"' -o d.png
  hanmo edit photo.jpg 'make the sky red' --size auto -o e.png        exactly the picture's size
  hanmo edit a.png 'make the letters white' --session s.hanmo -o f.png      see 'hanmo session --help'
  hanmo edit person.jpg coat.jpg 'let the person wear the coat of picture 2' --model Qwen/Qwen-Image-Edit-2509
  hanmo edit photo.jpg 'remove the car' --model Qwen/Qwen-Image-Edit --device cuda --dtype bfloat16

{BATCH_HELP}
  {{"image": "a.png", "prompt": "make the letters white", "output": "white.png"}}
With IMAGE on the command line, the lines of a batch file are instructions for that picture.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="IMAGE ... INSTRUCTION",
        help="the picture to change (PNG, JPEG, WebP, ...), or several; then what to change, in quotes",
    )
    parser.add_argument(
        "--session", metavar="FILE", help="keep every turn in this file, and go on from its current picture"
    )
    add_paint_options(parser, size="what the model prefers, in the picture's shape")


def run(args: argparse.Namespace) -> None:
    """Edit.

    Raises:
        RequestError: a request that cannot be done as asked.
    """
    from hanmo.cli.jobs import plan
    from hanmo.cli.paint import paint

    words = list(args.words)
    takes_words = args.batch_file is None and (len(words) > 1 or not (words and _is_picture(words[0])))
    instruction = words.pop() if words and takes_words else None
    if args.session is not None:
        from hanmo.cli.session import edit_turn

        if len(words) > 1 or instruction is None:
            raise RequestError("a session takes an instruction, and a picture to begin with: nothing else")
        edit_turn(args, words[0] if words else None, instruction)
        return
    paint(args, plan(args, "edit", instruction, image=words or None))


def _is_picture(word: str) -> bool:
    """Whether a lone word is a picture, so that what is missing is the instruction."""
    return Path(word).suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
