from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from procedural import file_of, pixels

from hanmo.data.record import Record, make_record
from hanmo.errors import ConfigError, RequestError

pytest.importorskip("rapidocr")

from hanmo.data.filters.text_reading import ReadConfig, Reading, WrittenLine, read_picture, reading_of
from hanmo.data.synthesize.fonts import font_path

CONFIG = ReadConfig()


def written(text: str, size: int = 26, script: str = "en", width: int = 224) -> Image.Image:
    try:
        font = ImageFont.truetype(str(font_path(script, "sans")), size)
    except RequestError as missing:
        pytest.skip(str(missing))
    picture = Image.new("RGB", (width, 96), (236, 228, 210))
    ImageDraw.Draw(picture).text((width // 2, 48), text, font=font, fill=(20, 20, 60), anchor="mm")
    return picture


def record(picture: Image.Image) -> Record:
    return make_record(file_of(picture))


def test_lines_come_with_their_place_in_the_picture() -> None:
    reading = read_picture(pixels(written("Bread")), CONFIG)
    assert (reading.width, reading.height) == (224, 96)
    (line,) = reading.lines
    assert (line.text, line.foreign) == ("Bread", False)
    left, top, right, bottom = line.box
    assert 40 < left < 90 < 135 < right < 185
    assert top < 40 < 56 < bottom


def test_a_line_in_letters_that_the_reader_does_not_know_is_foreign() -> None:
    lines = read_picture(pixels(written("Свежий хлеб")), CONFIG).lines
    assert [line.foreign for line in lines] == [True] * len(lines)
    units = Reading(224, 96, lines).units
    assert (units.english, units.chinese) == (0, 0)
    assert units.other >= 2


def test_the_newest_reading_is_kept_and_equals_a_new_one() -> None:
    one = record(written("KEPT"))
    first = reading_of(one, CONFIG)
    assert reading_of(make_record(one.image), CONFIG) is first
    other = reading_of(record(written("other")), CONFIG)
    assert [line.text for line in other.lines] == ["other"]
    again = reading_of(one, CONFIG)
    assert again is not first
    assert again == first


def test_large_pictures_are_read_smaller_and_boxes_are_of_the_large_one() -> None:
    large = written("LARGE").resize((896, 384), Image.Resampling.BICUBIC)
    small, whole = read_picture(pixels(large), ReadConfig(side=448)), read_picture(pixels(large), CONFIG)
    assert [line.text for line in small.lines] == [line.text for line in whole.lines] == ["LARGE"]
    assert np.abs(np.subtract(small.lines[0].box, whole.lines[0].box)).max() <= 24
    assert (small.width, small.height) == (896, 384)


def test_a_picture_without_an_edge_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanmo.data.filters.text_reading._reader", None)  # which would be called
    across = np.linspace(0, 255, 120)[None, :, None]
    for picture in (np.zeros((40, 50, 3)), np.broadcast_to(across, (80, 120, 3)), np.full((1, 1, 3), 200)):
        assert read_picture(np.ascontiguousarray(picture, dtype=np.uint8), CONFIG).lines == ()


def test_letters_as_bright_as_their_ground_are_read() -> None:
    card = Image.new("RGB", (224, 96), (220, 40, 40))
    letters = written("EQUAL").convert("L").point(lambda level: 255 if level < 128 else 0)
    card.paste((20, 120, 110), mask=letters)
    assert [line.text for line in read_picture(pixels(card), CONFIG).lines] == ["EQUAL"]


def test_shapes_are_no_text() -> None:
    picture = Image.new("RGB", (224, 96), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((70, 20, 126, 76), outline="black", width=6)
    pen.rectangle((150, 30, 200, 60), fill="navy")
    assert read_picture(pixels(picture), CONFIG).lines == ()


def test_units_are_of_all_lines_together() -> None:
    box = (0, 0, 40, 10)
    lines = (WrittenLine("two words", box), WrittenLine("三个字", box), WrittenLine("KBa", box, foreign=True))
    units = Reading(50, 50, lines).units
    assert (units.english, units.chinese, units.other) == (2, 3, 2)


def test_a_config_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="sure_long is 2"):
        ReadConfig(sure_long=2.0)
    with pytest.raises(ConfigError, match="32 pixels"):
        ReadConfig(side=8)
