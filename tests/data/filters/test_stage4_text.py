from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from procedural import file_of, scene

from hanmo.data.operator import Operator, Threshold, decide, measured, operator_key
from hanmo.data.record import Record, make_record
from hanmo.data.shards import read_shard, write_shard
from hanmo.errors import RequestError

pytest.importorskip("rapidocr")

from hanmo.data.filters.stage4_text import (
    OPERATORS,
    IntensiveText,
    SmallCharacters,
    TextSplit,
    of_splits,
    split_of,
)
from hanmo.data.synthesize.cards import Card, draw
from hanmo.data.synthesize.coverage import file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.paragraph import Paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.passages import builtin


def written(lines: list[tuple[str, int]], script: str = "en", size: tuple[int, int] = (240, 120)) -> Record:
    """Lines of text and the sizes of their fonts, on a plain ground."""
    picture = Image.new("RGB", size, (240, 236, 220))
    pen = ImageDraw.Draw(picture)
    top = 8
    for text, height in lines:
        try:
            font = ImageFont.truetype(str(font_path(script, "sans")), height)
        except RequestError as missing:
            pytest.skip(str(missing))
        pen.text((10, top), text, font=font, fill=(15, 15, 30))
        top += round(height * 1.6)
    return make_record(file_of(picture))


@pytest.mark.parametrize(
    ("text", "script", "language"),
    [
        ("Open every day", "en", "english"),
        ("今日特价", "zh", "chinese"),
        ("咖啡馆 Coffee", "zh", "chinese"),
        ("Аптека и кафе", "en", "other"),
        ("환영합니다", "zh", "other"),
        ("いらっしゃいませ", "zh", "other"),
        ("10:45", "en", "other"),
    ],
)
def test_pictures_are_split_by_the_language_of_their_text(text: str, script: str, language: str) -> None:
    found = TextSplit().measure(written([(text, 26)], script))
    assert found.metadata["language"] == language
    assert found.scores["text"] == 1
    assert sum(found.scores[name] for name in ("english", "chinese", "other")) == pytest.approx(1)


@pytest.mark.parametrize("seed", [0, 3])
def test_pictures_without_text_are_a_split_of_their_own(seed: int) -> None:
    found = TextSplit().measure(make_record(file_of(scene(seed, 240, 180))))
    assert found.metadata == {"language": "none", "lines": []}
    assert set(found.scores.values()) == {0}


def test_drawn_cards_and_paragraphs_are_in_the_split_of_their_script(fonts: None) -> None:
    faces = (file_faces(font_path("en", "sans"))[0],)
    page = sample_paragraph(random.Random(2), builtin("en"), faces, ParagraphConfig(width=256, height=192, smallest=12))
    assert isinstance(page, Paragraph)
    for picture, language in [(page.picture, "english"), (draw(Card("青山绿水", "zh", "blue", "white")), "chinese")]:
        assert TextSplit().measure(make_record(file_of(picture))).metadata["language"] == language


def test_a_page_is_intensive_and_a_word_is_not() -> None:
    page = written([("The quick brown fox", 14)] * 5)
    word = written([("fox", 14)])
    many, few = IntensiveText().measure(page).scores, IntensiveText().measure(word).scores
    assert many["lines"] == 5
    assert many["characters"] == 5 * 16
    assert (few["lines"], few["characters"]) == (1, 3)
    assert many["area"] > 0.25 > 0.1 > few["area"] > 0
    assert IntensiveText().measure(make_record(file_of(Image.new("RGB", (64, 64), "gray")))).scores == {
        "area": 0,
        "lines": 0,
        "characters": 0,
    }


def test_the_smallest_line_is_measured() -> None:
    found = SmallCharacters().measure(written([("Headline", 30), ("Second line", 20), ("small print below", 11)]))
    assert 10 <= found.scores["smallest"] <= 20
    assert 19 <= found.scores["median"] <= 36
    assert found.scores["smallest_share"] == pytest.approx(found.scores["smallest"] / (240 * 120) ** 0.5)


def test_a_low_bound_on_heights_keeps_pictures_without_text_and_drops_small_print() -> None:
    limit = {"small_characters": {"smallest_share": Threshold(low=0.12)}}
    outcomes = []
    for one in (
        make_record(file_of(Image.new("RGB", (64, 32)))),
        written([("Large", 40)]),
        written([("tiny words", 10)]),
    ):
        (verdict,) = decide({"small_characters": measured(SmallCharacters(), one)}, limit)
        outcomes.append(verdict.outcome)
    assert outcomes == ["kept", "kept", "dropped"]


def test_operators_are_built_from_their_names_and_travel_to_workers() -> None:
    for name, kind in OPERATORS.items():
        operator = kind()
        assert isinstance(operator, Operator)
        assert operator.name == name
        assert operator_key(pickle.loads(pickle.dumps(operator))) == operator_key(operator)


def in_split(language: str, seed: int) -> Record:
    picture = file_of(Image.new("RGB", (4, 4), (seed, 0, 0)))
    return make_record(picture, metadata={"text_split": {"language": language}})


def test_a_shard_is_parted_by_split(tmp_path: Path) -> None:
    languages = ["english", "none", "chinese", "english", "other"]
    records = [in_split(language, seed) for seed, language in enumerate(languages)]
    write_shard(tmp_path / "whole.tar", records)
    for splits, expected in [(("english",), [0, 3]), (("chinese", "other"), [2, 4]), ((), [])]:
        part = tmp_path / f"{'-'.join(splits)}.tar"
        assert write_shard(part, of_splits(read_shard(tmp_path / "whole.tar"), splits)) == len(expected)
        assert list(read_shard(part)) == [records[place] for place in expected]


def test_records_are_taken_one_by_one() -> None:
    def endless() -> object:
        for seed in range(200):
            assert seed < 4, "nobody asked for this one"
            yield in_split("english" if seed % 2 else "none", seed)

    first = of_splits(endless(), ["english"])
    assert [split_of(next(first)) for _ in range(2)] == ["english", "english"]


def test_a_record_without_a_split_and_a_split_that_is_none_are_refused() -> None:
    with pytest.raises(RequestError, match="run the operator text_split"):
        split_of(make_record(file_of(Image.new("RGB", (4, 4)))))
    with pytest.raises(RequestError, match="no split 'french'"):
        list(of_splits([], ["french"]))
