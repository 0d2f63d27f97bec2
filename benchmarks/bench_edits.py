"""Do edits leave alone what they should? Three measurements on rendered cards, with the bundled model.

    python -m benchmarks.bench_edits --cards 12 --turns 10

*Turns*: the text of a card is changed again and again; PSNR of the rows above and below the text, which no
instruction touches, against the first picture, after each turn: from latents (the default of sessions), from
pixels, and masked. *Leakage*: the right half is painted anew, nothing is kept or pasted back; PSNR of the left
half, which the model then paints too, by attention. *Shift*: the picture is asked for as it is; the offset at
which result and source agree best, by the mean over all cards of their cross-correlation. The last line is
JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

import hanmo
from benchmarks.machine import describe
from hanmo.data.synthesize.cards import CELL_HEIGHT, Card, draw
from hanmo.data.synthesize.sample import CardConfig, sample_card, sample_text
from hanmo.model.latents import pack
from hanmo.pipeline import run
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.session import Session

SHIFTS = range(-8, 9)
KEEP = "return the picture as it is"


def psnr(first: np.ndarray, second: np.ndarray) -> float:
    """In dB, of arrays in 0-255; 99 for equal ones."""
    error = float(np.mean((first.astype(np.float64) - second.astype(np.float64)) ** 2))
    return 99.0 if error == 0 else 10 * math.log10(255**2 / error)


def untouched(picture: Image.Image) -> np.ndarray:
    """The rows that no cell of text covers, one row of latents away from it."""
    pixels = np.asarray(picture)
    edge = (pixels.shape[0] - CELL_HEIGHT) // 2 - 8
    return np.concatenate([pixels[:edge], pixels[-edge:]])


def cards(count: int, seed: int) -> list[Card]:
    """Plain cards in the centre, English and Chinese, of strings that training did not see."""
    config = CardConfig(longest_english=5, serif=0.0, small=0.0, placed=0.0)
    rng = random.Random(f"edits {seed}")
    return [sample_card(rng, config, "evaluation") for _ in range(count)]


def turns(pipe: Pipeline, found: Sequence[Card], count: int, how: str) -> list[float]:
    """PSNR of what no instruction touches after each turn, the mean over cards."""
    config = CardConfig(longest_english=5)
    sums = np.zeros(count)
    for number, card in enumerate(found):
        session, rng = Session(pipe, draw(card)), random.Random(number)
        before = untouched(session.image)
        for turn in range(count):
            words = f'change the text to "{sample_text(rng, config, card.script, "evaluation")}"'
            if how == "masked":
                top = (card.height - CELL_HEIGHT) // 2
                session.inpaint((0, top, card.width, top + CELL_HEIGHT), words, seed=turn)
            else:
                session.edit(words, seed=turn, source=how)  # type: ignore[arg-type]
            sums[turn] += psnr(untouched(session.image), before)
    return [round(float(value), 2) for value in sums / len(found)]


def leakage(pipe: Pipeline, found: Sequence[Card], attention: Any) -> float:
    """PSNR of the kept half as the model itself paints it, the mean over cards.

    The hook that keeps latents is taken out, and nothing is pasted back: what is left is what attention does.
    """
    hook, values = run.keep_outside, []
    run.keep_outside = lambda *arguments: lambda x, index: x  # type: ignore[assignment]
    try:
        for number, card in enumerate(found):
            source = draw(card)
            half = (card.width // 2, 0, card.width, card.height)
            words = f'change the text to "{card.text}"'
            request = make_request("inpaint", words, source, mask=half, attention=attention, seed=number)
            latents = pipe(request).latents[0]
            assert latents is not None
            (painted,) = pipe.show(pack(latents), source.size, exact=True)
            left = (0, 0, card.width // 2 - 8, card.height)
            values.append(psnr(np.asarray(painted.crop(left)), np.asarray(source.crop(left))))
    finally:
        run.keep_outside = hook
    return round(float(np.mean(values)), 2)


def shift(pipe: Pipeline, found: Sequence[Card]) -> tuple[tuple[int, int], float]:
    """(x, y) at which pictures that were asked for as they are agree best with their sources; and their PSNR."""
    total, quality = np.zeros((len(SHIFTS), len(SHIFTS))), []
    for number, card in enumerate(found):
        source = draw(card)
        result = pipe.edit(source, KEEP, size="auto", seed=number).images[0]
        quality.append(psnr(np.asarray(result), np.asarray(source)))
        a, b = (np.asarray(each.convert("L"), dtype=float) for each in (source, result))
        a, b = a - a.mean(), b - b.mean()
        norm = math.sqrt(float((a**2).sum() * (b**2).sum())) or 1.0
        for row, y in enumerate(SHIFTS):
            for column, x in enumerate(SHIFTS):
                total[row, column] += float((a * np.roll(b, (y, x), axis=(0, 1))).sum()) / norm
    row, column = np.unravel_index(int(total.argmax()), total.shape)
    return (SHIFTS[int(column)], SHIFTS[int(row)]), round(float(np.mean(quality)), 2)


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cards", type=int, default=12)
    options.add_argument("--turns", type=int, default=10)
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--model", default=None, help="folder or hub id (default: the bundled model)")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = options.parse_args(arguments)
    torch.set_num_threads(given.threads)
    pipe, found = hanmo.load(given.model), cards(given.cards, given.seed)
    figures: dict[str, Any] = {}
    for how in ("latents", "pixels", "masked"):
        figures[f"turns, {how}"] = turns(pipe, found, given.turns, how)
        print(f"PSNR of what no instruction touches, turn 1 to {given.turns}, {how:8s} {figures[f'turns, {how}']}")
    for attention in ("free", "soft", "isolate"):
        figures[f"kept half, {attention}"] = leakage(pipe, found, attention)
        print(f"PSNR of the kept half, nothing pasted, {attention:8s} {figures[f'kept half, {attention}']} dB")
    figures["shift"], figures["identity"] = shift(pipe, found)
    print(f"best offset of an identity edit {figures['shift']}, PSNR {figures['identity']} dB")
    print(json.dumps({"machine": describe(), "figures": figures}))


if __name__ == "__main__":
    main()
