"""Paint a card in English and one in Chinese with the bundled model, and save both with their requests inside.

python examples/first_picture.py [FOLDER]
"""

import sys
from pathlib import Path

import hanmo
from hanmo.safety.provenance import png_metadata

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
pipe = hanmo.load()
result = pipe.generate(['a blue card with the text "HANMO"', "一张红色的卡片，上面写着“你好”"], seed=3)
for index, (picture, seed) in enumerate(zip(result.images, result.seeds, strict=True)):
    path = folder / f"card-{index}.png"
    picture.save(path, pnginfo=png_metadata(result.request, index, pipe.name))
    print(f"{path}  seed {seed}  {picture.width}x{picture.height}")
