"""A safety policy of your own: a check of prompts, a check of pictures, and what becomes of each picture.

python examples/keep_pictures_back.py [FOLDER]
"""

import sys
from pathlib import Path

from PIL import Image, ImageStat

import hanmo
from hanmo.safety.policy import Blocked, Policy

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")


def no_sales(prompt: str) -> str | None:
    """Why a prompt is objected to; None when it is not. `safety.prompt.load_words` reads such a check from a file."""
    return "advertising" if "SALE" in prompt else None


def not_black(picture: Image.Image) -> str | None:
    """The same for a finished picture; `safety.image.OpenNsfw` is one for nudity."""
    return "too dark" if ImageStat.Stat(picture.convert("L")).mean[0] < 5 else None


pipe = hanmo.load(safety=Policy("block", no_sales, not_black))
result = pipe.generate(['a red card with the text "SALE"', 'a red card with the text "HELLO"'], seed=1)
for number, outcome in enumerate(result.outcomes, 1):
    if isinstance(outcome, Blocked):
        print(f"picture {number} was kept back: {outcome.reason}")
    else:
        outcome.save(folder / f"card-{number}.png")
