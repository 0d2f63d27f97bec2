"""How a run stands, from what it has written: `hanmo train status RUN`.

Only files are read, so a run can be watched while it trains, and from another machine. It does not know what is
trained.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hanmo.errors import RequestError
from hanmo.train.files import RunFolder
from hanmo.train.meter import duration
from hanmo.train.presence import presence
from hanmo.train.snapshots import newest_snapshot

State = Literal["running", "elsewhere", "finished", "stopped", "new"]
_WORDS: Mapping[State, str] = {
    "running": "running",
    "elsewhere": "running on another machine, by its sign; this one cannot see the process",
    "finished": "finished",
    "stopped": "stopped before its end; go on with --resume",
    "new": "nothing done yet",
}


@dataclass(frozen=True)
class Status:
    """A run now.

    Attributes:
        name: of the folder.
        state: whether it is alive.
        step: the last that was told.
        steps: in all; None where the recipe does not say.
        loss: the last mean; None before the first.
        images_per_second: the last speed.
        seconds_left: at this speed; None where it does not run.
        stage: of the curriculum, where there is one.
        told: seconds since the last line of metrics.
        snapshot: step of the newest snapshot.
        snapshot_age: its age, seconds.
    """

    name: str
    state: State
    step: int
    steps: int | None
    loss: float | None
    images_per_second: float | None
    seconds_left: float | None
    stage: str | None
    told: float | None
    snapshot: int | None
    snapshot_age: float | None

    def text(self) -> str:
        """For people, a line each."""
        lost = self.state == "stopped" and self.snapshot is None
        said = "stopped before its first snapshot; the same command begins anew" if lost else _WORDS[self.state]
        rows: list[tuple[str, str]] = [("state", said)]
        rows.append(("step", f"{self.step:,}" + (f" of {self.steps:,}" if self.steps else "")))
        if self.stage is not None:
            rows.append(("stage", self.stage))
        if self.loss is not None:
            rows.append(("loss", f"{self.loss:.4g}"))
        if self.images_per_second is not None:
            rows.append(("images/s", f"{self.images_per_second:.4g}"))
        if self.seconds_left is not None:
            rows.append(("left", duration(self.seconds_left)))
        if self.told is not None:
            rows.append(("last told", f"{duration(self.told)} ago"))
        if self.snapshot is None or self.snapshot_age is None:
            rows.append(("snapshot", "none yet"))
        else:
            rows.append(("snapshot", f"step {self.snapshot:,}, {duration(self.snapshot_age)} ago"))
        return "\n".join([self.name, *(f"  {name:<10}{value}" for name, value in rows)])


def status(folder: Path, now: float | None = None) -> Status:
    """Look at a run.

    Args:
        folder: of the run, such as runs/NAME.
        now: seconds since the epoch; None asks the clock.

    Raises:
        RequestError: the folder holds no run.
    """
    run, clock = RunFolder(folder), time.time() if now is None else now
    recipe = read_recipe(run)
    lines = read_metrics(run)
    last = next((line for line in reversed(lines) if "loss" in line), None)
    step = int(lines[-1]["step"]) if lines else 0
    steps = recipe.get("run", {}).get("steps")
    found = newest_snapshot(run.snapshots)
    state = _state(folder, step, steps, bool(lines))
    return Status(
        name=folder.resolve().name,
        state=state,
        step=step,
        steps=steps,
        loss=None if last is None else last["loss"],
        images_per_second=None if last is None else last.get("images_per_second"),
        seconds_left=_left(last, clock) if last is not None and state in ("running", "elsewhere") else None,
        stage=_stage(recipe, lines),
        told=clock - lines[-1]["time"] if lines else None,
        snapshot=None if found is None else found[0],
        snapshot_age=None if found is None else clock - found[1].stat().st_mtime,
    )


def read_recipe(run: RunFolder) -> dict[str, Any]:
    """The resolved recipe as tables.

    Raises:
        RequestError: the folder holds no run.
    """
    try:
        with run.recipe.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise RequestError(
            f"{run.path} holds no run ({run.recipe.name}: {error.strerror}): give a run's folder, such as runs/NAME"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{run.recipe} is damaged: {error}; start the run again with its recipe") from error


def read_metrics(run: RunFolder) -> list[dict[str, float]]:
    """Lines of metrics.jsonl in their order; one that is being written is left out."""
    path = run.path / "metrics.jsonl"
    lines: list[dict[str, float]] = []
    if not path.exists():
        return lines
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(told, dict) and "step" in told and "time" in told:
            lines.append({key: float(value) for key, value in told.items() if isinstance(value, int | float)})
    return lines


def _state(folder: Path, step: int, steps: int | None, begun: bool) -> State:
    seen = presence(folder)
    if seen != "gone":
        return seen
    if steps is not None and step >= steps:
        return "finished"
    return "stopped" if begun else "new"


def _left(last: Mapping[str, float], now: float) -> float | None:
    if "seconds_left" not in last:
        return None
    return max(last["seconds_left"] - (now - last["time"]), 0.0)


def _stage(recipe: Mapping[str, Any], lines: Sequence[Mapping[str, float]]) -> str | None:
    """The last stage of the recipe's curriculum that was told to have begun; None where there is only one."""
    stages = recipe.get("curriculum", {}).get("stages", [])
    begun = [int(line["stage"]) for line in lines if "stage" in line]
    return str(stages[begun[-1]]["name"]) if begun and begun[-1] < len(stages) else None
