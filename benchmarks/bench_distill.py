"""What distillation brings: a student beside its teacher, and beside the teacher run as the student is.

    python -m benchmarks.bench_distill --student runs/steps/export --prompts 200 --seed 11 --steps 4 2 1

Three ways paint the same held-out captions and edits from the same noise: the teacher as its folder prefers, the
teacher with the student's steps, guidance and schedule (the control: what the shorter schedule does by itself), and
the student. `--steps` asks for the last two in other numbers of steps, each a pair of lines; a model that writes on
plain cards has little to lose by 4 steps, so it is in 2 and in 1 that a student of few steps must show something.
Each is judged by the share of texts that are read right, with its interval, by that share over the teacher's, and by
how near its pictures are to the teacher's (PSNR in dB, the mean over pictures). Compare with the control before
praising the student. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import hanmo
from benchmarks.bench_edits import psnr
from benchmarks.machine import describe
from benchmarks.shares import Share, share
from hanmo.data.ocr import OCR
from hanmo.data.synthesize.captions import EvaluationPrompt, evaluation_prompts
from hanmo.data.synthesize.cards import Card, draw, text_box
from hanmo.data.synthesize.edits import EvaluationEdit, evaluation_edits
from hanmo.evaluate.text import exact
from hanmo.pipeline.pipeline import Pipeline

BATCH = 20


@dataclass(frozen=True)
class Way:
    """A model and how it is run."""

    name: str
    pipe: Pipeline
    steps: int
    cfg_scale: float


@dataclass(frozen=True)
class Found:
    """How many texts were read right, how near the teacher's pictures are (dB), and seconds for all of them."""

    exact: Share
    near: float
    seconds: float


def ways_of(
    teacher: Pipeline, student: Pipeline, steps: Sequence[int] = (), teacher_steps: int | None = None
) -> list[Way]:
    """The teacher, then for each number of steps the control and the student.

    Args:
        teacher: run as it prefers.
        student: run with the guidance and schedule that it prefers; the control has these and the teacher's weights.
        steps: of the student and the control; empty for the one number that the student prefers.
        teacher_steps: of the teacher, in place of those that it prefers.
    """
    theirs, ours = teacher.preferences, student.preferences
    control = Pipeline(teacher.transformer, teacher.vae, teacher.encoder, student.schedule, ours, "control")
    ways = [Way("teacher", teacher, teacher_steps or theirs.steps, theirs.cfg_scale)]
    for count in steps or (ours.steps,):
        said = f", {count} step{'s' * (count > 1)}" if steps else ""
        ways.append(Way(f"teacher, run as the student{said}", control, count, ours.cfg_scale))
        ways.append(Way(f"student{said}", student, count, ours.cfg_scale))
    return ways


def paint(
    way: Way, prompts: Sequence[EvaluationPrompt], edits: Sequence[EvaluationEdit], seed: int
) -> list[Image.Image]:
    """All pictures of one way, captions first; picture i of either kind has seed + i."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), BATCH):
        part = prompts[start : start + BATCH]
        size = (part[0].card.width, part[0].card.height)
        texts = [prompt.text for prompt in part]
        done = way.pipe.generate(texts, size=size, steps=way.steps, cfg_scale=way.cfg_scale, seed=seed + start)
        pictures += done.images
    for start in range(0, len(edits), BATCH):
        chosen = edits[start : start + BATCH]
        sources, words = [draw(edit.source) for edit in chosen], [edit.instruction for edit in chosen]
        done = way.pipe.edit(sources, words, steps=way.steps, cfg_scale=way.cfg_scale, seed=seed + start)
        pictures += done.images
    return pictures


def measure(ways: Sequence[Way], ocr: OCR, prompts: int, edits: int, seed: int) -> dict[str, Found]:
    """Every way on the same tasks; the first is what the others are compared with."""
    width, height = ways[0].pipe.default_size
    captions, changes = evaluation_prompts(prompts, seed, width, height), evaluation_edits(edits, seed, width, height)
    cards: list[Card] = [prompt.card for prompt in captions] + [edit.target for edit in changes]
    boxes = [text_box(card) for card in cards]
    first: list[np.ndarray] = []
    found: dict[str, Found] = {}
    for way in ways:
        began = time.perf_counter()
        pictures = paint(way, captions, changes, seed)
        seconds = time.perf_counter() - began
        pixels = [np.asarray(picture) for picture in pictures]
        first = first or pixels
        read = ocr.read_boxes(pictures, boxes)
        hits = share(exact(card.text, text) for card, text in zip(cards, read, strict=True))
        near = float(np.mean([psnr(*pair) for pair in zip(pixels, first, strict=True)]))
        found[way.name] = Found(hits, near, seconds)
    return found


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--student", type=Path, required=True, help="folder that distillation has exported")
    options.add_argument("--teacher", default=None, help="folder or hub id (default: the bundled model)")
    options.add_argument("--prompts", type=int, default=200, help="captions (default 200)")
    options.add_argument("--edits", type=int, default=None, help="instructions (default: as many as prompts)")
    options.add_argument("--steps", type=int, nargs="+", default=[], help="of student and control (default: its own)")
    options.add_argument("--teacher-steps", type=int, default=None, help="of the teacher (default: its own)")
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    edits = options.prompts if options.edits is None else options.edits
    torch.set_num_threads(options.threads)
    pipes = [hanmo.load(model, device=options.device) for model in (options.teacher, str(options.student))]
    ocr = OCR(threads=min(options.threads, 2))
    ways = ways_of(*pipes, options.steps, options.teacher_steps)
    found = measure(ways, ocr, options.prompts, edits, options.seed)
    whole = next(iter(found.values())).exact.value
    for name, each in found.items():
        kept = each.exact.value / whole if whole else 0.0
        near = "" if name == "teacher" else f"  {each.near:5.1f} dB from the teacher"
        print(f"{name:36s} {each.exact}  {100 * kept:5.1f} % of the teacher's{near}  {each.seconds:6.1f} s")
    figures = {name: asdict(each) | {"exact": each.exact.to_dict()} for name, each in found.items()}
    print(json.dumps({"machine": describe(), "judge": ocr.name, "found": figures}))


if __name__ == "__main__":
    main()
