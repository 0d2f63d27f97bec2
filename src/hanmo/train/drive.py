"""A run around the loop: resume, metrics, snapshots, previews with averaged weights, the best result.

The same for every objective. It does not know what is trained, painted or exported: those are callables.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hanmo.errors import OutputError
from hanmo.log import get_logger, progress
from hanmo.train import checkpoint, loop
from hanmo.train.curriculum import Event
from hanmo.train.files import RunFolder
from hanmo.train.meter import Counted, Meter, duration
from hanmo.train.metrics import Metrics
from hanmo.train.optim import EMA, OptimConfig, build, fast_bfloat16
from hanmo.train.plan.flops import Costed
from hanmo.train.plan.hardware import peak_of
from hanmo.train.presence import present
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.run_config import RunConfig
from hanmo.train.shard.config import check_optimizer
from hanmo.train.snapshots import Notes, OneFile, Snapshots
from hanmo.train.trackers import open_trackers

log = get_logger(__name__)

LOOKED = "looked"
"""File of a run: the last step after which all was measured and painted."""
Preview = Callable[[int, Metrics], Mapping[str, float]]
"""Paints with the averaged weights after some steps; of the numbers "score" decides what is kept."""


def _no_numbers(step: int) -> Mapping[str, float]:
    return {}


def _none(step: int) -> int:
    return 0


def _no_stages(step: int) -> None:
    return None


def _deaf(step: int, values: Mapping[str, float]) -> None:
    """What a run does with numbers that it does not listen to."""


def at_once(step: int) -> float:
    """What a run whose data are all there waits for behind a step: nothing, for 0 seconds."""
    return 0.0


@dataclass(frozen=True)
class Job:
    """What is trained, and what is done with it.

    Attributes:
        name: of the run.
        seed: of everything random.
        objective: batches and losses.
        modules: what learns.
        run: length, precision, files.
        optim: what moves the weights.
        preview: paints, in the first process.
        export: writes the result, in the first process.
        ranks: the processes.
        measure: asked before a preview and after every `measure_every` steps, with the averaged weights in place: by
            the first process, or by every one of a divided model, each of which computes the same.
        heard: told what the first process measured; called in every process.
        collected: in every process, with the averaged weights in place: around `preview` and `export`, for which
            the first process of a divided model must have it whole.
        measure_every: steps; see `measure`.
        began: the stage that begins with a step, for the run's records.
        batch_of: pictures of one batch of a step; 0 is `run.batch`.
        behind: called in every process behind every step, when all else is done; gives the seconds that it has waited
            for data.
    """

    name: str
    seed: int
    objective: loop.Objective
    modules: Mapping[str, nn.Module]
    run: RunConfig
    optim: OptimConfig
    preview: Preview
    export: Callable[[], None]
    ranks: Ranks = ALONE
    measure: Callable[[int], Mapping[str, float]] = _no_numbers
    heard: Callable[[int, Mapping[str, float]], None] = _deaf
    collected: Callable[[], AbstractContextManager[None]] = nullcontext
    measure_every: int = 0
    began: Callable[[int], Event | None] = _no_stages
    batch_of: Callable[[int], int] = _none
    behind: Callable[[int], float] = at_once


def drive(job: Job, folder: RunFolder, resume: bool) -> None:
    """Train, from the newest snapshot when `resume`, and leave the best averaged weights in `folder.export`.

    Only the first process of a run writes metrics and looks; of a divided model every process writes its snapshots.

    Raises:
        TrainingError: nothing to resume, or a loss that is not finite.
        OutputError: the disk is full at the last step; before, a snapshot that does not fit is left out and counted.
    """
    parts, ema, kept = _state(job, folder)
    start = kept.restore().step if resume else 0
    plan = _plan(job, folder.path)
    saves = job.ranks.first or job.ranks.divided

    def due(step: int) -> tuple[bool, bool]:
        """Whether to measure, and whether to paint."""
        paint = step >= plan.steps or _divides(job.run.preview_every, step)
        return paint or _divides(job.measure_every, step), paint

    with _watched(job, folder, plan, start) as watch:

        def after(report: loop.Report) -> None:
            step, last = report.step, report.step == plan.steps
            watch.step(report)
            if saves:
                watch.lost(kept.news())
                if step % job.run.save_every == 0 or last:
                    watch.lost(_save(kept, step, last))
            look, paint = due(step)
            if look:
                _look(job, folder, ema, watch, step, paint)
            watch.waited(job.behind(step))

        look, paint = due(start)
        if resume and look and job.ranks.told(_looked(folder)) != start:  # killed between snapshot and look
            _look(job, folder, ema, watch, start, paint)
        loop.run(watch.objective, parts, ema, plan, start, after)
        if saves:
            kept.finish()


def _state(job: Job, folder: RunFolder) -> tuple[checkpoint.Parts, EMA, Snapshots]:
    """Optimizers and averages of the weights as they lie, and where snapshots of them go."""
    if job.ranks.divided:
        check_optimizer(job.optim.kind)
    optimizers = build(job.modules, job.optim)
    if not job.ranks.divided:
        ema = EMA(job.modules, job.optim.ema)
        parts = checkpoint.Parts(job.modules, optimizers, ema)
        return parts, ema, OneFile(folder.snapshots, parts, job.seed, job.run.keep)
    # Not at the top: torch's checkpoints of many processes take seconds to import.
    from hanmo.train.distributed_checkpoint import ShardedSnapshots
    from hanmo.train.shard.state import ShardedEMA, regroup

    regroup(optimizers)
    ema = ShardedEMA(job.modules, job.optim.ema)
    parts = checkpoint.Parts(job.modules, optimizers, ema)
    return parts, ema, ShardedSnapshots(folder.snapshots, parts, job.seed, job.run.keep)


# --- what a person sees ----------------------------------------------------------------------------


class _Unwatched:
    """A process that is not the first: it computes."""

    def __init__(self, objective: loop.Objective) -> None:
        self.objective = objective
        self.metrics: Metrics | None = None

    def step(self, report: loop.Report) -> None:
        """Nothing is told."""

    def waited(self, seconds: float) -> None:
        """The first process tells it."""

    def lost(self, why: str | None) -> None:
        """The first process tells it."""

    def looked(self, what: str, step: int, values: Mapping[str, float], seconds: float) -> None:
        """Nothing is told."""


class _Watch(_Unwatched):
    """The first process: the line that moves, the log, metrics.jsonl."""

    def __init__(self, job: Job, plan: loop.Plan, metrics: Metrics, bar: Any) -> None:
        counted = Counted(job.objective)
        super().__init__(counted)
        dtype = torch.bfloat16 if plan.autocast else torch.float32
        peak = peak_of(plan.device, dtype) if isinstance(job.objective, Costed) else None
        if peak is not None:
            log.info("MFU is a share of %.4g TFLOP/s per process: %s", peak.flops / 1e12, peak.source)
        self.metrics = metrics
        self._plan, self._every, self._bar, self._skipped = plan, job.run.log_every, bar, 0
        self._began, self._pictures, ranks = job.began, job.batch_of, job.ranks
        self._meter = Meter(0, plan.steps, counted, ranks.count, ranks.groups, peak, plan.device)

    def step(self, report: loop.Report) -> None:
        """Take in a step; a line now and then, and one where it was the first of a stage."""
        step, steps, number = report.step, self._plan.steps, report.step - 1
        self._meter.pictures = (self._pictures(number) or self._plan.pictures) * self._plan.accumulate
        if (event := self._began(number)) is not None:
            self._tell(step, {"stage": float(event.stage)})
            log.info("stage %s: step %d is its first, %d pictures a step (%s)",
                     event.name, event.step, self._meter.pictures, event.why)  # fmt: skip
        self._meter.add(report)
        self._bar.update(1, self._meter.shown(step))
        if step % self._every == 0 or step == steps:
            values = self._meter.take(step) | ({"snapshots_skipped": float(self._skipped)} if self._skipped else {})
            self._tell(step, values)
            said = {key: value for key, value in values.items() if key != "seconds_left"}
            log.info("step %d/%d %s, %s left", step, steps, _words(said), duration(values["seconds_left"]))

    def waited(self, seconds: float) -> None:
        """Count what was waited for data outside the loop."""
        self._meter.wait(seconds)

    def lost(self, why: str | None) -> None:
        """Count a snapshot that was not written."""
        if why is not None:
            self._skipped += 1
            log.warning("%s; the run goes on", why)

    def looked(self, what: str, step: int, values: Mapping[str, float], seconds: float) -> None:
        """Tell what a preview showed."""
        if values:
            self._tell(step, values)
        log.info("%s at step %d: %s (%.0f s)", what, step, _words(values), seconds)
        self._meter.restart()

    def _tell(self, step: int, values: Mapping[str, float]) -> None:
        assert self.metrics is not None, "the first process has metrics"
        self.metrics.scalars(step, values)


@contextmanager
def _watched(job: Job, folder: RunFolder, plan: loop.Plan, start: int) -> Iterator[_Unwatched]:
    if not job.ranks.first:
        yield _Unwatched(job.objective)
        return
    log.info(
        "%s: %s parameters, steps %d to %d of %d pictures, %s, %d threads",
        job.name, _sizes(job.modules), start, plan.steps, plan.pictures * plan.accumulate,
        "bfloat16 products" if plan.autocast else "float32", torch.get_num_threads(),
    )  # fmt: skip
    trackers = open_trackers(job.run.track, job.name, folder)
    with (
        Metrics(folder.path, start, trackers) as metrics,
        progress(plan.steps, job.name, initial=start) as bar,
        present(folder.path),
    ):
        yield _Watch(job, plan, metrics, bar)


# --- the parts of a step that are not computing ----------------------------------------------------


def _plan(job: Job, folder: Path) -> loop.Plan:
    device = torch.device(job.run.device)
    autocast = job.run.precision == "bfloat16" or (job.run.precision == "auto" and fast_bfloat16(device))
    return loop.Plan(job.run.steps, job.run.batch, job.run.accumulate, job.optim, autocast, device, folder, job.ranks)


def _save(kept: Snapshots, step: int, last: bool) -> str | None:
    """Write a snapshot; a disk that is full costs this one, not the run, unless it is the last: then why."""
    try:
        kept.save(step, Notes())
    except OutputError as error:
        if last:
            raise
        return f"step {step}: no snapshot ({error}), and the one before stays"
    return None


def _look(job: Job, folder: RunFolder, ema: EMA, watch: _Unwatched, step: int, paint: bool) -> None:
    """Measure with averaged weights, and paint; what was painted is exported unless an earlier preview was better."""
    began = time.perf_counter()
    with averaged(job.modules, ema):
        values = dict(job.measure(step)) if job.ranks.first or job.ranks.divided else {}
        values = job.ranks.told(values)
        job.heard(step, values)
        if paint:
            with job.collected():
                if watch.metrics is not None:
                    values |= job.preview(step, watch.metrics)
                    score = values.pop("score", None)
                    if _is_best(folder.path / "best.json", step, score):
                        job.export()
        if job.ranks.first:
            (folder.path / LOOKED).write_text(f"{step}\n", encoding="utf-8")
    job.ranks.wait()
    watch.looked("preview" if paint else "measured", step, values, time.perf_counter() - began)


def _divides(every: int, step: int) -> bool:
    """Whether a step is one of every so many; never where that is 0."""
    return every > 0 and step % every == 0


def _looked(folder: RunFolder) -> int:
    """The last step after which all was measured and painted; 0 for none."""
    path = folder.path / LOOKED
    text = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    return int(text) if text.isdecimal() else 0


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
