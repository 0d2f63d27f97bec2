from __future__ import annotations

from collections import Counter

import pytest
from tiny_pictures import png

from hanmo.data.filters.caption_splits import (
    CaptionMix,
    Read,
    caption_to_read,
    fuse,
    language_of,
    readings,
    split_by_captions,
)
from hanmo.data.record import Caption, Origin, Record, make_record
from hanmo.errors import ConfigError

WALL = Caption("Great Wall at Badaling", "raw", "en")
SEEN = Caption("A stone wall with towers runs along a green ridge.", "recaption", "en")


def record(*captions: Caption, seed: int = 0) -> Record:
    return make_record(png(90, seed), captions)


@pytest.mark.parametrize(
    ("origins", "split"),
    [
        ((), "none"),
        (("raw", "raw"), "raw"),
        (("recaption",), "recaption"),
        (("recaption", "raw"), "fused"),
        (("synthetic", "recaption"), "recaption"),
        (("synthetic", "raw"), "raw"),
        (("synthetic",), "synthetic"),
    ],
)
def test_the_split_is_a_function_of_origins(origins: tuple[Origin, ...], split: str) -> None:
    assert split_by_captions([Caption("a", origin) for origin in origins]) == split


def test_fused_captions_begin_with_the_raw_one() -> None:
    both = fuse(WALL, SEEN)
    assert both is not None
    assert both.text == "Great Wall at Badaling. A stone wall with towers runs along a green ridge."
    chinese = fuse(Caption("八达岭长城"), Caption("石墙沿着青山蜿蜒。", "recaption", "zh-CN"))
    assert chinese == Caption("八达岭长城。石墙沿着青山蜿蜒。", "recaption", "zh")


def test_what_one_caption_says_already_is_not_said_twice() -> None:
    assert fuse(Caption("stone WALL with towers", "raw", "en"), SEEN) is None
    assert fuse(Caption("石墙"), Caption("石墙沿着青山蜿蜒。", "recaption")) is None
    assert fuse(Caption("tow", "raw", "en"), SEEN) is not None


def test_two_languages_are_not_fused() -> None:
    assert fuse(Caption("八达岭长城"), SEEN) is None
    assert language_of(Caption("八达岭长城")) == "zh"
    assert language_of(Caption("Great Wall")) == "en"
    assert language_of(Caption("Great Wall", language="en-GB")) == "en"
    assert language_of(Caption("Великая стена")) == "und"


def test_invalid_captions_are_never_read() -> None:
    refused = Caption("I'm sorry, but I can't describe this image.", "recaption", "en")
    assert readings(record(WALL, refused)) == (Read(WALL.text, "raw", "en"),)
    assert caption_to_read(record(refused), seed=0) is None
    assert caption_to_read(record(), seed=0) is None


def test_captions_are_read_as_often_as_their_weights_say() -> None:
    mix = CaptionMix(raw=1.0, recaption=2.0, fused=1.0)
    both = record(WALL, SEEN)
    counts = Counter(read.kind for seed in range(200) if (read := caption_to_read(both, seed, mix)) is not None)
    assert counts["recaption"] == pytest.approx(100, abs=20)
    assert counts["raw"] == pytest.approx(50, abs=20)
    assert counts["fused"] == pytest.approx(50, abs=20)


def test_a_kind_that_is_missing_or_without_weight_leaves_its_share_to_the_others() -> None:
    only = record(WALL)
    assert {caption_to_read(only, seed, CaptionMix(1.0, 5.0, 5.0)) for seed in range(20)} == {
        Read(WALL.text, "raw", "en")
    }
    assert caption_to_read(only, 0, CaptionMix(raw=0.0)) is None
    drawn = record(Caption("a card with A", "synthetic", "en"))
    assert caption_to_read(drawn, 0) == Read("a card with A", "recaption", "en")


def test_the_choice_depends_on_the_id_and_the_seed_and_on_nothing_else() -> None:
    records = [record(WALL, SEEN, seed=number) for number in range(40)]
    first = [caption_to_read(one, 7) for one in records]
    assert [caption_to_read(one, 7) for one in reversed(records)] == first[::-1]
    assert len(set(first)) == 3
    assert [caption_to_read(one, 8) for one in records] != first
    assert len({id(one) for one in records}) == len({one.id for one in records})


def test_several_captions_of_a_kind_are_read_alike() -> None:
    three = record(*(Caption(f"a {color} car") for color in ("red", "green", "blue")))
    counts = Counter(read.text for seed in range(150) if (read := caption_to_read(three, seed)) is not None)
    assert all(count == pytest.approx(50, abs=20) for count in counts.values())
    assert len(counts) == 3


@pytest.mark.parametrize("weights", [(0.0, 0.0, 0.0), (-1.0, 1.0, 1.0), (float("nan"), 1.0, 1.0)])
def test_weights_that_choose_nothing_are_refused(weights: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="weight"):
        CaptionMix(*weights)
