from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tiny_pictures import Brightness, BrightnessConfig, Fatal, FatalConfig, record

from hanmo.config import from_mapping
from hanmo.data.operator import (
    Measured,
    Threshold,
    Thresholds,
    check_thresholds,
    decide,
    failed,
    measured,
    operator_key,
)
from hanmo.errors import ConfigError


def outcomes(results: dict[str, Measured], thresholds: Thresholds) -> list[str]:
    return [verdict.outcome for verdict in decide(results, thresholds)]


@pytest.mark.parametrize(
    ("value", "low", "high", "outcome"),
    [(5.0, 5.0, None, "kept"), (5.0, None, 5.0, "kept"), (4.9, 5.0, None, "dropped"), (5.1, 1.0, 5.0, "dropped")],
)
def test_both_bounds_of_a_threshold_are_kept(value: float, low: float | None, high: float | None, outcome: str) -> None:
    thresholds = {"clarity": {"variance": Threshold(low, high)}}
    (verdict,) = decide({"clarity": Measured({"variance": value})}, thresholds)
    assert (verdict.outcome, verdict.operator, verdict.score) == (outcome, "clarity", "variance")
    assert (verdict.value, verdict.low, verdict.high) == (value, low, high)


def test_a_score_without_a_threshold_only_informs() -> None:
    assert outcomes({"clarity": Measured({"variance": 3.0})}, {}) == []


def test_a_failure_is_a_verdict_even_without_a_threshold() -> None:
    (verdict,) = decide({"fatal": Measured({}, {}, "no light")}, {})
    assert (verdict.operator, verdict.outcome, verdict.reason) == ("fatal", "failed", "no light")


@pytest.mark.parametrize(("low", "high"), [(2.0, 1.0), (float("nan"), None)])
def test_a_threshold_that_keeps_nothing_is_refused(low: float, high: float | None) -> None:
    with pytest.raises(ConfigError, match=r"low <= value <= high|must be finite"):
        Threshold(low, high)


def test_what_an_operator_raises_is_the_reason() -> None:
    here = record(1)
    assert measured(Fatal(FatalConfig(here.id, "raise")), here).failure == "ValueError: this one is too much"


def test_a_reason_is_the_same_in_every_run() -> None:
    first, second = (failed(f"cannot identify image file {object()!r}").failure for _ in range(2))
    assert first == second == "cannot identify image file <object object>"


def test_an_operator_may_say_itself_that_it_failed() -> None:
    here = record(1)
    assert measured(Fatal(FatalConfig(here.id, "say")), here).failure == "too dark to tell"


def test_a_score_that_is_not_finite_is_a_failure() -> None:
    here = record(1)
    assert "not finite" in measured(Fatal(FatalConfig(here.id, "nan")), here).failure


def test_scores_that_were_not_promised_are_a_failure(tmp_path: Path) -> None:
    operator = Brightness(BrightnessConfig(tmp_path / "calls"), scores=("median",))
    assert "KeyError" in measured(operator, record(1)).failure
    operator = replace(operator, scores=())
    assert "mean" in measured(operator, record(1)).failure


def test_the_key_names_version_and_config(tmp_path: Path) -> None:
    first = Brightness(BrightnessConfig(tmp_path / "calls"))
    same = Brightness(BrightnessConfig(tmp_path / "calls"))
    others = [replace(first, version=2), replace(first, config=replace(first.config, scale=2.0))]
    assert operator_key(first) == operator_key(same)
    assert len({operator_key(operator) for operator in [first, *others]}) == 3


def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="letters, digits and underscores"):
        operator_key(Brightness(BrightnessConfig(tmp_path), name="../up"))


def test_a_threshold_of_nothing_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    operators = [Brightness(BrightnessConfig(tmp_path))]
    check_thresholds(operators, {"brightness": {"mean": Threshold(1.0)}})
    with pytest.raises(ConfigError, match="did you mean 'brightness'"):
        check_thresholds(operators, {"brightnes": {"mean": Threshold(1.0)}})
    with pytest.raises(ConfigError, match="there are: mean"):
        check_thresholds(operators, {"brightness": {"variance": Threshold(1.0)}})


@dataclass(frozen=True)
class Recipe:
    thresholds: dict[str, dict[str, Threshold]]


def test_thresholds_stand_in_a_recipe() -> None:
    given = {"thresholds": {"brightness": {"mean": {"low": 20, "high": "none"}}}}
    assert from_mapping(given, Recipe).thresholds == {"brightness": {"mean": Threshold(20.0, None)}}
