"""One sheet of every way to change a picture: source, mask and result, with the bundled model.

python examples/every_edit.py [FOLDER]
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

import hanmo

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
pipe = hanmo.load()
card = pipe.generate('a blue card with the text "HANMO"', seed=3).images[0]
half = Image.new("L", card.size)
half.paste(255, (64, 0, 128, 64))
rows = [
    ("edit: change the text to 'WORLD'", None, pipe.edit(card, 'change the text to "WORLD"', seed=1)),
    ("edit: make the background green", None, pipe.edit(card, "make the background green", seed=1)),
    ("edit: make the letters yellow", None, pipe.edit(card, "make the letters yellow", seed=1)),
    ("inpaint, white is painted", half, pipe.inpaint(card, half, 'change the text to "HANDS"', seed=1)),
    ("the same, isolated", half, pipe.inpaint(card, half, 'change the text to "HANDS"', attention="isolate", seed=1)),
    ("outpaint: 64 pixels on the right", None, pipe.outpaint(card, "a wide blue card", right=64, seed=1)),
    (
        "image to image, strength 0.7",
        None,
        pipe.img2img(card, 'a red card with the text "HANMO"', strength=0.7, seed=1),
    ),
]
sheet = Image.new("RGB", (520, 84 * len(rows)), "white")
draw = ImageDraw.Draw(sheet)
for number, (words, mask, result) in enumerate(rows):
    top = 84 * number
    draw.text((8, top + 2), words, fill="black")
    for left, picture in ((8, card), (150, mask), (292, result.images[0])):
        if picture is not None:
            sheet.paste(picture.convert("RGB"), (left, top + 16))
            draw.rectangle((left - 1, top + 15, left + picture.width, top + 16 + picture.height), outline="grey")
sheet.save(folder / "edits.png")
