"""The progressive curriculum as data (report section 4.1.3).

Five axes: resolution 256p -> 640p -> 1328p, non-text -> text, massive -> refined, unbalanced -> balanced, real ->
synthetic. A recipe lists stages; each says which samples it takes, how often (`selection`), and until when: for a
number of steps, until the validation loss has stopped falling, or whichever comes first. Stages follow each other
in order, each takes at least one step, and none comes back. The report names the axes and no numbers.

A plateau: means over the last `window` measurements of the stage; `patience` of them in a row that are not below the
best one by the share `improvement`. As batches are made ahead of their step, the next stage begins `NOTICE` steps
after it was found. All of this is a function of the recipe and of what was measured (`Progress`), which is the only
state. It does not know the contents of samples, or losses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hanmo.errors import ConfigError, TrainingError
from hanmo.train.samples import Entry
from hanmo.train.selection import Only, Weights, table

NOTICE = 4
"""Steps between a plateau and the next stage; above `loop.AHEAD`, as batches of these steps are made already."""


@dataclass(frozen=True)
class Plateau:
    """When a validation loss has stopped falling.

    Attributes:
        window: measurements whose mean is looked at.
        improvement: least fall that counts, as a share of the best mean.
        patience: means in a row without one.
    """

    window: int = 3
    improvement: float = 0.005
    patience: int = 3

    def fault(self) -> str | None:
        """What is wrong, beginning with the key."""
        for key in ("window", "patience"):
            if getattr(self, key) < 1:
                return f"{key} is {getattr(self, key)}; it must be at least 1"
        if not 0.0 <= self.improvement < 1.0:
            return f"improvement is {self.improvement}; it must lie between 0 and 1 (not included)"
        return None


@dataclass(frozen=True)
class Until:
    """The end of a stage: after so many steps of its own (0: no limit), or at a plateau; neither in the last."""

    steps: int = 0
    plateau: Plateau | None = None


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: what the run's records call it.
        only: which samples.
        weights: how often.
        until: its end.
        batch: pictures of one batch in this stage, as larger ones need more memory; 0 is `run.batch`.
    """

    name: str
    only: Only = field(default_factory=Only)
    weights: Weights = field(default_factory=Weights)
    until: Until = field(default_factory=Until)
    batch: int = 0


@dataclass(frozen=True)
class CurriculumConfig:
    """The stages in their order; by default one that takes everything."""

    stages: tuple[Stage, ...] = (Stage("all"),)

    def __post_init__(self) -> None:
        """Check every stage.

        Raises:
            ConfigError: no stages, a name that is empty or given twice, a value out of range, or a stage that
                never ends before another; the message names the key.
        """
        if not self.stages:
            raise ConfigError("curriculum.stages is empty; give at least one stage, or leave the table out")
        names = [stage.name for stage in self.stages]
        for place, (stage, name) in enumerate(zip(self.stages, names, strict=True)):
            key = f"curriculum.stages.{name}"
            if not name or name in names[:place]:
                raise ConfigError(f"curriculum.stages has the name {name!r} empty or twice; give each stage its own")
            for part, fault in _faults(stage).items():
                if fault is not None:
                    raise ConfigError(f"{key}.{part}.{fault}")
            ends = stage.until.steps > 0 or stage.until.plateau is not None
            if stage.batch < 0:
                raise ConfigError(f"{key}.batch is {stage.batch}; it must be at least 0 (run.batch)")
            if stage.until.steps < 0:
                raise ConfigError(f"{key}.until.steps is {stage.until.steps}; it must be at least 0 (no limit)")
            if place < len(names) - 1 and not ends:
                after = names[place + 1]
                raise ConfigError(f"{key}.until is missing, so {after!r} never begins; give steps or plateau")
            if place == len(names) - 1 and ends:
                raise ConfigError(f"{key}.until is given, but no stage follows; run.steps ends the last one")


def drawn(config: CurriculumConfig, entries: Sequence[Entry]) -> Iterator[Entry]:
    """The entries that any stage may draw."""
    tables = (table(entries, stage.only, stage.weights) for stage in config.stages)
    ids = {key for found in tables if found for cells in found.cells for cell in cells for key in cell.ids}
    return (entry for entry in entries if entry.id in ids)


@dataclass(frozen=True)
class Progress:
    """What was measured in a run, and what followed.

    Attributes:
        losses: (steps done, validation loss) of the stage in force, and of no other.
        plateaus: (stage, first step of the next one), of each stage that ended so.
    """

    losses: tuple[tuple[int, float], ...] = ()
    plateaus: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Event:
    """A stage began: its first step, and why: "start", "steps" or "plateau"."""

    step: int
    stage: int
    name: str
    why: Literal["start", "steps", "plateau"]


def events(config: CurriculumConfig, progress: Progress) -> tuple[Event, ...]:
    """Every stage whose beginning is known, in order; those to come by number of steps are among them."""
    found = [Event(0, 0, config.stages[0].name, "start")]
    ended = dict(progress.plateaus)
    for place, stage in enumerate(config.stages[:-1]):
        begun = found[-1].step
        limit = begun + stage.until.steps if stage.until.steps else math.inf
        plateau = ended.get(place, math.inf)
        first = min(limit, plateau)
        if first == math.inf:
            break
        why: Literal["steps", "plateau"] = "plateau" if plateau < limit else "steps"
        found.append(Event(int(first), place + 1, config.stages[place + 1].name, why))
    return tuple(found)


def stage_at(config: CurriculumConfig, progress: Progress, step: int) -> int:
    """The stage that step number `step` (from 0) belongs to."""
    return max(event.stage for event in events(config, progress) if event.step <= step)


def measured(config: CurriculumConfig, progress: Progress, step: int, loss: float) -> Progress:
    """Take note of a validation loss.

    Args:
        config: the curriculum.
        progress: what was known before.
        step: steps done, more than at the measurement before.
        loss: measured with the weights of then.

    Raises:
        TrainingError: the loss is not finite.
    """
    if not math.isfinite(loss):
        raise TrainingError(f"the validation loss is {loss} after {step} steps: resume from an earlier snapshot")
    place = stage_at(config, progress, max(step - 1, 0))
    begun = events(config, progress)[place].step
    losses = (*((at, value) for at, value in progress.losses if begun < at < step), (step, loss))
    rule = config.stages[place].until.plateau
    known = dict(progress.plateaus)
    if rule is None or place in known or not plateaued([value for _, value in losses], rule):
        return Progress(losses, progress.plateaus)
    return Progress(losses, (*progress.plateaus, (place, step + NOTICE)))


def plateaued(losses: Sequence[float], rule: Plateau) -> bool:
    """Whether the last of these measurements completes a plateau, or an earlier one did."""
    best, stale = math.inf, 0
    for end in range(rule.window, len(losses) + 1):
        mean = math.fsum(losses[end - rule.window : end]) / rule.window
        if best == math.inf or mean < best - rule.improvement * abs(best):
            best, stale = mean, 0
        else:
            stale += 1
        if stale >= rule.patience:
            return True
    return False


class Curriculum:
    """A curriculum and what a run has measured so far; its state goes into snapshots."""

    def __init__(self, config: CurriculumConfig) -> None:
        self.config = config
        self.progress = Progress()  # replaced as a whole, so the thread that makes batches never sees half of it

    def stage(self, step: int) -> int:
        """See `stage_at`."""
        return stage_at(self.config, self.progress, step)

    def measured(self, step: int, loss: float) -> Event | None:
        """See the function `measured`; the beginning of the next stage when this was a plateau.

        In a run of several processes all must be told the same.
        """
        before = self.progress
        self.progress = measured(self.config, before, step, loss)
        if self.progress.plateaus == before.plateaus:
            return None
        place = self.progress.plateaus[-1][0]
        return events(self.config, self.progress)[place + 1]

    def entered(self, step: int) -> Event | None:
        """The event of the stage that begins with step number `step`, for the run's records."""
        return next((event for event in events(self.config, self.progress) if event.step == step), None)

    def state_dict(self) -> dict[str, Any]:
        """What was measured, as plain lists, with the stages' names."""
        return {
            "stages": [stage.name for stage in self.config.stages],
            "losses": [list(pair) for pair in self.progress.losses],
            "plateaus": [list(pair) for pair in self.progress.plateaus],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take a state back.

        Raises:
            TrainingError: it is of other stages.
        """
        names = [stage.name for stage in self.config.stages]
        reached = max((int(place) + 2 for place, _ in state["plateaus"]), default=0)
        if state["stages"][:reached] != names[:reached]:
            raise TrainingError(
                f"the snapshot's stages are {state['stages']}, the recipe's curriculum.stages {names}: those that have "
                "begun must stay as they were"
            )
        losses = tuple((int(step), float(loss)) for step, loss in state["losses"])
        self.progress = Progress(losses, tuple((int(place), int(step)) for place, step in state["plateaus"]))


def _faults(stage: Stage) -> dict[str, str | None]:
    plateau = stage.until.plateau
    return {
        "only": stage.only.fault(),
        "weights": stage.weights.fault(),
        "until.plateau": None if plateau is None else plateau.fault(),
    }
