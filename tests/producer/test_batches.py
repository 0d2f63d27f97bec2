"""Batches of a store: the order, the cursor, and damaged shards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from producer_samples import IDENTITY, same, sample

from hanmo.errors import HanmoError, RequestError
from hanmo.producer.batches import Batch, Batches, StoreBatches
from hanmo.producer.prefetch import Prefetch
from hanmo.producer.store import write_shard
from hanmo.producer.wire import bucket_of


def fill(store: Path, count: int = 10, per_shard: int = 3, first: int = 0) -> None:
    for at in range(first, first + count, per_shard):
        write_shard(store, [sample(n) for n in range(at, min(at + per_shard, first + count))], IDENTITY)


def named(batches: list[Batch]) -> list[list[str]]:
    return [[one.id for one in batch] for batch in batches]


def take(batches: Batches, count: int) -> list[list[str]]:
    return named([next(batches) for _ in range(count)])


def test_a_seed_gives_one_order_however_samples_were_dealt_to_shards(tmp_path: Path) -> None:
    fill(tmp_path / "a", per_shard=3)
    fill(tmp_path / "b", per_shard=4)
    one, other = (take(StoreBatches(tmp_path / name, 4, 7), 9) for name in "ab")
    assert one == other
    assert one != take(StoreBatches(tmp_path / "a", 4, 8), 9)
    assert one[:3] != one[3:6], "another order in every epoch"


def test_every_epoch_has_every_sample_and_whole_batches_of_one_bucket(tmp_path: Path) -> None:
    fill(tmp_path, 10)
    write_shard(tmp_path, [sample(n, (48, 32)) for n in range(20, 23)], IDENTITY)
    batches = StoreBatches(tmp_path, 4, 1, IDENTITY)
    assert batches.per_epoch == 3 + 1
    epoch = [next(batches) for _ in range(4)]
    assert all(len(batch) == 4 and len({bucket_of(one) for one in batch}) == 1 for batch in epoch)
    assert len({one.id for batch in epoch for one in batch}) == 13
    assert batches.counts == {"t2i/32x32": 10, "t2i/48x32": 3}


def test_samples_are_the_stored_ones(tmp_path: Path) -> None:
    fill(tmp_path)
    assert all(same(one, sample(int(one.weight - 1))) for one in next(StoreBatches(tmp_path, 4, 0)))


def test_parts_deal_the_same_batches_among_them(tmp_path: Path) -> None:
    fill(tmp_path)
    whole = take(StoreBatches(tmp_path, 2, 3), 6)
    first, second = (take(StoreBatches(tmp_path, 2, 3, part=(rank, 2)), 3) for rank in (0, 1))
    assert [batch for pair in zip(first, second, strict=True) for batch in pair] == whole


def test_only_some_buckets_are_taken(tmp_path: Path) -> None:
    fill(tmp_path)
    write_shard(tmp_path, [sample(30, task="ti2i")], IDENTITY)
    batches = StoreBatches(tmp_path, 2, 3, buckets=lambda bucket: bucket.startswith("ti2i/"))
    assert take(batches, 2) == [[sample(30).id] * 2] * 2
    with pytest.raises(RequestError, match="run producers first"):
        StoreBatches(tmp_path, 2, 3, buckets=lambda bucket: False)


@pytest.mark.parametrize("ahead", [False, True])
def test_a_run_resumes_exactly_also_when_producers_have_written_more(tmp_path: Path, ahead: bool) -> None:
    fill(tmp_path)
    plain = StoreBatches(tmp_path, 4, 5)
    expected = take(plain, 8)
    began: Batches = StoreBatches(tmp_path, 4, 5)
    if ahead:
        with Prefetch(began, depth=3) as some:
            assert take(some, 5) == expected[:5]
            state = some.state_dict()
    else:
        assert take(began, 5) == expected[:5]
        state = began.state_dict()
    fill(tmp_path, 6, first=50)
    resumed = StoreBatches(tmp_path, 4, 5)
    resumed.load_state_dict(state)
    assert take(resumed, 3) == expected[5:]
    assert len(StoreBatches(tmp_path, 4, 5).counts) == 1
    assert StoreBatches(tmp_path, 4, 5).counts["t2i/32x32"] == 16


def test_a_cursor_of_another_run_is_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    state = StoreBatches(tmp_path, 4, 5).state_dict()
    with pytest.raises(RequestError, match="the cursor is of seed 5, this run has 6"):
        StoreBatches(tmp_path, 4, 6).load_state_dict(state)
    next(tmp_path.rglob("*.safetensors")).unlink()
    with pytest.raises(HanmoError, match="lacks 1 shards"):
        StoreBatches(tmp_path, 4, 5).load_state_dict(state)


def test_a_shard_that_turns_out_damaged_is_replaced_by_its_bucket_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, 9, per_shard=3)
    before = StoreBatches(tmp_path, 3, 0)
    bad = write_shard(tmp_path, [sample(n) for n in range(40, 43)], IDENTITY)
    bits = bytearray(bad.read_bytes())
    bits[-1] ^= 1
    bad.write_bytes(bits)
    batches = StoreBatches(tmp_path, 3, 0)
    got = Counter(each for batch in take(batches, 8) for each in batch)
    assert set(got) == {sample(n).id for n in range(9)}
    assert sum(got.values()) == 24
    assert (before.damaged, batches.damaged) == (0, 1)


def test_nothing_but_damage_is_one_clear_line(tmp_path: Path) -> None:
    path = write_shard(tmp_path, [sample(0)], IDENTITY)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(HanmoError, match=r"every shard of t2i/32x32 .* is damaged"):
        next(StoreBatches(tmp_path, 2, 0))
