from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from toy_samples import sample

from hanmo.data.buckets import buckets
from hanmo.errors import ConfigError, RequestError, TrainingError
from hanmo.producer.sample import Sample, Task
from hanmo.train.curriculum import Curriculum, CurriculumConfig, Stage, Until
from hanmo.train.mixture import KEPT, Mixture
from hanmo.train.samples import TASKS, Entry, Listed, SampleSource
from hanmo.train.selection import Only, Weights, cells_of, table

NINE = tuple(bucket.size for bucket in buckets(256))


@dataclass
class Index:
    """A source that is asked for entries only, and remembers which samples were loaded."""

    listed: list[Entry]
    loaded: list[str] = field(default_factory=list)

    def entries(self) -> Sequence[Entry]:
        return self.listed

    def sample(self, key: str) -> Sample:
        self.loaded.append(key)
        return sample(int(key, 16), size=(16, 16))


def entries(
    count: int, task: Task = "t2i", size: tuple[int, int] = (64, 64), source: str = "photos", *tags: str
) -> list[Entry]:
    name = f"{task}{size}{source}{tags}"
    start = zlib.crc32(name.encode()) * 1_000_000
    return [Entry(f"{start + number:032x}", task, size, source, frozenset(tags)) for number in range(count)]


def mixture(listed: list[Entry], *stages: Stage, seed: int = 1, rows: int = 8, parts: int = 2) -> Mixture:
    return Mixture(Index(listed), Curriculum(CurriculumConfig(stages or (Stage("all"),))), seed, rows, parts)


def drawn(mix: Mixture, steps: int) -> list[str]:
    return [key for step in range(steps) for part in range(mix.parts) for key in mix.ids(step, part)]


def test_a_batch_is_of_one_size_and_all_nine_ratios_come() -> None:
    listed = [entry for size in NINE for entry in entries(30, size=size)]
    mix = mixture(listed)
    size_of = {entry.id: entry.size for entry in listed}
    sizes = [{size_of[key] for key in mix.ids(step, part)} for step in range(40) for part in range(2)]
    assert all(len(each) == 1 for each in sizes)
    assert set.union(*sizes) == set(NINE)


def test_tasks_are_mixed_by_weight_whatever_their_numbers() -> None:
    listed = entries(500) + entries(20, "ti2i") + entries(5, "i2i")
    mix = mixture(listed, Stage("all", weights=Weights(tasks={"t2i": 0.6, "ti2i": 0.3, "i2i": 0.1})))
    task_of = {entry.id: entry.task for entry in listed}
    counts = Counter(task_of[key] for key in drawn(mix, 250))
    total = counts.total()
    assert counts["t2i"] / total == pytest.approx(0.6, abs=0.03)
    assert counts["ti2i"] / total == pytest.approx(0.3, abs=0.03)
    assert counts["i2i"] / total == pytest.approx(0.1, abs=0.02)


def test_a_sample_comes_again_only_when_all_of_its_cell_have_come() -> None:
    mix = mixture(entries(50), rows=5, parts=2)
    keys = drawn(mix, 10)
    rounds = [keys[:50], keys[50:]]
    assert all(len(set(each)) == 50 for each in rounds)
    assert rounds[0] != rounds[1]


def test_balance_makes_sizes_and_cells_equal() -> None:
    listed = entries(900, size=(64, 64)) + entries(100, size=(32, 96)) + entries(100, "t2i", (64, 64), "rare")
    plain = table(listed, Only(), Weights())
    even = table(listed, Only(), Weights(balance=1.0))
    assert plain is not None
    assert even is not None
    assert dict(zip(plain.sizes, plain.shares, strict=True)) == pytest.approx({(32, 96): 1 / 11, (64, 64): 10 / 11})
    assert even.shares == pytest.approx((0.5, 0.5))
    assert plain.rows[1] == pytest.approx((0.9, 0.1))
    assert even.rows[1] == pytest.approx((0.5, 0.5))


def test_sources_and_tags_weigh_what_is_said() -> None:
    listed = entries(10) + entries(10, "t2i", (64, 64), "drawn") + entries(10, "t2i", (64, 64), "drawn", "text")
    found = table(listed, Only(), Weights(sources={"drawn": 2.0}, tags={"text": 3.0}))
    assert found is not None
    assert {cell.name: share for cell, share in zip(found.cells[0], found.rows[0], strict=True)} == pytest.approx(
        {"64x64/t2i/drawn/": 2 / 9, "64x64/t2i/drawn/text": 6 / 9, "64x64/t2i/photos/": 1 / 9}
    )


def test_every_axis_of_the_report_selects() -> None:
    small, large = NINE[1], buckets(640)[1].size
    listed = (
        entries(3, size=small)
        + entries(4, "t2i", small, "photos", "text")
        + entries(5, "t2i", large, "drawn", "refined")
    )

    def kept(**only: object) -> int:
        return sum(Only(**only).takes(entry) for entry in listed)  # type: ignore[arg-type]

    assert kept(resolutions=(256,)) == 7
    assert kept(resolutions=(256,), sizes=(large,)) == 12
    assert kept(without=("text",)) == 8
    assert kept(tags=("refined",)) == 5
    assert kept(sources=("photos",)) == 7
    assert kept(tasks=("ti2i",)) == 0


def test_a_stage_draws_from_its_step_on_and_a_resumed_run_draws_the_same() -> None:
    listed = entries(40) + entries(30, "t2i", (64, 64), "photos", "text")
    stages = (Stage("plain", Only(without=("text",)), until=Until(6)), Stage("text", Only(tags=("text",))))
    whole = mixture(listed, *stages)
    text = {entry.id for entry in listed if "text" in entry.tags}
    assert not text & set(drawn(whole, 6))
    assert set(whole.ids(6, 0)) <= text
    expected = [whole.ids(step, part) for step in (9, 10) for part in range(2)]
    replayed = mixture(listed[::-1], *stages)
    assert [replayed.ids(step, part) for step in (9, 10) for part in range(2)] == expected


def test_processes_load_only_their_own_parts_and_agree() -> None:
    listed = entries(40)
    one, other = mixture(listed), mixture(listed)
    alone = [[each.id for each in one.samples(step, part)] for step in range(3) for part in range(2)]
    mine = [[each.id for each in other.samples(step, 1)] for step in range(3)]
    assert mine == alone[1::2]
    source = other.source
    assert isinstance(source, Index)
    assert len(source.loaded) == 3 * other.rows


def test_a_stage_of_larger_pictures_may_have_smaller_batches() -> None:
    mix = mixture(entries(40), Stage("small", until=Until(2)), Stage("large", batch=3))
    assert [len(mix.ids(step, 0)) for step in range(4)] == [8, 8, 3, 3]


def test_the_order_of_a_source_and_another_seed() -> None:
    listed = entries(40) + entries(20, "ti2i")
    assert drawn(mixture(listed), 5) == drawn(mixture(listed[::-1]), 5)
    assert drawn(mixture(listed), 5) != drawn(mixture(listed, seed=2), 5)


def growing(listed: list[Entry], *stages: Stage) -> Mixture:
    found = Mixture(Index([]), Curriculum(CurriculumConfig(stages or (Stage("all"),))), 1, 8, 2, growing=True)
    found.grow(0, listed)
    return found


def test_what_came_later_is_drawn_from_its_step_on_before_anything_comes_again() -> None:
    early, late = entries(40), [replace(entry, id=f"{2**100 + n:032x}") for n, entry in enumerate(entries(40))]
    mix = growing(early)
    before = drawn(mix, 2)  # 32 of the 40
    assert before == drawn(mixture(early), 2)
    mix.grow(2, late[:10])
    mix.grow(2, late[10:])
    rest = [key for step in range(2, 5) for part in range(2) for key in mix.ids(step, part)]
    assert len(before + rest) == 80
    assert {*before, *rest} == {entry.id for entry in early + late}
    again = growing(early[::-1])
    again.grow(2, late[::-1])
    assert drawn(again, 5) == before + rest
    with pytest.raises(TrainingError, match="the batches of step 4 are made"):
        mix.grow(4, early)


def test_a_growing_source_may_lack_the_samples_of_a_stage_until_it_begins() -> None:
    mix = growing(entries(9), Stage("a", until=Until(2)), Stage("b", Only(tasks=("ti2i",))))
    assert (mix.lacks(1), mix.lacks(2)) == (False, True)
    mix.ids(1, 0)
    with pytest.raises(TrainingError, match=r"curriculum\.stages\.b has nothing to draw at step 2"):
        mix.ids(2, 0)
    mix.grow(2, entries(3, "ti2i"))
    assert (mix.lacks(2), mix.drawable(2)) == (False, 3)
    assert len(mix.ids(2, 0)) == 8


def test_a_stage_without_samples_is_refused_before_the_first_step() -> None:
    with pytest.raises(ConfigError, match=r"curriculum\.stages\.b\.only takes none"):
        mixture(entries(3), Stage("a", until=Until(5)), Stage("b", Only(tags=("refined",))))
    with pytest.raises(ConfigError, match=r"curriculum\.stages\.a\.only takes none"):
        mixture(entries(3), Stage("a", weights=Weights(tasks={"i2i": 1.0})))


def test_a_step_that_was_passed_long_ago_is_refused() -> None:
    mix = mixture(entries(9))
    mix.ids(KEPT, 0)
    mix.ids(1, 0)
    with pytest.raises(TrainingError, match="step 0 was passed"):
        mix.ids(0, 0)


def test_a_list_in_memory_is_a_source() -> None:
    listed = Listed([sample(1), replace(sample(2), task="i2i")], {f"{1:032x}": frozenset({"text"})})
    assert isinstance(listed, SampleSource)
    assert [cell.tags for cell in cells_of(listed.entries())] == [(), ("text",)]
    assert Mixture(listed, Curriculum(CurriculumConfig()), 0, 4, 1).samples(0, 0)[0].task in TASKS
    with pytest.raises(RequestError, match="no sample has the id"):
        listed.sample("nobody")
