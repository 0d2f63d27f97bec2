"""A sheet of texts on things in scenes: paper, wood, enamel, cloth, screens and walls, in English and Chinese.

python examples/synthesize_scenes.py [FOLDER] [FOLDER-OF-FONTS]
"""

import random
import sys
from pathlib import Path

from PIL import Image

from hanmo.data.synthesize.coverage import faces, file_faces
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.passages import signs
from hanmo.data.synthesize.scenes.scene import Scene, sample_scene
from hanmo.data.synthesize.scenes.style import SceneConfig

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
if len(sys.argv) > 2:
    fonts = faces(Path(sys.argv[2]))
else:
    fonts = tuple(face for key in FACES for face in file_faces(font_path(*key)))
config = SceneConfig(width=320, height=320)
sheet = Image.new("RGB", (4 * 320, 2 * 320), "white")
for number in range(8):
    script = "en" if number % 2 == 0 else "zh"
    scene = sample_scene(random.Random(number), signs(script), fonts, config)
    if isinstance(scene, Scene):
        sheet.paste(scene.picture, (number % 4 * 320, number // 4 * 320))
        print(scene.caption_en if script == "en" else scene.caption_zh)
    else:
        print(scene)
sheet.save(folder / "scenes.png")
