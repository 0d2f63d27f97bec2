"""The readers of text: the real RapidOCR, and a VLM that says what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageDraw, ImageFont

from hanmo.evaluate.judges.ocr import QUESTION, RapidReader, VLMReader
from hanmo.evaluate.judges.protocols import OCR
from hanmo.evaluate.types import Json

pytest.importorskip("rapidocr")


def card(*words: str) -> Image.Image:
    image = Image.new("RGB", (256, 64 * len(words)), "navy")
    for number, word in enumerate(words):
        place = 128, 64 * number + 32
        ImageDraw.Draw(image).text(place, word, font=ImageFont.load_default(32), fill="white", anchor="mm")
    return image


class Says:
    """A judge with one answer."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.prompts: list[str] = []

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "VLM", "name": "says", "version": "1", "settings": {}}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.prompts.append(prompt)
        return self.answer


def test_lines_glyphs_and_threads_of_the_rapid_reader() -> None:
    reader = RapidReader()
    assert isinstance(reader, OCR)
    pictures = [card("HELLO", "WORLD"), card("HANMO")]
    with ThreadPoolExecutor(2) as pool:
        read = list(pool.map(reader.read, pictures))
    assert [[line.text for line in lines] for lines in read] == [["HELLO", "WORLD"], ["HANMO"]]
    assert reader.read_box(pictures[0], (0, 64, 256, 128)) == "WORLD"
    assert reader.read_boxes([card("A"), card("7")]) == ["A", "7"]
    said = reader.describe()
    assert said["settings"] == {"text_score": 0.0, "angle_classifier": False}
    assert said["version"]


def test_a_vlm_reads_line_by_line() -> None:
    judge = Says("FIRST\n\n  第二行 \n")
    reader = VLMReader(judge)
    assert isinstance(reader, OCR)
    lines = reader.read(card("FIRST"))
    assert [line.text for line in lines] == ["FIRST", "第二行"]
    assert {line.box for line in lines} == {(0, 0, 256, 64)}
    assert judge.prompts == [QUESTION]


@pytest.mark.parametrize("answer", ["No text recognized", "No text recognized.", "'No text recognized'", " \n"])
def test_a_vlm_that_sees_no_text_gives_no_line(answer: str) -> None:
    assert VLMReader(Says(answer)).read(card("A")) == []


def test_who_reads_and_what_was_asked_is_recorded() -> None:
    first, second = VLMReader(Says("")).describe(), VLMReader(Says(""), "read it").describe()
    assert first["settings"]["judge"]["name"] == "says"
    assert first["settings"]["question"] != second["settings"]["question"]
    assert first["kind"] == "OCR by a VLM"
