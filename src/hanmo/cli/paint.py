"""Running the jobs of `generate`, `edit` and `img2img`: one model, progress bars, files that appear whole."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo.cli.answer import say
from hanmo.cli.jobs import Job, batches, joined
from hanmo.engine.denoise import StepInfo
from hanmo.log import Progress, progress
from hanmo.pipeline.pipeline import Pipeline, load
from hanmo.safety.provenance import png_metadata
from hanmo.weights.files import atomic_file
from hanmo.weights.hub import resolve


def paint(args: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Paint every job, write each picture as soon as it is there, and name it on stdout.

    Raises:
        RequestError: what only the model can refuse, or a picture that cannot be written.
    """
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    pipe = _load(args)
    for name in dict.fromkeys(control.name for job in jobs for control in job.request.controls):
        pipe.load_controlnet(name, source=args.source)
    for file, _ in args.lora:
        pipe.load_lora(file, source=args.source)
    done = 0
    for group in batches(jobs, args.batch_size):
        request = joined([job.request for job in group])
        began = time.perf_counter()
        label = f"{done + 1}/{len(jobs)}" if len(jobs) > 1 else group[0].request.task
        with _bar(label, args.quiet) as on_step:
            result = pipe(request, on_step)
        seconds = (time.perf_counter() - began) / len(group)
        for index, (job, image) in enumerate(zip(group, result.images, strict=True)):
            save(image, job.output, png_metadata(result.request, index, pipe.name))
            width, height = image.size
            say(f"{job.output}\tseed {result.seeds[index]}\t{width}x{height}\t{seconds:.1f} s")
        done += len(group)


def save(image: Image.Image, path: Path, metadata: PngInfo) -> None:
    """Write a PNG file, whole or not at all.

    Raises:
        OutputError: the disk is full, or the folder is missing or not writable.
    """
    with atomic_file(path) as file:
        image.save(file, format="PNG", pnginfo=metadata)


def _load(args: argparse.Namespace) -> Pipeline:
    if args.model is None and args.revision is None:
        return load(None, args.device, args.dtype, args.source)
    pipe = load(resolve(args.model, args.source, args.revision), args.device, args.dtype)
    pipe.name = args.model
    return pipe


@contextlib.contextmanager
def _bar(label: str, quiet: bool) -> Iterator[_OnStep]:
    """A progress bar over the steps of one run, which is told their number by the first."""
    with contextlib.ExitStack() as stack:
        yield _OnStep(label, quiet, stack)


class _OnStep:
    """Moves the bar; opens it at the first step, when the number of steps is known."""

    def __init__(self, label: str, quiet: bool, stack: contextlib.ExitStack) -> None:
        self._label = label
        self._show = False if quiet else None
        self._stack = stack
        self._bar: Progress | None = None

    def __call__(self, step: StepInfo) -> None:
        if self._bar is None:
            self._bar = self._stack.enter_context(progress(step.total, self._label, show=self._show))
        self._bar.update(1)
