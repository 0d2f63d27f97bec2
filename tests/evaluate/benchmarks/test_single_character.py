from pathlib import Path

import numpy as np
import pytest
from canned_reader import Canned, lines
from PIL import Image

from hanmo.data.synthesize.hanzi import tiers
from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.chineseword import ChineseWord
from hanmo.evaluate.benchmarks.single_character import ceiling, drawn, rendered, shown
from hanmo.evaluate.judges.protocols import OCR, Judges
from hanmo.evaluate.types import Prompt


@pytest.mark.parametrize(
    ("read", "seen"),
    [
        (["永"], "永"),
        ([" 永 "], "永"),
        (["2026", "永", "Hanmo."], "永"),
        (["永永"], "永永"),
        (["永", "远"], "永远"),
        (["𪩘"], "𪩘"),
        (["タ"], "夕"),
        (["ト"], "卜"),
        (["A-·。"], ""),
        ([], ""),
    ],
)
def test_only_chinese_characters_count_and_all_of_them(read: list[str], seen: str) -> None:
    assert shown(lines(*read)) == seen


def test_characters_that_nfkc_would_fold_stay_apart() -> None:
    assert shown(lines("\ufa19")) != "神"  # CJK COMPATIBILITY IDEOGRAPH-FA19, which NFKC maps to U+795E
    assert shown(lines("戶")) != shown(lines("户"))


def test_every_character_of_the_table_is_shown_as_it_is() -> None:
    for tier in tiers():
        assert shown(lines(tier)) == tier


@pytest.mark.parametrize("character", ["一", "永", "𪩘"])
def test_a_character_is_rendered_black_on_white_in_the_middle(character: str) -> None:
    picture = rendered(character)
    pixels = np.asarray(picture)
    assert (picture.mode, picture.size) == ("RGB", (256, 256))
    assert (pixels.min(), pixels.max()) == (0, 255)
    rows, columns = np.nonzero(pixels[..., 0] < 128)
    assert abs((columns.min() + columns.max()) / 2 - 127.5) < 8
    assert 32 < rows.min() <= rows.max() < 224


def test_two_fonts_draw_a_character_differently() -> None:
    assert rendered("永", "sans").tobytes() != rendered("永", "serif").tobytes()


def test_a_sample_is_the_same_for_a_seed_and_keeps_the_tables_order() -> None:
    first = drawn(5, seed=3)
    assert first == drawn(5, seed=3)
    assert first != drawn(5, seed=4)
    for sample, tier in zip(first, tiers(), strict=True):
        places = [tier.index(character) for character in sample]
        assert len(set(places)) == 5
        assert places == sorted(places)
    assert drawn(None) == tiers()
    assert drawn(1605)[2] == tiers()[2]


@pytest.mark.parametrize("per_tier", [0, 1606])
def test_a_sample_out_of_range_is_refused(per_tier: int) -> None:
    with pytest.raises(RequestError, match="give 1 to 1605"):
        drawn(per_tier)


def test_the_ceiling_is_the_share_that_is_read_in_each_tier() -> None:
    first, second, third = drawn(2, seed=1)
    reader = Canned([first[0]], [first[1]], [second[0]], ["x"], [], [third[1] * 2])
    assert ceiling(reader, 2, seed=1) == (1.0, 0.5, 0.0)


def test_the_ceiling_is_over_fonts_too() -> None:
    first, second, third = drawn(1, seed=1)
    reader = Canned([first], [], [second], [second], [], [third])
    assert ceiling(reader, 1, seed=1, fonts=("sans", "serif")) == (0.5, 1.0, 0.5)


@pytest.fixture(scope="module")
def reader() -> OCR:
    """RapidOCR, with what a judge says of itself."""
    pytest.importorskip("rapidocr")
    from hanmo.data import ocr

    class Rapid(ocr.OCR):
        def describe(self) -> dict[str, str]:
            return {"kind": "rapidocr"}

    return Rapid()


def test_rapidocr_reads_rendered_characters_of_all_tiers(reader: OCR) -> None:
    # The second is read as the kana of its shape.
    assert [shown(reader.read(rendered(character))) for character in "永卜曌"] == ["永", "卜", "曌"]


def test_rapidocr_reads_nothing_in_an_empty_picture(reader: OCR) -> None:
    assert shown(reader.read(Image.new("RGB", (64, 64), "white"))) == ""


@pytest.mark.parametrize("character", ["永", "𬣙"])
def test_a_perfect_painter_reaches_exactly_the_ceiling(reader: OCR, character: str) -> None:
    """What the reader does not know it does not know in the picture either; RapidOCR 3.10 does not know the second."""
    bench = ChineseWord()
    prompt = Prompt("u", "", truth={"character": character}, groups={"level": "1"})
    (score,) = bench.judge(prompt, [rendered(character)], Judges(ocr=reader), Path())
    assert score.values["right"] == score.values["ceiling"]
