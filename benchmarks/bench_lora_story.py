"""The story of a LoRA: 20 pictures of slanted letters teach the bundled model to slant, measured before and after.

    python benchmarks/bench_lora_story.py FOLDER [--steps N] [--rank N] [--lr X] [--base int8] [--dora]

Held out: sentences and strings of evaluation, which neither the pictures nor the bundled model's training had. Slant is
measured from pixels alone: the shear that, undone, makes the columns' ink change most sharply from one to the next.
The accuracy that must rise is "styled": the text is read, and leans by more than half of what was drawn.
Prints one JSON line and leaves `before-after.png` (above plain, below with the LoRA, each with the same seed).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
from PIL import Image

import hanmo
from hanmo.data.ocr import OCR
from hanmo.data.synthesize.captions import caption, evaluation_prompts
from hanmo.data.synthesize.cards import Card, draw, text_box
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.train.adapters import AdapterConfig
from hanmo.train.batches import MixConfig
from hanmo.train.files import logging_to, open_run
from hanmo.train.lora_recipe import FolderConfig, LoraRecipe, MemoryConfig
from hanmo.train.lora_run import train_lora
from hanmo.train.optim import OptimConfig
from hanmo.train.recipe import RunConfig
from hanmo.train.sheet import save_sheet, sheet

SHEAR = 0.35
PICTURES, HELD_OUT = 20, 24
WORDS = CardConfig(chinese=0.0, color=0.0, serif=0.0, small=0.0, placed=0.0, longest_english=5)


def slanted(card: Card, shear: float = SHEAR) -> Image.Image:
    """A card whose letters lean to the right: sheared around its middle, at four times its size."""
    large = draw(card).resize((card.width * 4, card.height * 4), Image.Resampling.LANCZOS)
    lean = (1, shear, -shear * large.height / 2, 0, 1, 0)
    ground = COLORS[card.background]
    sheared = large.transform(large.size, Image.Transform.AFFINE, lean, Image.Resampling.BICUBIC, fillcolor=ground)
    return sheared.resize((card.width, card.height), Image.Resampling.LANCZOS)


def slant(picture: Image.Image) -> float:
    """The lean of the letters, in pixels to the right for each pixel upward; 0 where there is no ink."""
    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    ink = np.abs(pixels - np.median(pixels, axis=(0, 1))).sum(-1)
    rows = np.arange(len(ink)) - (len(ink) - 1) / 2
    places = np.arange(ink.shape[1])
    best, sharpest = 0.0, 0.0
    for shear in np.linspace(-0.7, 0.7, 57):
        profile = sum(np.interp(places - shear * row, places, line, 0, 0) for row, line in zip(rows, ink, strict=True))
        sharpness = float(np.square(np.diff(profile)).sum())
        if sharpness > sharpest * 1.0001:
            best, sharpest = float(shear), sharpness
    return best


def write_pictures(folder: Path, count: int = PICTURES) -> None:
    """The data set: count cards of capital letters and digits, slanted, each with a caption."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    for number in range(count):
        card = sample_card(rng, WORDS)
        slanted(card).save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(caption(card, rng).text + "\n", encoding="utf-8")


def paint(pipe: hanmo.Pipeline, loras: list[tuple[str, float]]) -> list[Image.Image]:
    """The held-out prompts, number i with seed i."""
    prompts = [prompt.text for prompt in evaluation_prompts(HELD_OUT, 20_511, 128, 64, WORDS)]
    return list(pipe.generate(prompts, size=(128, 64), seed=0, loras=loras).images)


def judged(pictures: list[Image.Image]) -> dict[str, float]:
    """By script the mean slant, the share of texts that an OCR reads exactly, and of those that lean too ("styled")."""
    cards = [prompt.card for prompt in evaluation_prompts(HELD_OUT, 20_511, 128, 64, WORDS)]
    boxes = [text_box(card) for card in cards]
    wide = [(max(0, left - 16), top, min(128, right + 16), bottom) for left, top, right, bottom in boxes]
    read = [text.replace(" ", "") for text in OCR().read_boxes(pictures, wide)]
    values = {}
    for script in ("en", "zh"):
        rows = [row for row, card in enumerate(cards) if card.script == script]
        slants = {row: slant(pictures[row]) for row in rows}
        exact = {row: read[row] == cards[row].text for row in rows}
        styled = [exact[row] and slants[row] > SHEAR / 2 for row in rows]
        values[f"{script}_slant"] = round(float(np.mean(list(slants.values()))), 3)
        values[f"{script}_exact"] = round(float(np.mean(list(exact.values()))), 3)
        values[f"{script}_styled"] = round(float(np.mean(styled)), 3)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--base", default="float32")
    parser.add_argument("--dora", action="store_true")
    args = parser.parse_args()
    write_pictures(args.folder / "pictures")
    recipe = LoraRecipe(
        name="slanted",
        run=RunConfig(folder=args.folder, steps=args.steps, batch=args.batch, save_every=50, preview_every=0),
        data=FolderConfig(args.folder / "pictures"),
        mix=MixConfig(t_mean=1.0),
        adapter=AdapterConfig(rank=args.rank, alpha=args.rank, dora=args.dora),
        memory=MemoryConfig(base=args.base),
        optim=OptimConfig(lr=args.lr, warmup=10, ema=0.98, weight_decay=0.0),
    )
    folder = open_run(args.folder / recipe.name, recipe, resume=False)
    began = time.perf_counter()
    with logging_to(folder.path / "train.log"):
        train_lora(recipe, folder, resume=False, judge=None)
    seconds = time.perf_counter() - began
    pipe = hanmo.load()
    before = paint(pipe, [])
    if args.dora:
        after = paint(hanmo.load(folder.export / "checkpoint"), [])
    else:
        after = paint(pipe, [(pipe.load_lora(folder.export / "slanted.safetensors"), 1.0)])
    rows = [picture for at in range(0, HELD_OUT, 6) for picture in (*before[at : at + 6], *after[at : at + 6])]
    save_sheet(args.folder / "before-after.png", sheet(rows, columns=6))
    cards = [prompt.card for prompt in evaluation_prompts(HELD_OUT, 20_511, 128, 64, WORDS)]
    result = {
        "seconds": round(seconds),
        "before": judged(before),
        "after": judged(after),
        "drawn upright": judged([draw(card) for card in cards]),
        "drawn slanted": judged([slanted(card) for card in cards]),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
