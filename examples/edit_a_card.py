"""Paint a card, then change its text, its background and its letters, each time from the picture before.

python examples/edit_a_card.py [FOLDER]
"""

import sys
from pathlib import Path

import hanmo

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
pipe = hanmo.load()
picture = pipe.generate('a blue card with the text "HANMO"', seed=3).images[0]
picture.save(folder / "turn-0.png")
for turn, instruction in enumerate(('change the text to "WORLD"', "make the background green", "把文字改成黄色"), 1):
    picture = pipe.edit(picture, instruction, seed=turn).images[0]
    picture.save(folder / f"turn-{turn}.png")
    print(f"{folder / f'turn-{turn}.png'}  {instruction}")
