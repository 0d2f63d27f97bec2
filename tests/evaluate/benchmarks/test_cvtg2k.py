"""Expected numbers marked (official) are what unified_metrics_eval.py of zlab-princeton/i1 at b58a62f says."""

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from canned_reader import Canned, blank
from PIL import Image, ImageDraw, ImageFont

from hanmo.data.synthesize.fonts import font_path
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.cvtg2k import CVTG2K, compared, quoted, similarity
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Prompt, Result, Score


class Compass:
    """Two dimensions: pictures point along the first axis, a text at the angle that it was given for it."""

    def __init__(self, **angles: float) -> None:
        self.angles = {text.replace("_", " "): angle for text, angle in angles.items()}

    def describe(self) -> dict[str, str]:
        return {"kind": "compass"}

    def image(self, images: list[Image.Image]) -> np.ndarray:
        return np.array([[1.0, 0.0]] * len(images))

    def text(self, texts: list[str]) -> np.ndarray:
        return np.array([[math.cos(self.angles[text]), math.sin(self.angles[text])] for text in texts])


def prompts(*texts: str, official_compat: bool = False, part: str = "CVTG/2") -> list[Prompt]:
    entries = [{"index": index, "prompt": text} for index, text in enumerate(texts)]
    return CVTG2K(official_compat).prompts(json.dumps({"data_list": entries}), part)


def test_it_is_the_benchmark_that_the_catalog_names() -> None:
    made = benchmark("cvtg2k", official_compat=True)
    assert isinstance(made, Benchmark)
    assert made == CVTG2K(official_compat=True)


@pytest.mark.parametrize("official_compat", [False, True])
def test_all_official_prompts_are_read(shared: Path, official_compat: bool) -> None:
    read = CVTG2K(official_compat).load(shared / "bench")
    assert Counter((p.groups["set"], p.groups["regions"]) for p in read) == {
        ("CVTG", "2"): 200,
        ("CVTG", "3"): 301,
        ("CVTG", "4"): 300,
        ("CVTG", "5"): 201,
        ("CVTG-Style", "2"): 200,
        ("CVTG-Style", "3"): 299,
        ("CVTG-Style", "4"): 302,
        ("CVTG-Style", "5"): 197,
    }
    assert len({p.id for p in read}) == 2000
    assert sum(len(p.truth["texts"]) != int(p.groups["regions"]) for p in read) == 9
    assert sum("’" in text for p in read for text in p.truth["texts"]) == 17


def test_both_ways_to_find_the_texts_agree_on_the_official_prompts(shared: Path) -> None:
    assert CVTG2K().load(shared / "bench") == CVTG2K(official_compat=True).load(shared / "bench")


def test_hello_and_helo_have_the_published_similarity() -> None:
    assert similarity("hello", "helo") == pytest.approx(0.8000004, abs=1e-9)  # (official) 0.8000003999992
    assert similarity("hello", "hello") == 1.0
    assert similarity("abc", "") == pytest.approx(3.3333222e-6)  # (official)


def test_an_apostrophe_inside_a_word_is_no_quotation_mark() -> None:
    prompt = "The driver's sign reads 'STOP' near the baker's van with 'Dad's Pies'."
    assert quoted(prompt) == ["STOP", "Dad's Pies"]
    assert quoted(prompt, official_compat=True) == ["s sign reads ", " near the baker", "Dad"]


OFFICIAL = [
    ("A shop sign says 'HELLO World' beside 'Open 24/7'.", ["Helo world", "OPEN 24/7"], 4, 3, 0.9500000999998),
    ("Two doors read 'Exit' and 'Exit'.", ["EXIT"], 2, 2, 1.0),
    ("The driver's sign reads 'STOP' near the baker's van.", ["STOP"], 6, 0, 0.12500202082861453),
    ("A board shows 'Driver’s Ed – Today'.", ["Driver's Ed - today"], 4, 2, 0.7187505390614511),
    ("A cup with 'Tea'.", [], 1, 0, 3.3333222222431402e-06),
    ("A sign 'Market'.", ["mart ket", "marked", "mraket"], 1, 0, 0.6666672222212963),
    ("A poster 'stressed'.", ["desserts", "dress"], 1, 0, 0.5000006249992187),
    ("A card 'abcd'.", ["bcda", "abxx"], 1, 0, 0.5000012499968749),
]


@pytest.mark.parametrize(("prompt", "read", "words", "hits", "ned"), OFFICIAL)
def test_compat_says_what_the_official_script_says(
    prompt: str, read: list[str], words: int, hits: int, ned: float
) -> None:
    found = compared(quoted(prompt, official_compat=True), read, official_compat=True)
    assert found == {"words": words, "accuracy": hits / words, "ned": pytest.approx(ned, abs=1e-12)}


def test_compat_pools_words_as_the_official_script_does() -> None:
    bench = CVTG2K(official_compat=True)
    judges = Judges(
        ocr=Canned(*(read for _, read, *_ in OFFICIAL)),
        embedders={"clip": Compass(**{"A photo depicts " + prompt: 0.0 for prompt, *_ in OFFICIAL})},
    )
    asked = prompts(*(prompt for prompt, *_ in OFFICIAL), official_compat=True)
    results = [Result(p, (0,), tuple(bench.judge(p, blank(), judges, Path()))) for p in asked]
    figures = bench.summary(results)
    assert figures["word accuracy"] == pytest.approx(7 / 20)  # (official)
    assert figures["NED"] == pytest.approx(0.5545843555878152)  # (official)
    assert figures["CLIPScore"] == pytest.approx(2.5)


def test_a_word_asked_for_twice_must_be_written_twice() -> None:
    assert compared(["Exit", "Exit"], ["EXIT"])["accuracy"] == 0.5
    assert compared(["Exit", "Exit"], ["EXIT", "exit"])["accuracy"] == 1.0


def test_the_nearest_word_is_at_the_least_distance() -> None:
    # One letter of six differs from "marked", two from "mraket", which difflib prefers.
    assert compared(["Market"], ["marked", "mraket"])["ned"] == pytest.approx(5 / 6, abs=1e-5)


def test_full_width_signs_and_curly_apostrophes_are_their_plain_forms() -> None:
    assert compared(["Driver’s Ed – Today: 5"], ["Driver's Ed - today： ５"])["accuracy"] == 1.0


def test_clipscore_compares_the_picture_with_the_described_prompt() -> None:
    bench = CVTG2K()
    near, away = prompts("A sign 'A'", "A sign 'B'")
    compass = Compass(**{"A photo depicts A sign 'A'": math.acos(0.3), "A photo depicts A sign 'B'": math.pi})
    judges = Judges(ocr=Canned(["a"], ["b"]), embedders={"clip": compass})
    results = [Result(p, (0,), tuple(bench.judge(p, blank(), judges, Path()))) for p in (near, away)]
    assert [r.scores[0].values["clip"] for r in results] == [pytest.approx(0.75), 0.0]
    assert bench.summary(results)["CLIPScore"] == pytest.approx(0.375)


def test_figures_are_given_for_each_number_of_regions() -> None:
    def result(regions: str, words: float, accuracy: float) -> Result:
        prompt = Prompt(regions, "", groups={"regions": regions, "set": "CVTG"})
        return Result(prompt, (0,), (Score({"words": words, "accuracy": accuracy, "ned": accuracy, "clip": 0.2}),))

    figures = CVTG2K().summary([result("2", 2.0, 1.0), result("2", 6.0, 0.5), result("3", 2.0, 0.0)])
    assert list(figures) == ["word accuracy", "2 regions", "3 regions", "4 regions", "5 regions", "NED", "CLIPScore"]
    assert figures["word accuracy"] == pytest.approx(5 / 10)
    assert figures["2 regions"] == pytest.approx(5 / 8)
    assert figures["3 regions"] == 0.0
    assert math.isnan(figures["4 regions"])


def test_a_picture_that_cannot_be_read_counts_nowhere() -> None:
    bench = CVTG2K()
    (prompt,) = prompts("A sign 'A'")
    judges = Judges(ocr=Canned(None, ["A"]), embedders={"clip": Compass(**{"A photo depicts A sign 'A'": 0.0})})
    scores = bench.judge(prompt, blank(2), judges, Path())
    assert scores[0].unjudged == "the reader gave no answer"
    assert bench.summary([Result(prompt, (0, 1), tuple(scores))])["word accuracy"] == 1.0


def test_a_missing_judge_is_named() -> None:
    with pytest.raises(Unjudged, match="embedder:clip"):
        CVTG2K().judge(prompts("A sign 'A'")[0], blank(), Judges(ocr=Canned()), Path())


@pytest.mark.parametrize("text", ["[]", "{", '{"data_list": [{"index": 0}]}', '{"data_list": [3]}'])
def test_a_file_of_another_schema_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"cvtg2k/prompts/CVTG/2\.json is not as CVTG-2K has it"):
        CVTG2K().prompts(text, "CVTG/2")


def test_a_prompt_without_a_text_is_refused() -> None:
    with pytest.raises(RequestError, match=r"prompt 0 .* quotes no text"):
        prompts("A quiet street.")


def test_rapidocr_reads_two_signs_and_the_official_rule_misses_the_curly_apostrophe() -> None:
    pytest.importorskip("rapidocr")
    from hanmo.data.ocr import OCR

    picture = Image.new("RGB", (320, 128), "white")
    font = ImageFont.truetype(str(font_path("en", "serif")), 32)
    asked = ["Open 24/7", "Driver’s Ed"]
    for row, text in enumerate(asked):
        ImageDraw.Draw(picture).text((24, 12 + 56 * row), text, fill="black", font=font)
    read = [line.text for line in OCR().read(picture)]
    assert compared(asked, read)["accuracy"] == 1.0
    assert compared(asked, read, official_compat=True)["accuracy"] == 0.75
