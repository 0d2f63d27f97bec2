"""What is asked of the pipeline, checked in full before any tensor exists; and what comes back.

A `Request` says nothing about a checkpoint: what is None is filled from the checkpoint's preferences by
`resolve`. The length of a prompt in tokens is checked in `conditions`, where the tokenizer is. Sizes are
(width, height) in pixels.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image

from hanmo.engine.denoise import Solver
from hanmo.errors import RequestError
from hanmo.pipeline.rewrite import Rewriting
from hanmo.safety.policy import Blocked, Verdict
from hanmo.weights.preferences import GRID, Preferences

Task = Literal["generate", "edit", "img2img"]
Picture = Image.Image | Path | str
Size = tuple[int, int]

DEFAULT_NEGATIVE = " "
DEFAULT_STRENGTH = 0.6
_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Request:
    """One run: one or more pictures of one task, size and schedule.

    Attributes:
        prompts: what to paint or to change, one per picture.
        task: generate (text to picture), edit (picture and instruction), img2img (a picture as the start).
        images: the source pictures of each prompt; none for `generate`.
        size: (width, height), multiples of 16; None: the checkpoint's, an edit's in its source's shape.
        steps: denoising steps, 1 or more; None takes the checkpoint's.
        cfg_scale: guidance scale; 1.0 turns guidance off; None takes the checkpoint's.
        negatives: what to move away from, one per picture; None means " ", or nothing with guidance off.
        seeds: one per picture.
        strength: img2img only: how much of the schedule is run, in (0, 1].
        solver: "euler" (one evaluation a step, as released) or "heun" (two).
        rewritings: what a language model made of each prompt, for the record; empty when none was asked.

    Raises:
        RequestError: at construction, in one line, for anything that no checkpoint could do.
    """

    prompts: tuple[str, ...]
    task: Task = "generate"
    images: tuple[tuple[Picture, ...], ...] = ()
    size: Size | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    negatives: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    strength: float | None = None
    solver: Solver = "euler"
    rewritings: tuple[Rewriting, ...] = ()

    def __post_init__(self) -> None:
        """Check everything that needs no checkpoint."""
        _check_words(self)
        _check_pictures(self)
        if self.size is not None:
            check_size(self.size)
        if self.steps is not None and self.steps < 1:
            raise RequestError(f"steps {self.steps} is not allowed: give 1 or more")
        if self.cfg_scale is not None and not 1 <= self.cfg_scale < math.inf:
            raise RequestError(f"cfg_scale {self.cfg_scale} is not allowed: give 1 (guidance off) or more")
        if self.cfg_scale == 1 and self.negatives is not None:
            raise RequestError("a negative prompt has no effect with cfg_scale 1: leave one of the two out")
        _check_strength(self)
        if self.solver not in get_args(Solver):
            raise RequestError(f"solver {self.solver!r} is not allowed: give {_either(get_args(Solver))}")

    def resolve(self, preferences: Preferences, size: Size) -> Request:
        """Fill what was left open, so that the request alone describes the run.

        Args:
            preferences: the checkpoint's.
            size: the output size, found from the preferences or the source picture.
        """
        scale = preferences.cfg_scale if self.cfg_scale is None else self.cfg_scale
        negatives = self.negatives
        if scale > 1 and negatives is None:
            negatives = (DEFAULT_NEGATIVE,) * len(self.prompts)
        strength = self.strength
        if self.task == "img2img" and strength is None:
            strength = DEFAULT_STRENGTH
        steps = preferences.steps if self.steps is None else self.steps
        return replace(self, size=size, steps=steps, cfg_scale=scale, negatives=negatives, strength=strength)

    def only(self, rows: Sequence[int]) -> Request:
        """Some pictures of this request, as a request of their own."""

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[row] for row in rows) if values else ()

        return replace(
            self,
            prompts=pick(self.prompts),
            images=pick(self.images),
            negatives=None if self.negatives is None else pick(self.negatives),
            seeds=pick(self.seeds),
            rewritings=pick(self.rewritings),
        )

    def words(self, index: int) -> tuple[str, ...]:
        """The prompt of a picture, and what it was rewritten from: what a safety policy reads."""
        original = (self.rewritings[index].original,) if self.rewritings else ()
        return (self.prompts[index], *original)

    def record(self, index: int = 0) -> dict[str, Any]:
        """What describes picture number `index`, ready for JSON; source pictures are counted, not kept."""
        values = {
            "task": self.task,
            "prompt": self.prompts[index],
            "negative": None if self.negatives is None else self.negatives[index],
            "seed": self.seeds[index],
            "size": None if self.size is None else list(self.size),
            "steps": self.steps,
            "cfg_scale": self.cfg_scale,
            "strength": self.strength,
            "solver": self.solver,
            "images": len(self.images[index]) if self.images else 0,
            "rewrite": self.rewritings[index].record() if self.rewritings else None,
        }
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True)
class Timings:
    """Wall-clock seconds of a run's three parts."""

    conditions: float
    denoise: float
    decode: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.conditions + self.denoise + self.decode

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return {**asdict(self), "total": self.total}


@dataclass(frozen=True)
class Result:
    """The pictures of a run.

    Attributes:
        images: in the order of the prompts; a picture that a safety policy blocked is absent (see `outcomes`).
        seeds: one per prompt; each paints its picture again, alone or in any batch.
        timings: seconds.
        safety: what a policy said of each picture, by its number; empty when the policy is off.
        request: the request with every default filled in.
    """

    images: list[Image.Image]
    seeds: tuple[int, ...]
    timings: Timings
    safety: Mapping[int, Verdict]
    request: Request

    @property
    def outcomes(self) -> list[Image.Image | Blocked]:
        """For each prompt its picture, or why there is none."""
        painted = iter(self.images)
        verdicts = [self.safety.get(index) for index in range(len(self.request.prompts))]
        return [each if isinstance(each, Blocked) else next(painted) for each in verdicts]


def make_request(
    task: Task,
    prompt: str | Sequence[str],
    images: Picture | Sequence[Picture] | None = None,
    *,
    size: Sequence[int] | None = None,
    steps: int | None = None,
    cfg_scale: float | None = None,
    negative: str | Sequence[str] | None = None,
    seed: int | Sequence[int] | None = None,
    num: int = 1,
    strength: float | None = None,
    solver: Solver = "euler",
) -> Request:
    """Build a request from what people type: single values or lists of them.

    Args:
        task: see `Request`.
        prompt: one, or a list; with a list of pictures, one prompt serves all.
        images: one picture (PIL or path), or a list: each is a source of its own; one serves all prompts.
        size: (width, height).
        steps: see `Request`.
        cfg_scale: see `Request`.
        negative: one for all, or one per prompt.
        seed: a number s means s, s + 1, ... over the pictures; a list has one per picture; None draws one
            from the operating system, and the result names it.
        num: pictures for each prompt.
        strength: see `Request`.
        solver: see `Request`.

    Raises:
        RequestError: lists whose lengths do not fit, or any fault that `Request` finds.
    """
    prompts = [prompt] if isinstance(prompt, str) else list(prompt)
    sources = _listed(images)
    if len(prompts) == 1 and len(sources) > 1:
        prompts = prompts * len(sources)
    if len(sources) == 1:
        sources = sources * len(prompts)
    if sources and len(sources) != len(prompts):
        raise RequestError(f"{len(sources)} pictures and {len(prompts)} prompts do not fit: give one for each, or one")
    if num < 1:
        raise RequestError(f"num {num} is not allowed: give 1 or more pictures per prompt")
    negatives = None
    if negative is not None:
        given = [negative] if isinstance(negative, str) else list(negative)
        if len(given) not in (1, len(prompts)):
            raise RequestError(
                f"{len(given)} negative prompts and {len(prompts)} prompts do not fit: give one for each, or one"
            )
        negatives = given * len(prompts) if len(given) == 1 else given
    return Request(
        prompts=tuple(_repeat(prompts, num)),
        task=task,
        images=tuple((source,) for source in _repeat(sources, num)),
        size=None if size is None else as_size(size),
        steps=steps,
        cfg_scale=None if cfg_scale is None else float(cfg_scale),
        negatives=None if negatives is None else tuple(_repeat(negatives, num)),
        seeds=_seeds(seed, len(prompts) * num),
        strength=None if strength is None else float(strength),
        solver=solver,
    )


def check_size(size: Size) -> None:
    """Check that both sides are positive multiples of 16.

    Raises:
        RequestError: with the nearest allowed size.
    """
    if any(side < GRID or side % GRID for side in size):
        nearest = "x".join(str(max(GRID, GRID * math.floor(side / GRID + 0.5))) for side in size)
        raise RequestError(
            f"size {size[0]}x{size[1]} is not allowed: width and height must be multiples of {GRID}; "
            f"the nearest is {nearest}"
        )


def as_size(size: Sequence[object]) -> Size:
    """(width, height) from any sequence of two whole numbers.

    Raises:
        RequestError: it is something else.
    """
    match tuple(size):
        case (int(width), int(height)) if not isinstance(width, bool) and not isinstance(height, bool):
            return width, height
    raise RequestError(f"size {size!r} is not allowed: give (width, height) in whole pixels")


def steps_skipped(steps: int, strength: float) -> int:
    """How many of the first steps an image-to-image run leaves out: strength 1 leaves out none."""
    return int(max(steps - min(steps * strength, steps), 0))


def _check_words(request: Request) -> None:
    if not request.prompts:
        raise RequestError("no prompt was given: give at least one")
    for number, prompt in enumerate(request.prompts):
        if not prompt.strip():
            raise RequestError(f"prompt {number + 1} is empty: write what to paint")
    lists = {"negative prompts": request.negatives, "seeds": request.seeds, "rewritings": request.rewritings or None}
    for name, values in lists.items():
        if values is not None and len(values) != len(request.prompts):
            raise RequestError(
                f"{len(values)} {name} and {len(request.prompts)} pictures do not fit: give one for each"
            )
    for seed in request.seeds:
        if not 0 <= seed <= _LARGEST_SEED:
            raise RequestError(f"seed {seed} is not allowed: give a whole number from 0 to {_LARGEST_SEED}")


def _check_pictures(request: Request) -> None:
    if request.task not in get_args(Task):
        raise RequestError(f"task {request.task!r} is not allowed: give {_either(get_args(Task))}")
    if request.task == "generate":
        if request.images:
            raise RequestError("generate takes no picture: use edit or img2img")
        return
    if len(request.images) != len(request.prompts):
        raise RequestError(
            f"{request.task} of {len(request.prompts)} prompts with pictures for {len(request.images)}: "
            "give one picture for each, or one for all"
        )
    for pictures in request.images:
        if len(pictures) != 1:
            raise RequestError(f"{len(pictures)} pictures for one {request.task}: give exactly one")


def _check_strength(request: Request) -> None:
    if request.strength is None:
        return
    if request.task != "img2img":
        raise RequestError(f"strength has no effect on {request.task}: leave it out, or use img2img")
    if not 0 < request.strength <= 1:
        raise RequestError(
            f"strength {request.strength} is not allowed: give more than 0 (the picture itself) and at most 1"
        )
    if request.steps is not None and steps_skipped(request.steps, request.strength) >= request.steps:
        raise RequestError(f"strength {request.strength} leaves none of {request.steps} steps: give more of either")


def _listed(images: Picture | Sequence[Picture] | None) -> list[Picture]:
    if images is None:
        return []
    return [images] if isinstance(images, Image.Image | Path | str) else list(images)


def _repeat(values: Sequence[Any], num: int) -> list[Any]:
    return [value for value in values for _ in range(num)]


def _seeds(seed: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    if seed is None:
        seed = secrets.randbelow(2**32)
    if isinstance(seed, int):
        return tuple(seed + index for index in range(count))
    seeds = tuple(seed)
    if len(seeds) != count:
        raise RequestError(f"{len(seeds)} seeds for {count} pictures: give one for each, or a single number")
    return seeds


def _either(options: Sequence[str]) -> str:
    return ", ".join(options[:-1]) + " or " + options[-1]
