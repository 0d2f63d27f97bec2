from __future__ import annotations

import dataclasses

import pytest
from tiny_pictures import png, record

from hanmo.data.record import (
    Caption,
    Verdict,
    content_id,
    image_format,
    make_record,
    origin_of,
    record_from_json,
    record_to_json,
    with_scores,
)
from hanmo.errors import RequestError


def test_a_record_comes_back_from_json_and_bytes_as_it_was() -> None:
    captions = (Caption("a card", "raw", "en"), Caption("一张卡片", "recaption", "zh"))
    before = make_record(png(9), captions, "tiny", "CC-BY-4.0", {"b": [1, None, {"x": "é"}], "a": 2.5})
    verdict = Verdict("clarity", "dropped", "variance", 3.25, low=10.0)
    before = with_scores(before, {"clarity.variance": 0.1 + 0.2}, {"clarity": {"size": 8}}, (verdict,))
    assert record_from_json(record_to_json(before), before.image) == before


def test_the_id_is_a_hash_of_the_bytes_alone() -> None:
    one, other = make_record(png(1), source="a"), make_record(png(1), (Caption("x"),), "b")
    assert one.id == other.id == content_id(png(1))
    assert make_record(png(2)).id != one.id


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        record(1).source = "elsewhere"  # type: ignore[misc]


def test_equal_records_have_equal_json() -> None:
    one = make_record(png(1), metadata={"a": 1, "b": 2})
    assert record_to_json(one) == record_to_json(make_record(png(1), metadata={"b": 2, "a": 1}))


def test_other_bytes_than_those_of_the_id_are_refused() -> None:
    with pytest.raises(RequestError, match="came with other bytes"):
        record_from_json(record_to_json(record(1)), png(2))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 3}', "nul", '"' * 5])
def test_what_is_no_record_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(RequestError, match="not the JSON of a record"):
        record_from_json(text, png(1))


@pytest.mark.parametrize("value", [float("nan"), b"bytes", "\ud800", {1, 2}])
def test_metadata_that_no_file_can_hold_is_refused(value: object) -> None:
    with pytest.raises(RequestError, match="plain JSON"):
        make_record(png(1), metadata={"x": value})


def test_the_format_is_what_the_bytes_say() -> None:
    assert image_format(png(1)) == "png"
    assert image_format(b"\xff\xd8\xff\xe0" + bytes(20)) == "jpg"
    assert image_format(b"RIFF\x00\x00\x00\x00WEBPVP8 ") == "webp"
    assert image_format(b"<html>") is None
    with pytest.raises(RequestError, match="this is no picture: no bytes"):
        make_record(b"")


def test_a_caption_says_something_and_who_wrote_it() -> None:
    with pytest.raises(RequestError, match="empty"):
        Caption("  ")
    with pytest.raises(RequestError, match="raw, recaption, synthetic"):
        origin_of("made up")
