"""Previews: pictures by the real pipeline for prompts that training never draws, and what a judge reads.

It does not know how the model is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.data.synthesize.captions import EvaluationPrompt, evaluation_prompts
from hanmo.data.synthesize.cards import Card, draw, text_box
from hanmo.data.synthesize.edits import EvaluationEdit, evaluation_edits
from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError
from hanmo.pipeline.pipeline import Pipeline
from hanmo.train.judge import Judge, Verdict, summary
from hanmo.train.metrics import Metrics
from hanmo.train.sheet import save_sheet, sheet

SEED = 20_508
"""Of the prompts; the benchmarks use others."""
_AT_ONCE = 16


@dataclass(frozen=True)
class PreviewConfig:
    """Pictures painted while training, from held-out sentences and strings.

    Attributes:
        prompts: of text-to-image.
        edits: of edits.
        steps: of the sampler.
        cfg_scale: guidance; 1 is off.
    """

    prompts: int = 24
    edits: int = 0
    steps: int = 12
    cfg_scale: float = 1.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a count or a scale out of range; the message names the key.
        """
        for key, low in (("prompts", 0), ("edits", 0), ("steps", 1), ("cfg_scale", 1)):
            if getattr(self, key) < low:
                raise ConfigError(f"preview.{key} is {getattr(self, key)}; it must be at least {low}")


def look(
    pipeline: Pipeline,
    config: PreviewConfig,
    cards: CardConfig,
    judge: Judge | None,
    path: Path,
    step: int,
    metrics: Metrics,
) -> dict[str, float]:
    """Paint, judge and keep one preview.

    Args:
        pipeline: the model with its averaged weights.
        config: how many pictures, and how.
        cards: sizes, lengths and characters that the model knows.
        judge: reads the pictures; None only paints.
        path: the sheet's PNG.
        step: for the board.
        metrics: the board.

    Returns:
        With a judge the shares of exact texts and of right characters for text-to-image ("t2i") and edits
        ("edit"), in English and Chinese, and "score", their mean share of exact texts. Without one
        nothing.
    """
    prompts = evaluation_prompts(config.prompts, SEED, cards.width, cards.height, cards)
    edits = evaluation_edits(config.edits, SEED, cards.width, cards.height, cards)
    painted, edited = paint(pipeline, prompts, config), change(pipeline, edits, config)
    shown = [*painted]
    for edit, picture in zip(edits, edited, strict=True):
        shown += [draw(edit.source), picture]
    if not shown:
        return {}
    whole = sheet(shown, columns=6)
    save_sheet(path, whole)
    metrics.picture(step, "preview", np.asarray(whole))
    if judge is None:
        return {}
    values: dict[str, float] = {}
    exact: list[float] = []
    for name, pictures, wanted in (
        ("t2i", painted, [prompt.card for prompt in prompts]),
        ("edit", edited, [edit.target for edit in edits]),
    ):
        verdicts = judge_all(judge, pictures, wanted)
        for script in ("en", "zh"):
            chosen = [verdict for verdict, card in zip(verdicts, wanted, strict=True) if card.script == script]
            values |= summary(chosen, f"{name}_{script}")
        exact += [float(verdict.exact) for verdict in verdicts]
    return values | {"score": sum(exact) / len(exact)}


def paint(pipeline: Pipeline, prompts: Sequence[EvaluationPrompt], config: PreviewConfig) -> list[Image.Image]:
    """One picture for each prompt; picture number i has seed i."""
    pictures: list[Image.Image] = []
    for start in range(0, len(prompts), _AT_ONCE):
        part = prompts[start : start + _AT_ONCE]
        result = pipeline.generate(
            [prompt.text for prompt in part],
            size=(part[0].card.width, part[0].card.height),
            steps=config.steps,
            cfg_scale=config.cfg_scale,
            seed=start,
        )
        pictures += result.images
    return pictures


def change(pipeline: Pipeline, edits: Sequence[EvaluationEdit], config: PreviewConfig) -> list[Image.Image]:
    """The result of each edit; number i has seed i."""
    pictures: list[Image.Image] = []
    for start in range(0, len(edits), _AT_ONCE):
        part = edits[start : start + _AT_ONCE]
        result = pipeline.edit(
            [draw(edit.source) for edit in part],
            [edit.instruction for edit in part],
            steps=config.steps,
            cfg_scale=config.cfg_scale,
            seed=start,
        )
        pictures += result.images
    return pictures


def judge_all(judge: Judge, pictures: Sequence[Image.Image], cards: Sequence[Card]) -> list[Verdict]:
    """What a judge says of each picture, which should show the card."""
    return [judge(picture, text_box(card), card.text) for picture, card in zip(pictures, cards, strict=True)]
