from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanmo.data.pairs import Pair, pair_records, pairs_of
from hanmo.data.record import Caption, Record, record_from_json, record_to_json
from hanmo.data.rejects import Reject
from hanmo.errors import RequestError

WORDS = (Caption("remove the dot", "synthetic", "en"), Caption("去掉圆点", "synthetic", "zh"))


def pair(seed: int, count: int = 1, masked: bool = True) -> Pair:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    mask = np.zeros((6, 8), dtype=bool)
    mask[2:4, 3:5] = True
    target = np.where(mask[:, :, None], 255 - first, first)
    sources = (first, *(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8) for _ in range(count - 1)))
    said = tuple((Caption(f"source {n}", "synthetic", "en"),) for n in range(count))
    after = (Caption("a target", "synthetic", "en"),)
    return Pair("remove", sources, target, WORDS, after, said, mask if masked else None, "MIT", {"angle": 30})


def assert_same(one: Pair, other: Pair) -> None:
    assert len(one.sources) == len(other.sources)
    for a, b in zip(one.sources, other.sources, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.target, other.target)
    assert (one.mask is None) == (other.mask is None)
    if one.mask is not None and other.mask is not None:
        np.testing.assert_array_equal(one.mask, other.mask)
    for name in ("kind", "instructions", "captions", "source_captions", "licence", "details"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize(("count", "masked"), [(1, True), (1, False), (3, True)])
def test_a_pair_comes_back_from_its_records_pixel_by_pixel(count: int, masked: bool) -> None:
    made = pair(1, count, masked)
    records = pair_records(made, "set")
    assert [record.metadata["role"] for record in records] == ["source"] * count + ["mask"] * masked + ["target"]
    stored = [record_from_json(record_to_json(record), record.image) for record in records]
    (read,) = pairs_of(stored)
    assert isinstance(read, Pair)
    assert_same(read, made)


def test_a_target_can_be_the_source_of_the_next_turn() -> None:
    first, second = pair(1), pair(2)
    second = replace(second, sources=(first.target,))
    records = {record.id: record for record in (*pair_records(second, "set"), *pair_records(first, "set"))}
    ordered = sorted(records.values(), key=lambda record: record.metadata.get("role") == "target")
    targets = [read for read in pairs_of(ordered) if isinstance(read, Pair)]
    assert len(targets) == 2
    assert any((read.sources[0] == first.target).all() for read in targets)


def test_a_pair_whose_source_was_dropped_is_a_reject_and_others_stay() -> None:
    whole, torn = pair_records(pair(1), "set"), pair_records(pair(2), "set")
    found = list(pairs_of([*torn[1:], *whole]))
    assert isinstance(found[0], Reject)
    assert (found[0].kind, found[0].id) == ("missing", torn[-1].id)
    assert torn[0].id in found[0].reason
    assert isinstance(found[1], Pair)


def test_pictures_that_belong_to_no_pair_are_passed_over() -> None:
    alone = pair_records(pair(3), "set")[0]
    assert list(pairs_of([alone])) == []


def test_an_edit_that_is_none_is_a_reject() -> None:
    target: Record = pair_records(pair(1), "set")[-1]
    broken = replace(target, metadata={"edit": {"sources": [target.id], "mask": None, "kind": "x", "instructions": []}})
    (found,) = pairs_of([broken])
    assert isinstance(found, Reject)
    assert "no pair" in found.reason


def test_a_pair_needs_a_source_words_and_a_mask_of_its_size() -> None:
    good = pair(1)
    with pytest.raises(RequestError, match="at least one source"):
        replace(good, sources=(), source_captions=())
    with pytest.raises(RequestError, match="at least one source and one instruction"):
        replace(good, instructions=())
    with pytest.raises(RequestError, match="all must agree"):
        replace(good, mask=np.zeros((8, 6), dtype=bool))
    with pytest.raises(RequestError, match="captions of 1"):
        replace(good, sources=good.sources * 2)
