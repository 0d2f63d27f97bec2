"""Does the model write what it is asked to? Held-out strings in held-out phrasings, read by an OCR judge.

    python -m benchmarks.bench_text_accuracy --prompts 200 --seed 11 --sheet out.png

Text-to-image: `--prompts` captions whose sentence patterns and strings training never met; the exact match of
the text by script and length, the background's and the letters' colour. Edits: as many instructions on
rendered cards: "text" counts when the new text is read, "background" and "color" when the colour is right and
the text is still read. The judge's own ceiling is its exact match on the rendered cards. Every share comes
with its Wilson 95 % interval; what counts as the same text is said in `hanmo/evaluate/text.py`. Picture i is
painted with seed s + i. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from PIL import Image

import hanmo
from benchmarks.cards import Sample, judge, sheet
from benchmarks.machine import describe
from benchmarks.shares import Share, share
from hanmo.data.ocr import OCR
from hanmo.data.synthesize.captions import EvaluationPrompt, evaluation_prompts
from hanmo.data.synthesize.cards import Card, draw
from hanmo.data.synthesize.edits import EvaluationEdit, evaluation_edits
from hanmo.log import progress
from hanmo.pipeline.pipeline import Pipeline

# The longest text of each script that the release must write: what the headline figures cover.
HEADLINE = {"en": 5, "zh": 4}
TARGETS = {
    "en exact": 0.95,
    "zh exact": 0.90,
    "background": 0.98,
    "edit text": 0.90,
    "edit background": 0.90,
    "edit letters": 0.90,
}


def in_batches(count: int, batch: int, what: str, paint: Callable[[slice], list[Image.Image]]) -> list[Image.Image]:
    """Paint `count` pictures, `batch` at a time, with a progress bar."""
    pictures: list[Image.Image] = []
    with progress(count, what) as bar:
        for start in range(0, count, batch):
            pictures += paint(slice(start, min(start + batch, count)))
            bar.update(len(pictures) - start)
    return pictures


def right(sample: Sample) -> bool:
    """Whether the task was done: see the head of this file."""
    match sample.task:
        case "background":
            return sample.ground and sample.exact
        case "color":
            return sample.letters and sample.exact
        case _:
            return sample.exact


def summarise(samples: Sequence[Sample], ceiling: Sequence[Sample]) -> dict[str, Share]:
    """Every share that is reported, in the order of the report."""
    painted = [sample for sample in samples if sample.task == "generate"]
    edited = [sample for sample in samples if sample.task != "generate"]
    shares: dict[str, Share] = {}
    for script, longest in HEADLINE.items():
        own = [sample for sample in painted if sample.card.script == script]
        shares[f"{script} exact"] = share(s.exact for s in own if len(s.card.text) <= longest)
        shares |= by_length(f"{script} exact, length", own)
        known = [sample for sample in ceiling if sample.card.script == script]
        shares[f"{script} judge's ceiling"] = share(sample.exact for sample in known)
    shares["background"] = share(sample.ground for sample in painted)
    shares["letters"] = share(sample.letters for sample in painted)
    for task, name in (("text", "text"), ("background", "background"), ("color", "letters")):
        own = [sample for sample in edited if sample.task == task]
        shares[f"edit {name}"] = share(map(right, own))
        for script in HEADLINE:
            shares[f"edit {name}, {script}"] = share(right(s) for s in own if s.card.script == script)
        kept = [(sample.exact, sample.ground, sample.letters) for sample in own]
        shares[f"edit {name}, everything right"] = share(all(outcome) for outcome in kept)
    return shares


def by_length(name: str, samples: Iterable[Sample]) -> dict[str, Share]:
    groups: dict[int, list[bool]] = {}
    for sample in samples:
        groups.setdefault(len(sample.card.text), []).append(sample.exact)
    return {f"{name} {length}": share(groups[length]) for length in sorted(groups)}


def paint_prompts(
    pipe: Pipeline, prompts: Sequence[EvaluationPrompt], options: argparse.Namespace
) -> list[Image.Image]:
    """The model's pictures; the size is the card's, so that the judge knows where the text must be."""
    size = (prompts[0].card.width, prompts[0].card.height)

    def paint(part: slice) -> list[Image.Image]:
        texts = [prompt.text for prompt in prompts[part]]
        seeds = list(range(options.seed + part.start, options.seed + part.stop))
        return pipe.generate(texts, size=size, steps=options.steps, cfg_scale=options.cfg_scale, seed=seeds).images

    return in_batches(len(prompts), options.batch, "generate", paint)


def paint_edits(
    pipe: Pipeline,
    edits: Sequence[EvaluationEdit],
    sources: Sequence[Image.Image],
    options: argparse.Namespace,
) -> list[Image.Image]:
    """The model's edits of rendered cards."""

    def paint(part: slice) -> list[Image.Image]:
        texts = [edit.instruction for edit in edits[part]]
        seeds = list(range(options.seed + part.start, options.seed + part.stop))
        return pipe.edit(sources[part], texts, steps=options.steps, cfg_scale=options.cfg_scale, seed=seeds).images

    return in_batches(len(edits), options.batch, "edit", paint)


def measure(pipe: Pipeline, ocr: OCR, options: argparse.Namespace) -> tuple[list[Sample], list[Sample], Image.Image]:
    """Samples of the model, samples of the rendered cards (the ceiling), and the sheet."""
    width, height = pipe.default_size
    prompts = evaluation_prompts(options.prompts, options.seed, width, height)
    edits = evaluation_edits(options.edits, options.seed, width, height)
    painted = paint_prompts(pipe, prompts, options)
    sources = [draw(edit.source) for edit in edits]
    edited = paint_edits(pipe, edits, sources, options) if edits else []
    tasks = ["generate"] * len(prompts) + [edit.kind for edit in edits]
    texts = [prompt.text for prompt in prompts] + [edit.instruction for edit in edits]
    cards: list[Card] = [prompt.card for prompt in prompts] + [edit.target for edit in edits]
    samples = judge(ocr, tasks, texts, cards, painted + edited)
    ceiling = judge(ocr, tasks, texts, cards, [draw(card) for card in cards])
    groups = [[picture] for picture in painted] + [list(pair) for pair in zip(sources, edited, strict=True)]
    first, edit_part = slice(0, options.shown), slice(len(prompts), len(prompts) + options.shown)
    shown = [*samples[first], *samples[edit_part]]
    return samples, ceiling, sheet(shown, [*groups[first], *groups[edit_part]])


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--prompts", type=int, default=200, help="captions (default 200)")
    options.add_argument("--edits", type=int, default=None, help="instructions (default: as many as prompts)")
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--model", default=None, help="folder or hub id (default: the bundled model)")
    options.add_argument("--steps", type=int, default=None, help="default: what the checkpoint prefers")
    options.add_argument("--cfg-scale", type=float, default=None, help="default: what the checkpoint prefers")
    options.add_argument("--batch", type=int, default=20, help="pictures at a time")
    options.add_argument("--device", default="cpu")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--sheet", type=Path, default=None, help="write prompts and pictures to this PNG")
    options.add_argument("--shown", type=int, default=32, help="prompts, and edits, on the sheet")
    options.add_argument("--samples", type=Path, default=None, help="write every sample to this JSONL file")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    options.edits = options.prompts if options.edits is None else options.edits
    torch.set_num_threads(options.threads)
    ocr = OCR(threads=min(options.threads, 2))
    start = time.perf_counter()
    samples, ceiling, pictures = measure(hanmo.load(options.model, device=options.device), ocr, options)
    seconds = time.perf_counter() - start
    shares = summarise(samples, ceiling)
    for name, found in shares.items():
        goal = TARGETS.get(name)
        verdict = "" if goal is None else f"  target {100 * goal:.0f} %: {'met' if found.value >= goal else 'MISSED'}"
        print(f"{name:34s} {found}{verdict}")
    for script in HEADLINE:
        own = [sample.characters for sample in samples if sample.card.script == script]
        print(f"{script + ' characters right, all tasks':34s} {100 * sum(own) / max(len(own), 1):5.1f} %")
    if options.sheet is not None:
        pictures.save(options.sheet)
        print(f"sheet: {options.sheet}")
    if options.samples is not None:
        lines = [json.dumps(sample.to_dict(), ensure_ascii=False) for sample in samples]
        options.samples.write_text("\n".join(lines) + "\n", encoding="utf-8")
    figures = {name: found.to_dict() for name, found in shares.items()}
    print(json.dumps({"machine": describe(), "judge": ocr.name, "seconds": seconds, "shares": figures}))


if __name__ == "__main__":
    main()
