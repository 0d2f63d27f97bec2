"""A run around the loop: resume, metrics, snapshots, previews with averaged weights, the best result.

The same for every objective. It does not know what is trained, painted or exported: those are callables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hanmo.errors import OutputError
from hanmo.log import get_logger, progress
from hanmo.train import checkpoint, loop
from hanmo.train.files import RunFolder
from hanmo.train.meter import Counted, Meter, duration
from hanmo.train.metrics import Metrics
from hanmo.train.optim import EMA, OptimConfig, build, fast_bfloat16
from hanmo.train.plan.flops import Costed
from hanmo.train.plan.hardware import peak_of
from hanmo.train.presence import present
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import RunConfig
from hanmo.train.trackers import open_trackers

log = get_logger(__name__)

Preview = Callable[[int, Metrics], Mapping[str, float]]
"""Paints with the averaged weights after some steps; of the numbers "score" decides what is kept."""


@dataclass(frozen=True)
class Job:
    """What is trained, and what is done with it; `track` names services that are told too (`trackers`)."""

    name: str
    seed: int
    objective: loop.Objective
    modules: Mapping[str, nn.Module]
    run: RunConfig
    optim: OptimConfig
    preview: Preview
    export: Callable[[], None]
    ranks: Ranks = ALONE
    track: Sequence[str] = ()


def drive(job: Job, folder: RunFolder, resume: bool) -> None:
    """Train, from the newest snapshot when `resume`, and leave the best averaged weights in `folder.export`.

    Only the first process of a run writes and looks.

    Raises:
        TrainingError: nothing to resume, or a loss that is not finite.
        OutputError: the disk is full at the last step; before, a snapshot that does not fit is left out and counted.
    """
    optimizers = build(job.modules, job.optim)
    ema = EMA(job.modules, job.optim.ema)
    parts = checkpoint.Parts(job.modules, optimizers, ema)
    start = checkpoint.restore(folder.snapshots, parts, job.seed) if resume else 0
    plan = _plan(job, folder.path)
    if not job.ranks.first:
        loop.run(job.objective, parts, ema, plan, start, lambda report: None)
        return
    log.info(
        "%s: %s parameters, steps %d to %d of %d pictures, %s, %d threads",
        job.name, _sizes(job.modules), start, plan.steps, plan.pictures * plan.accumulate,
        "bfloat16 products" if plan.autocast else "float32", torch.get_num_threads(),
    )  # fmt: skip
    peak = peak_of(plan.device) if isinstance(job.objective, Costed) else None
    if peak is not None:
        log.info("MFU is a share of %.4g TFLOP/s per process: %s", peak.flops / 1e12, peak.source)
    trackers = open_trackers(job.track, job.name, folder)
    with (
        Metrics(folder.path, start, trackers) as metrics,
        progress(plan.steps, job.name, initial=start) as bar,
        present(folder.path),
    ):
        counted = Counted(job.objective)
        meter = Meter(plan.pictures * plan.accumulate, plan.steps, counted, job.ranks.count, peak, plan.device)
        skipped = 0

        def after(report: loop.Report) -> None:
            nonlocal skipped
            meter.add(report)
            step, last = report.step, report.step == plan.steps
            bar.update(1, meter.shown(step))
            if step % job.run.log_every == 0 or last:
                values = meter.take(step) | ({"snapshots_skipped": float(skipped)} if skipped else {})
                left = duration(values["seconds_left"])
                metrics.scalars(step, values)
                log.info("step %d/%d %s, %s left", step, plan.steps, _words(values), left)
            if step % job.run.save_every == 0 or last:
                skipped += not _save(job, folder, parts, step, last)
            if last or (job.run.preview_every and step % job.run.preview_every == 0):
                _look(job, folder, ema, metrics, step)
                meter.restart()

        loop.run(counted, parts, ema, plan, start, after)
        if start >= plan.steps:
            _look(job, folder, ema, metrics, start)


def _plan(job: Job, folder: Path) -> loop.Plan:
    device = torch.device(job.run.device)
    autocast = job.run.precision == "bfloat16" or (job.run.precision == "auto" and fast_bfloat16(device))
    return loop.Plan(job.run.steps, job.run.batch, job.run.accumulate, job.optim, autocast, device, folder, job.ranks)


def _save(job: Job, folder: RunFolder, parts: checkpoint.Parts, step: int, last: bool) -> bool:
    """Write a snapshot; a disk that is full costs this one, not the run, unless it is the last."""
    try:
        checkpoint.save(folder.snapshots, step, parts, job.seed, job.run.keep)
    except OutputError as error:
        if last:
            raise
        log.warning("step %d: no snapshot (%s); the run goes on, and the one before stays", step, error)
        return False
    return True


def _look(job: Job, folder: RunFolder, ema: EMA, metrics: Metrics, step: int) -> None:
    """Preview with averaged weights; export them unless an earlier preview was better."""
    began = time.perf_counter()
    with averaged(job.modules, ema):
        values = dict(job.preview(step, metrics))
        score = values.pop("score", None)
        if _is_best(folder.path / "best.json", step, score):
            job.export()
    if values:
        metrics.scalars(step, values)
    log.info("preview at step %d: %s (%.0f s)", step, _words(values), time.perf_counter() - began)


def _is_best(path: Path, step: int, score: float | None) -> bool:
    """Whether no earlier step scored higher; then the file says so. Without scores the latest is best."""
    if score is None:
        return True
    best = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    if best is not None and best["step"] < step and best["score"] > score:
        log.info("step %d scored %.4f; step %d with %.4f stays the exported one", step, score, *best.values())
        return False
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"step": step, "score": score}) + "\n", encoding="utf-8")
    part.replace(path)
    return True


@contextmanager
def averaged(modules: Mapping[str, nn.Module], ema: EMA) -> Iterator[None]:
    """Put the averaged weights into the modules while the block runs, without gradients."""
    ema.swap()
    for module in modules.values():
        module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        ema.swap()
        for module in modules.values():
            module.train()


def _sizes(modules: Mapping[str, nn.Module]) -> str:
    return ", ".join(f"{name} {sum(p.numel() for p in module.parameters()):,}" for name, module in modules.items())


def _words(values: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in values.items())
