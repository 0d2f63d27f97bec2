from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.config import dump_recipe, from_mapping, load_recipe
from hanmo.errors import ConfigError, TrainingError
from hanmo.train import loop
from hanmo.train.curriculum import (
    NOTICE,
    Curriculum,
    CurriculumConfig,
    Event,
    Plateau,
    Progress,
    Stage,
    Until,
    events,
    measured,
    plateaued,
    stage_at,
)
from hanmo.train.selection import Only, Weights

RULE = Plateau(window=2, improvement=0.1, patience=2)
REPORT = CurriculumConfig(
    (
        Stage("256p", Only(resolutions=(256,), without=("text",)), until=Until(steps=100)),
        Stage("text", Only(resolutions=(256,)), Weights(tags={"text": 2.0}), Until(plateau=RULE)),
        Stage("640p", Only(resolutions=(640,), tags=("refined",)), Weights(balance=0.5), Until(50, RULE)),
        Stage("1328p", Only(resolutions=(640, 1328)), Weights(sources={"synthetic": 3.0}, balance=1.0)),
    )
)


def test_stages_follow_each_other_by_step_and_by_plateau() -> None:
    curriculum = Curriculum(REPORT)
    assert events(REPORT, curriculum.progress) == (Event(0, 0, "256p", "start"), Event(100, 1, "text", "steps"))
    assert [curriculum.stage(step) for step in (0, 99, 100, 10_000)] == [0, 0, 1, 1]
    assert curriculum.measured(90, 5.0) is None
    for step, loss in zip(range(110, 150, 10), (4.0, 2.0, 2.0, 2.0), strict=True):
        assert curriculum.measured(step, loss) is None
    found = curriculum.measured(150, 2.0)  # means 3, 2, 2, 2: two in a row without a fall
    assert found == Event(150 + NOTICE, 2, "640p", "plateau")
    assert curriculum.entered(150 + NOTICE) == found
    assert curriculum.entered(150) is None
    assert [event.step for event in events(REPORT, curriculum.progress)] == [0, 100, 154, 204]
    assert curriculum.stage(204) == 3


def test_a_stage_begins_after_the_batches_that_are_made_already() -> None:
    """After step s is done, batches of step s + AHEAD - 1 are made, and the next one may be under way."""
    assert loop.AHEAD + 1 <= NOTICE


def test_losses_of_an_earlier_stage_do_not_count() -> None:
    curriculum = Curriculum(REPORT)
    for step in range(10, 101, 10):
        curriculum.measured(step, 1.0)
    assert curriculum.measured(110, 1.0) is None
    assert curriculum.progress.losses == ((110, 1.0),)


def test_a_limit_ends_a_stage_whose_loss_still_falls() -> None:
    config = CurriculumConfig((Stage("a", until=Until(20, RULE)), Stage("b")))
    curriculum = Curriculum(config)
    for step in range(1, 18):
        curriculum.measured(step, 0.5**step)
    assert curriculum.entered(20) == Event(20, 1, "b", "steps")


def test_a_plateau_found_too_late_does_not_delay_the_limit() -> None:
    curriculum = Curriculum(CurriculumConfig((Stage("a", until=Until(10, RULE)), Stage("b"))))
    for step in (6, 7, 8, 9):
        curriculum.measured(step, 1.0)
    assert curriculum.entered(10) == Event(10, 1, "b", "steps")


def _slow(losses: list[float], rule: Plateau) -> bool:
    """The definition, word for word."""
    means = [math.fsum(losses[i : i + rule.window]) / rule.window for i in range(len(losses) - rule.window + 1)]
    stale, best = [], None
    for mean in means:
        falls = best is None or mean < best - rule.improvement * abs(best)
        best = mean if falls else best
        stale.append(not falls)
    return any(all(stale[i : i + rule.patience]) for i in range(len(stale) - rule.patience + 1))


LOSSES = st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.5, 1.0, 2.0]), max_size=25)
RULES = st.builds(Plateau, st.integers(1, 4), st.sampled_from([0.0, 0.01, 0.3]), st.integers(1, 4))


@given(LOSSES, RULES)
@settings(max_examples=150, deadline=None)
def test_a_plateau_is_found_exactly_where_it_is_defined(losses: list[float], rule: Plateau) -> None:
    assert plateaued(losses, rule) == _slow(losses, rule)


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0.1, 10.0))
@settings(max_examples=50, deadline=None)
def test_a_flat_loss_is_a_plateau_after_window_and_patience(window: int, patience: int, level: float) -> None:
    rule = Plateau(window, 0.01, patience)
    assert not plateaued([level] * (window + patience - 1), rule)
    assert plateaued([level] * (window + patience), rule)


@given(st.lists(st.floats(0.5, 0.98), min_size=1, max_size=30), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_a_loss_that_keeps_falling_is_no_plateau(factors: list[float], window: int, patience: int) -> None:
    losses = [math.prod(factors[:count], start=1.0) for count in range(len(factors) + 1)]
    assert not plateaued(losses, Plateau(window, 0.01, patience))


UNTIL = st.one_of(
    st.builds(Until, st.integers(1, 12)),
    st.builds(
        Until, st.sampled_from([0, 7, 30]), st.builds(Plateau, st.integers(1, 2), st.just(0.0), st.integers(1, 2))
    ),
)


@given(
    st.lists(UNTIL, max_size=4), st.lists(st.tuples(st.integers(1, 6), st.sampled_from([1.0, 2.0, 3.0])), max_size=30)
)
@settings(max_examples=150, deadline=None)
def test_no_stage_is_skipped_repeated_or_changed_afterwards(
    ends: list[Until], measurements: list[tuple[int, float]]
) -> None:
    stages = [Stage(f"s{place}", until=until) for place, until in enumerate(ends)]
    config = CurriculumConfig((*stages, Stage("last")))
    progress, step, drawn = Progress(), 0, []
    for gap, loss in measurements:
        # What the loop's second thread has drawn by now must never become another stage's.
        drawn += [stage_at(config, progress, at) for at in range(len(drawn), step + gap + loop.AHEAD + 1)]
        step += gap
        progress = measured(config, progress, step, loss)
    assert drawn == [stage_at(config, progress, at) for at in range(len(drawn))]
    told = events(config, progress)
    assert [event.stage for event in told] == list(range(len(told)))
    assert all(one.step < other.step for one, other in itertools.pairwise(told))
    visited = [stage_at(config, progress, at) for at in range(told[-1].step + 1)]
    assert sorted(set(visited)) == list(range(len(told)))
    assert visited == sorted(visited)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), max_size=30), st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_a_resumed_run_goes_through_the_same_stages(losses: list[float], cut: int) -> None:
    whole, first, second = (Curriculum(REPORT) for _ in range(3))
    for place, loss in enumerate(losses):
        whole.measured(20 * (place + 1), loss)
    for place, loss in enumerate(losses[:cut]):
        first.measured(20 * (place + 1), loss)
    second.load_state_dict(first.state_dict())
    for place, loss in list(enumerate(losses))[cut:]:
        second.measured(20 * (place + 1), loss)
    assert second.progress == whole.progress


def test_a_state_of_other_stages_is_refused() -> None:
    curriculum = Curriculum(CurriculumConfig((Stage("a", until=Until(plateau=Plateau(1, 0.0, 1))), Stage("b"))))
    curriculum.measured(1, 1.0)
    curriculum.measured(2, 1.0)
    other = Curriculum(CurriculumConfig((Stage("z", until=Until(plateau=RULE)), Stage("b"))))
    with pytest.raises(TrainingError, match=r"curriculum\.stages.*must stay"):
        other.load_state_dict(curriculum.state_dict())


def test_a_loss_that_is_no_number_is_no_measurement() -> None:
    with pytest.raises(TrainingError, match="validation loss is nan after 5 steps"):
        measured(REPORT, Progress(), 5, math.nan)


def test_a_curriculum_is_data_in_a_recipe(tmp_path: Path) -> None:
    text = """
    [[stages]]
    name = "256p"
    only = { resolutions = [256], without = ["text"] }
    until = { steps = 100 }
    [[stages]]
    name = "text"
    only.sizes = [[128, 64]]
    weights = { tasks = { t2i = 0.7, ti2i = 0.3 }, balance = 0.5 }
    """
    path = tmp_path / "curriculum.toml"
    path.write_text(text)
    config = load_recipe(path, CurriculumConfig, ["stages.256p.until.steps=7"])
    assert config.stages[0].until == Until(7)
    assert config.stages[1].only.sizes == ((128, 64),)
    assert config.stages[1].weights.tasks == {"t2i": 0.7, "ti2i": 0.3}
    path.write_text(dump_recipe(REPORT))
    assert load_recipe(path, CurriculumConfig) == REPORT


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], r"curriculum\.stages is empty"),
        ([{"name": "a"}, {"name": "b"}], r"curriculum\.stages\.a\.until is missing, so 'b' never begins"),
        ([{"name": "a", "until": {"steps": 5}}], r"curriculum\.stages\.a\.until is given, but no stage follows"),
        ([{"name": "a", "until": {"steps": -1}}], r"curriculum\.stages\.a\.until\.steps is -1"),
        ([{"name": "a", "until": {"steps": 5}}, {"name": "a"}], "the name 'a' empty or twice"),
        ([{"name": "a", "batch": -1}], r"curriculum\.stages\.a\.batch is -1"),
        ([{"name": "a", "only": {"resolutions": [300]}}], r"a\.only\.resolutions names 300; there are 256, 640, 1328"),
        ([{"name": "a", "only": {"sizes": [[100, 64]]}}], r"a\.only\.sizes names 100x64"),
        ([{"name": "a", "only": {"tasks": ["t21"]}}], r"a\.only\.tasks names 't21'; did you mean 't2i'"),
        ([{"name": "a", "only": {"tags": ["text"], "without": ["text"]}}], r"a\.only\.without names 'text'"),
        ([{"name": "a", "weights": {"tasks": {"t2i": -1.0}}}], r"a\.weights\.tasks\.t2i is -1\.0"),
        ([{"name": "a", "weights": {"tasks": {"t2i": 0.0}}}], r"a\.weights\.tasks are all 0"),
        ([{"name": "a", "weights": {"balance": 2.0}}], r"a\.weights\.balance is 2\.0"),
        ([{"name": "a", "until": {"plateau": {"window": 0}}}, {"name": "b"}], r"a\.until\.plateau\.window is 0"),
    ],
)
def test_a_wrong_stage_is_refused_by_its_key(stages: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping({"stages": stages}, CurriculumConfig)
