from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from hanmo.errors import RequestError
from hanmo.evaluate.text import exact

pytest.importorskip("rapidocr")

from hanmo.data.ocr import OCR, Line
from hanmo.data.synthesize.fonts import font_path


@pytest.fixture(scope="module")
def ocr() -> Iterator[OCR]:
    return OCR(threads=1)


def card(
    text: str, width: int = 128, height: int = 64, size: int = 28
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    image = Image.new("RGB", (width, height), (30, 60, 160))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    draw.text((width / 2, height / 2), text, font=font, fill="white", anchor="mm")
    left, top, right, bottom = draw.textbbox((width / 2, height / 2), text, font=font, anchor="mm")
    return image, (int(left) - 2, int(top) - 2, int(right) + 2, int(bottom) + 2)


@pytest.mark.parametrize("text", ["H", "7", "HANMO", "WORLD", "Ab3"])
def test_a_known_box_is_read_exactly(ocr: OCR, text: str) -> None:
    image, box = card(text)
    assert exact(text, ocr.read_box(image, box))


def test_without_a_box_the_whole_picture_is_one_line(ocr: OCR) -> None:
    image, _ = card("HELLO")
    assert exact("HELLO", ocr.read_box(image))


def test_a_batch_reads_as_its_pictures_do_alone(ocr: OCR) -> None:
    cards = [card("A"), card("HELLO"), card("A LONG LINE OF TEXT", 512, 40, 24), card("77")]
    images, boxes = [image for image, _ in cards], [box for _, box in cards]
    together = ocr.read_boxes(images, boxes)
    assert together == [ocr.read_box(image, box) for image, box in cards]
    assert exact("A LONG LINE OF TEXT", together[2])
    assert ocr.read_boxes([], []) == []


def test_lines_are_found_from_top_to_bottom_with_their_boxes(ocr: OCR) -> None:
    image = Image.new("RGB", (320, 160), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), "FIRST", font=ImageFont.load_default(32), fill="black")
    draw.text((120, 100), "SECOND", font=ImageFont.load_default(32), fill="black")
    lines = ocr.read(image)
    assert [line.text for line in lines] == ["FIRST", "SECOND"]
    assert all(isinstance(line, Line) and 0.5 < line.score <= 1.0 for line in lines)
    assert lines[0].box[3] < lines[1].box[1]
    assert lines[0].box[0] < lines[1].box[0]


def test_a_picture_without_text_has_no_lines(ocr: OCR) -> None:
    assert ocr.read(Image.new("RGB", (96, 64), "gray")) == []


def test_a_survey_also_shows_the_lines_that_cannot_be_read(ocr: OCR) -> None:
    try:
        font = ImageFont.truetype(str(font_path("en", "sans")), 28)
    except RequestError as missing:
        pytest.skip(str(missing))
    image = Image.new("RGB", (256, 128), "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), "ENTRANCE", font=font, fill="black")
    draw.text((20, 76), "ВЫХОД", font=font, fill="black")
    first, second = ocr.survey(image)
    assert [first] == ocr.read(image)
    assert first.text == "ENTRANCE"
    assert (second.text, second.score) == ("", 0.0)
    assert second.box[1] > first.box[3] - 10
    assert ocr.survey(Image.new("RGB", (96, 64), "gray")) == []
    assert ocr.read(image) == [first], "a survey changes nothing of how is read"


def test_a_box_outside_the_picture_is_refused(ocr: OCR) -> None:
    with pytest.raises(RequestError, match="holds no pixel of a picture of 128x64"):
        ocr.read_box(Image.new("RGB", (128, 64)), (200, 0, 220, 20))


def test_boxes_must_match_pictures(ocr: OCR) -> None:
    with pytest.raises(RequestError, match="1 pictures came with 2 boxes"):
        ocr.read_boxes([Image.new("RGB", (8, 8))], [None, None])


def test_reading_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    image, box = card("QUIET")
    OCR(threads=1).read_box(image, box)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("RapidOCR").level >= logging.CRITICAL


def test_reading_leaves_the_picture_alone(ocr: OCR) -> None:
    image, box = card("SAME")
    before = np.asarray(image).copy()
    ocr.read_box(image, box)
    assert (np.asarray(image) == before).all()
