from __future__ import annotations

import random
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from hanmo.data.balance import REPORT, UNPLACED, Balance, BalanceConfig, fill, plan_balance, repeat_factors
from hanmo.data.filters.stage7_taxonomy import SYNTHESIS, Taxonomy
from hanmo.data.layout import shards_of
from hanmo.data.operator import Threshold
from hanmo.data.record import Caption, Record, make_record, with_scores
from hanmo.data.run import RunConfig, run
from hanmo.data.shards import read_shard, write_shard
from hanmo.data.stage import Stage
from hanmo.errors import ConfigError

WORDS = {
    "nature": ("a dog", "a rose", "一座高山", "a pizza", "一辆轿车"),
    "design": ("a poster", "一张图表", "an oil painting"),
    "people": ("a woman", "一位医生"),
}


def record(number: int, caption: str, language: str, **metadata: object) -> Record:
    buffer = BytesIO()
    Image.new("RGB", (2, 2), (number % 256, number // 256 % 256, number // 65536)).save(buffer, "PNG")
    return make_record(buffer.getvalue(), (Caption(caption, "raw", language),), metadata=metadata)


def placed(folder: Path, counts: dict[str, int], seed: int = 0) -> list[Path]:
    """A set of two shards with so many pictures of each domain, placed by stage 7's taxonomy."""
    rng = random.Random(seed)
    records = []
    for domain, count in counts.items():
        for _ in range(count):
            if domain == "synthetic":
                made = record(len(records), "some text", rng.choice(("en", "zh")), **{SYNTHESIS: "paragraphs"})
            else:
                word = rng.choices(WORDS[domain], range(1, len(WORDS[domain]) + 1))[0]
                made = record(len(records), word, "en" if word.isascii() else "zh")
            records.append(made)
    rng.shuffle(records)
    half = len(records) // 2
    return [written(folder / "a.tar", records[:half]), written(folder / "b.tar", records[half:])]


def written(shard: Path, records: list[Record]) -> Path:
    """A shard of records that the taxonomy has placed."""
    found = [(one, Taxonomy().measure(one)) for one in records]
    write_shard(shard, [with_scores(one, {}, {"taxonomy": known.metadata}, ()) for one, known in found])
    return shard


def test_the_reports_mix_is_reached_within_a_point_where_the_set_allows_it(tmp_path: Path) -> None:
    shards = placed(tmp_path, {"nature": 120, "design": 90, "people": 60, "synthetic": 30})
    plan = plan_balance(shards, tmp_path / "plan.parquet")
    stage = Stage((Balance(plan.operator),), {"balance": {"excess": Threshold(high=1.0)}})
    summary = run(shards, tmp_path / "balanced", stage, RunConfig(workers=1))
    kept = [kept for shard in shards_of(tmp_path / "balanced") for kept in read_shard(shard)]
    assert summary.kept == plan.total == len(kept) == 218
    shares = Counter(str(one.metadata["taxonomy"]["domain"]) for one in kept)
    for domain, share in REPORT.items():
        assert abs(shares[domain] / len(kept) - share) < 0.01
    assert all(share.missing == 0 for share in plan.shares)
    assert summary.rejected == 300 - 218


def test_categories_and_languages_inside_a_domain_are_filled_evenly(tmp_path: Path) -> None:
    shards = placed(tmp_path, {"nature": 150})
    even = plan_balance(shards, tmp_path / "even.parquet", BalanceConfig({"nature": 1.0}, total=40))
    taken = [taken for _, taken in even.leaves.values()]
    there = [there for there, _ in even.leaves.values()]
    assert sum(taken) == 40
    assert max(taken) - min(taken) <= 1 or min(taken) == min(there)
    found = plan_balance(shards, tmp_path / "found.parquet", BalanceConfig({"nature": 1.0}, total=75, evenness=0.0))
    for count, part in found.leaves.values():
        assert part == pytest.approx(count / 2, abs=1)


def test_what_is_missing_is_said_and_the_others_keep_to_their_numbers(tmp_path: Path) -> None:
    shards = placed(tmp_path, {"nature": 60, "design": 40, "people": 3, "synthetic": 10})
    plan = plan_balance(shards, tmp_path / "plan.parquet", BalanceConfig(total=100))
    shares = {share.domain: share for share in plan.shares}
    assert shares["people"].missing == 10
    assert (shares["nature"].taken, shares["design"].taken, shares["synthetic"].taken) == (55, 27, 5)
    assert any("people" in line and "10 are missing" in line for line in plan.lines())


def test_the_best_of_a_category_go_on(tmp_path: Path) -> None:
    best = []
    records = []
    for number in range(30):
        one = record(number, "a dog", "en")
        beauty = float(number * 7 % 30)
        records.append(Record(**{**one.__dict__, "scores": {"beauty.score": beauty}}))
        if beauty >= 20:
            best.append(one.id)
    shards = [written(tmp_path / "a.tar", records)]
    plan = plan_balance(shards, tmp_path / "p.parquet", BalanceConfig({"nature": 1.0}, 10, quality="beauty.score"))
    operator = Balance(plan.operator)
    kept = [one.id for one in records if operator.measure(one).scores["excess"] <= 1.0]
    assert sorted(kept) == sorted(best)


def test_a_picture_of_no_category_stays_behind(tmp_path: Path) -> None:
    unknown = record(1, "something unheard of", "en")
    shard = written(tmp_path / "a.tar", [unknown, record(2, "a dog", "en")])
    plan = plan_balance([shard], tmp_path / "p.parquet", BalanceConfig({"nature": 1.0}))
    assert plan.unplaced == 1
    assert Balance(plan.operator).measure(unknown).scores["excess"] == UNPLACED


def test_the_same_seed_gives_the_same_plan_and_another_one_another(tmp_path: Path) -> None:
    shards = placed(tmp_path, {"nature": 80})
    chosen = []
    for seed in (1, 1, 2):
        plan = plan_balance(shards, tmp_path / f"{len(chosen)}.parquet", BalanceConfig({"nature": 1.0}, 20, seed=seed))
        operator = Balance(plan.operator)
        records = [one for shard in shards for one in read_shard(shard)]
        chosen.append({one.id for one in records if operator.measure(one).scores["excess"] <= 1})
    assert chosen[0] == chosen[1] != chosen[2]


def test_water_is_filled_to_one_level_and_nothing_is_lost() -> None:
    assert fill(10, {"a": 2, "b": 100, "c": 100}, {"a": 1.0, "b": 1.0, "c": 1.0}) == {"a": 2, "b": 4, "c": 4}
    assert fill(9, {"a": 100, "b": 100}, {"a": 1.0, "b": 2.0}) == {"a": 3, "b": 6}
    assert fill(50, {"a": 2, "b": 3}, {"a": 1.0, "b": 1.0}) == {"a": 2, "b": 3}
    rng = random.Random(3)
    for _ in range(300):
        sizes = {name: rng.randrange(40) for name in "abcdef"}
        quota = rng.randrange(200)
        given = fill(quota, sizes, {name: rng.random() + 0.01 for name in sizes})
        assert sum(given.values()) == min(quota, sum(sizes.values()))
        assert all(0 <= given[name] <= sizes[name] for name in sizes)


def test_rare_words_are_read_more_often_by_the_square_root() -> None:
    captions = [frozenset({"dog"})] * 99 + [frozenset({"dog", "axolotl"})]
    factors = repeat_factors(captions, 0.04)
    assert factors[:99] == [1.0] * 99
    assert factors[99] == pytest.approx((0.04 / 0.01) ** 0.5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"domains": {"nature": 0.5}}, "must sum to 1"),
        ({"domains": {"animals": 1.0}}, "there are: nature"),
        ({"total": -1}, "0 .* or more"),
        ({"evenness": 2.0}, "both are 0 to 1"),
    ],
)
def test_a_wrong_wish_is_one_clear_line(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BalanceConfig(**config)  # type: ignore[arg-type]
