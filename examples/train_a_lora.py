"""Teach the bundled model a style from 20 pictures, letters that lean to the right, and paint before and after.

python examples/train_a_lora.py [FOLDER] [STEPS]        some 200 steps show the style (minutes); 4 only that it runs
"""

import random
import sys
from pathlib import Path

from PIL.Image import Resampling, Transform

import hanmo
from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.cards import draw
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.train.files import open_run
from hanmo.train.lora_recipe import FolderConfig, LoraRecipe
from hanmo.train.lora_run import train_lora
from hanmo.train.optim import OptimConfig
from hanmo.train.recipe import RunConfig

folder, steps = Path(*sys.argv[1:2]), int(sys.argv[2]) if len(sys.argv) > 2 else 4
pictures, rng = folder / "pictures", random.Random(7)
pictures.mkdir(parents=True, exist_ok=True)
for number in range(20):  # a.png with its caption in a.txt: any folder like it will do
    card = sample_card(rng, CardConfig(chinese=0, color=0, serif=0, small=0, placed=0, longest_english=5))
    lean = {"data": (1, 0.35, -0.35 * card.height / 2, 0, 1, 0), "fillcolor": COLORS[card.background]}
    leaning = draw(card).transform((128, 64), Transform.AFFINE, resample=Resampling.BICUBIC, **lean)
    leaning.save(pictures / f"{number}.png")
    (pictures / f"{number}.txt").write_text(caption(card, rng).text, encoding="utf-8")
rates = OptimConfig(lr=2e-3, warmup=10, ema=0.98, weight_decay=0.0)
recipe = LoraRecipe("leaning", run=RunConfig(folder, steps, batch=10), data=FolderConfig(pictures), optim=rates)
run = open_run(folder / recipe.name, recipe, resume=False)
train_lora(recipe, run, resume=False, judge=None)
pipe = hanmo.load()
lora = pipe.load_lora(run.export / "leaning.safetensors")
for name, weight in (("before", 0.0), ("after", 1.0)):
    pipe.generate('a red card with "HELLO"', seed=3, loras=[(lora, weight)]).images[0].save(folder / f"{name}.png")
