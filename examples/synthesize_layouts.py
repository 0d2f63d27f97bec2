"""A sheet of slides, posters, screens, reports, receipts, tickets and menus in English and Chinese, with captions.

python examples/synthesize_layouts.py [FOLDER]
"""

import random
import sys
from pathlib import Path

from PIL import Image

from hanmo.data.synthesize import coverage
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.pages.corpus import builtin
from hanmo.data.synthesize.pages.page import Page, PageConfig, sample_page
from hanmo.data.synthesize.pages.template import KINDS

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
folders = sorted({font_path(script, font).parent for script, font in FACES})  # or any folders of yours
faces = [face for fonts in folders for face in coverage.faces(fonts)]
pages: list[Page] = []
for number, kind in enumerate(KINDS):
    for script in ("en", "zh"):
        config = PageConfig(width=640, height=640 if kind != "ticket" else 480, smallest=10, kinds=(kind,))
        outcome = sample_page(random.Random(f"{script} {number}"), builtin(script), faces, config)
        if isinstance(outcome, Page):
            pages.append(outcome)
        else:
            print(f"{kind}, {script}: {outcome}")  # what was refused, and why

sheet = Image.new("RGB", (5 * 336, 3 * 336), "grey")
for number, page in enumerate(pages):
    small = page.picture.resize((320, round(320 * page.picture.height / page.picture.width)))
    sheet.paste(small, (8 + number % 5 * 336, 8 + number // 5 * 336))
sheet.save(folder / "layouts.png")
print(pages[0].captions.long_en, pages[1].captions.long_zh, sep="\n")
