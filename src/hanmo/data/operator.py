"""The contract of every filter: score -> threshold -> verdict (report section 3.2; all seven stages).

An operator gives named numbers for a record and knows no threshold. The thresholds stand beside it in the recipe,
and `decide` is a pure function of numbers that were stored and thresholds: another threshold costs a comparison,
never a second look at the picture. Where an operator raises, that is a verdict too ("failed"), and the run goes on.

The report names its filters but gives no thresholds, so there are no defaults here. This module does not know where
results are stored (`scores`) nor who calls (`run`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hanmo.config import nearest
from hanmo.data.record import Json, Outcome, Record, Verdict, canonical_json
from hanmo.errors import ConfigError

_REASON = 300
"""Longest reason that is kept, in characters: an exception may quote a whole file."""


@dataclass(frozen=True)
class Threshold:
    """Which values of a score are kept: low <= value <= high.

    Raises:
        ConfigError: a bound that is not finite (None is open), or low above high.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """See the class."""
        for bound in (self.low, self.high):
            if bound is not None and not math.isfinite(bound):
                raise ConfigError(f"a threshold's bound is {bound}; it must be finite, or none for an open one")
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if low > high:
            raise ConfigError(f"a threshold keeps low <= value <= high; got low = {self.low}, high = {self.high}")

    def holds(self, value: float) -> bool:
        """Whether a value is kept; both bounds are."""
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


Thresholds = Mapping[str, Mapping[str, Threshold]]
"""Operator -> score -> threshold, as a recipe's [thresholds.clarity.variance]. A score without one only informs."""


@dataclass(frozen=True)
class Measured:
    """What an operator found.

    Args:
        scores: a finite number for each of the operator's `scores`.
        metadata: what else it found, as JSON; a record keeps it under the operator's name.
        failure: why there are no scores; "" where there are.
    """

    scores: Mapping[str, float]
    metadata: Mapping[str, Json] = field(default_factory=dict)
    failure: str = ""


@runtime_checkable
class Operator(Protocol):
    """A measurement on one record. It is sent to worker processes, so it must pickle; load models on first use.

    It sees the record as it came into the stage, never what its neighbours of the same stage found, so that each
    operator's results can be kept or computed anew alone. It must not look at verdicts: its results are kept while
    the rest of the record stays the same, so that other thresholds of earlier stages measure nothing.
    """

    @property
    def name(self) -> str:
        """What verdicts and recipes call it: a word of letters, digits and underscores."""

    @property
    def version(self) -> int:
        """Counted up whenever the same picture and config would give other numbers."""

    @property
    def scores(self) -> tuple[str, ...]:
        """The names of its scores."""

    @property
    def config(self) -> Any:
        """A frozen dataclass with all that its numbers depend on."""

    def measure(self, record: Record) -> Measured:
        """Score one record. Whatever it raises becomes the verdict "failed"."""


def operator_key(operator: Operator) -> str:
    """16 hexadecimal digits that name an operator's results: a hash of its name, version, scores and config.

    Raises:
        ConfigError: the config is no dataclass of plain values, or a name could not be a file's.
    """
    for name in (operator.name, *operator.scores):
        if not (name.isascii() and name.isidentifier()):
            raise ConfigError(f"{name!r} cannot name an operator or a score: use letters, digits and underscores")
    config = operator.config
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise ConfigError(f"the config of {operator.name} is a {type(config).__name__}; it must be a frozen dataclass")
    return digest([operator.name, operator.version, list(operator.scores), type(config).__name__, plain(config)])


def digest(value: Json) -> str:
    """16 hexadecimal digits of any JSON."""
    return hashlib.blake2b(canonical_json(value).encode(), digest_size=8).hexdigest()


def plain(value: Any) -> Json:
    """A configuration as JSON, by which it can be compared.

    Raises:
        ConfigError: it holds more than plain values, paths, and dataclasses of these.
    """
    match value:
        case Path():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
        case float() if not math.isfinite(value):
            return repr(value)  # JSON has no word for it
        case None | bool() | int() | float() | str():
            return value
    raise ConfigError(f"a configuration holds a {type(value).__name__}; allowed are plain values and dataclasses")


def measured(operator: Operator, record: Record) -> Measured:
    """Ask an operator; whatever it raises, or gives that is not what it promised, becomes a failure."""
    try:
        found = operator.measure(record)
        if found.failure:
            return failed(found.failure)
        scores = {name: float(found.scores[name]) for name in operator.scores}
        canonical_json(dict(found.metadata))
    except Exception as error:
        return failed(f"{type(error).__name__}: {str(error) or 'it gave no reason'}")
    if len(found.scores) > len(scores):
        extra = ", ".join(sorted(set(found.scores) - set(scores)))
        return failed(f"it gave scores that it does not name: {extra}")
    wild = [f"{name} = {value}" for name, value in scores.items() if not math.isfinite(value)]
    if wild:
        return failed(f"it gave a score that is not finite: {', '.join(wild)}")
    return Measured(scores, dict(found.metadata))


def failed(reason: str) -> Measured:
    """No scores, and why. Addresses in memory, which exceptions like to quote, would differ from run to run."""
    steady = re.sub(r" at 0x[0-9a-fA-F]+", "", reason)[:_REASON]
    return Measured({}, {}, steady.encode("utf-8", "replace").decode() or "it gave no reason")


def decide(results: Mapping[str, Measured], thresholds: Thresholds) -> tuple[Verdict, ...]:
    """The verdicts on one record, in the order of `results`: one for each threshold, and one for each failure.

    Args:
        results: what each operator found, as it was stored.
        thresholds: of these operators and their scores; `check_thresholds` sees to that.
    """
    verdicts: list[Verdict] = []
    for name, found in results.items():
        if found.failure:
            verdicts.append(Verdict(name, "failed", reason=found.failure))
            continue
        for score, threshold in thresholds.get(name, {}).items():
            value = found.scores[score]
            outcome: Outcome = "kept" if threshold.holds(value) else "dropped"
            verdicts.append(Verdict(name, outcome, score, value, threshold.low, threshold.high))
    return tuple(verdicts)


def check_thresholds(operators: Sequence[Operator], thresholds: Thresholds) -> None:
    """See before any work that each threshold belongs to a score.

    Raises:
        ConfigError: two operators of one name, or a threshold of an operator or a score that there is not.
    """
    known = {operator.name: operator.scores for operator in operators}
    if len(known) < len(operators):
        raise ConfigError(f"two operators have one name: {', '.join(sorted(o.name for o in operators))}")
    for name, scores in thresholds.items():
        if name not in known:
            raise _unknown(f"thresholds.{name}", name, tuple(known))
        for score in scores:
            if score not in known[name]:
                raise _unknown(f"thresholds.{name}.{score}", score, known[name])


def _unknown(where: str, name: str, known: tuple[str, ...]) -> ConfigError:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"there are: {', '.join(known) or 'none'}"
    return ConfigError(f"{where} belongs to nothing in this run; {hint}")
