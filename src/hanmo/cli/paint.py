"""Running the jobs of `generate`, `edit` and `img2img`: one model, progress bars, files that appear whole."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from hanmo.cli.answer import say
from hanmo.cli.jobs import Job, batches
from hanmo.engine.denoise import OnStep, StepInfo
from hanmo.errors import BlockedError
from hanmo.log import Progress, get_logger, progress
from hanmo.pipeline.chat import Chat
from hanmo.pipeline.local_chat import open_chat
from hanmo.pipeline.pipeline import Pipeline, load
from hanmo.pipeline.request import Request
from hanmo.pipeline.result import Result
from hanmo.pipeline.rewrite import RewriteConfig, Rewriting
from hanmo.safety.c2pa import Signing, sign, signing_from
from hanmo.safety.policy import Blocked, standard_policy
from hanmo.safety.provenance import encode
from hanmo.weights.files import atomic_file
from hanmo.weights.hub import resolve


def paint(args: argparse.Namespace, jobs: Sequence[Job]) -> None:
    """Paint every job, write each picture as soon as it is there, and name it on stdout.

    Raises:
        RequestError: what only the model can refuse, or a picture that cannot be written.
        BlockedError: after all is done, when the safety policy kept pictures back.
    """
    signing = signing_from()
    config = RewriteConfig.from_environment() if args.rewrite else None
    pipe = equipped(args)
    for name in dict.fromkeys(control.name for job in jobs for control in job.request.controls):
        pipe.load_controlnet(name, source=args.source)
    if config is not None:
        jobs = _rewritten(pipe, jobs, config, args.device)
    done, blocked = 0, []
    for group in batches(jobs, args.batch_size):
        request = Request.joined([job.request for job in group])
        began = time.perf_counter()
        label = f"{done + 1}/{len(jobs)}" if len(jobs) > 1 else group[0].request.task
        with step_bar(label, args.quiet) as on_step:
            result = pipe(request, on_step)
        seconds = (time.perf_counter() - began) / len(group)
        blocked += _write(group, result, signing, seconds)
        done += len(group)
    if blocked:
        listed = "; ".join(blocked[:3]) + ("; ..." if len(blocked) > 3 else "")
        raise BlockedError(f"the safety policy kept {len(blocked)} of {len(jobs)} pictures back: {listed}")


def save(image: Image.Image, path: Path, record: Mapping[str, Any], signing: Signing | None = None) -> None:
    """Write a picture in the format of its file's ending, its request inside, whole or not at all.

    Args:
        image: RGB.
        path: ending in .png, .jpg, .jpeg or .webp.
        record: of `Result.record`.
        signing: key of a C2PA manifest; None signs nothing.

    Raises:
        OutputError: the disk is full, or the folder is missing or not writable.
        RequestError: a key that cannot sign.
    """
    data = encode(image, path.suffix, record)
    if signing is not None:
        data = sign(data, path.suffix, record, signing)
    with atomic_file(path) as file:
        file.write(data)


def _write(group: Sequence[Job], result: Result, signing: Signing | None, seconds: float) -> list[str]:
    """Save the pictures of a batch and name them; what was blocked comes back, as its file and the reason."""
    blocked = []
    for index, (job, outcome) in enumerate(zip(group, result.outcomes, strict=True)):
        if isinstance(outcome, Blocked):
            blocked.append(f"{job.output} ({outcome.reason})")
            continue
        save(outcome, job.output, result.record(index), signing)
        width, height = outcome.size
        say(f"{job.output}\tseed {result.seeds[index]}\t{width}x{height}\t{seconds:.1f} s")
    return blocked


def _rewritten(pipe: Pipeline, jobs: Sequence[Job], config: RewriteConfig, device: str) -> list[Job]:
    """The jobs with their prompts made precise, each distinct prompt once."""
    chat = open_chat(config, device)
    found = {}
    for job in jobs:
        (prompt,) = job.request.prompts
        if prompt not in found:
            (found[prompt],) = _precise(pipe, job.request, chat, config.timeout).rewritings
    return [_with(job, found[job.request.prompts[0]]) for job in jobs]


def rewriting(pipe: Pipeline, device: str) -> Callable[[Request, OnStep | None], Result]:
    """A pipeline that makes prompts precise before it paints them.

    Raises:
        RequestError: no language model is configured, or a local one cannot be loaded.
    """
    config = RewriteConfig.from_environment()
    chat = open_chat(config, device)
    return lambda request, on_step: pipe(_precise(pipe, request, chat, config.timeout), on_step)


def _precise(pipe: Pipeline, request: Request, chat: Chat, timeout: float) -> Request:
    """The request with its prompts made precise, and a line that says so of each."""
    request = pipe.rewrite(request, chat, timeout)
    for each in request.rewritings:
        if each.kept is None:
            get_logger(__name__).info("rewritten: %s", each.prompt)
        else:
            get_logger(__name__).warning("the prompt %r stays as it was: %s", each.original[:40], each.kept)
    return request


def _with(job: Job, rewriting: Rewriting) -> Job:
    return replace(job, request=replace(job.request, prompts=(rewriting.prompt,), rewritings=(rewriting,)))


def equipped(args: argparse.Namespace) -> Pipeline:
    """The model that the options name, with the safety policy and the LoRAs that they ask for.

    Raises:
        RequestError: a safety policy that cannot be had.
        WeightsError: a model or a LoRA that is missing or damaged.
    """
    policy = standard_policy(args.safety, args.safety_list)
    pipe = open_pipeline(args)
    pipe.policy = policy
    for file, _ in args.lora:
        pipe.load_lora(file, source=args.source)
    return pipe


def open_pipeline(args: argparse.Namespace) -> Pipeline:
    """The model that the options name, computing with as many threads as they say."""
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.model is None and args.revision is None:
        return load(None, args.device, args.dtype, args.source)
    pipe = load(resolve(args.model, args.source, args.revision), args.device, args.dtype)
    pipe.name = args.model
    return pipe


@contextlib.contextmanager
def step_bar(label: str, quiet: bool) -> Iterator[_OnStep]:
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
