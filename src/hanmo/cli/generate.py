"""`hanmo generate`: text to picture."""

from __future__ import annotations

import argparse

from hanmo.cli.control import add_control_options
from hanmo.cli.options import BATCH_HELP, add_paint_options

USAGE = "hanmo generate PROMPT [options]"

DESCRIPTION = """
Paint pictures from words. Text to be written in the picture goes in double quotes inside the prompt.
"""

EXAMPLES = f"""
examples:
  hanmo generate 'a blue card with the text "HANMO"' -o a.png --seed 3
  hanmo generate '一张红色的卡片，上面写着"你好"' -o b.png
  hanmo generate 'a green card with the text "HELLO"' --num 4 --aspect 2:1 --steps 20
  hanmo generate --from-png a.png -o again.png                  the same picture, from the request inside
  hanmo generate --batch-file prompts.txt -o cards.png          cards-1.png, cards-2.png, ...
  hanmo generate 'a cat' --model Qwen/Qwen-Image --device cuda --dtype bfloat16 --size 1328x1328
  hanmo generate 'a cat' --model Qwen/Qwen-Image --control edges.png \\
      --controlnet InstantX/Qwen-Image-ControlNet-Union --control-scale 0.9 --control-end 0.8

{BATCH_HELP}
  {{"prompt": "a red card with the text \\"ONE\\"", "seed": 1, "size": "256x128", "output": "one.png"}}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to paint, in quotes")
    add_paint_options(parser)
    add_control_options(parser)


def run(args: argparse.Namespace) -> None:
    """Paint.

    Raises:
        RequestError: a request that cannot be done as asked.
    """
    from hanmo.cli.jobs import plan
    from hanmo.cli.paint import paint

    paint(args, plan(args, "generate", args.prompt))
