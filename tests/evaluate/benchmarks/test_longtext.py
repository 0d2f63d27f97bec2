"""Expected numbers marked (official) are what X-Omni's textbench at 2b8237b says of the same texts and readings."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest
from canned_reader import blank, readers

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.longtext import CATEGORIES, LongText, pieces, without_empty_phrases
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.types import Prompt, Result

Language = Literal["en", "zh"]

# Texts, what was read, (official) matched and asked, and what is right where the official script errs.
ENGLISH = [
    (
        ["FRESH BREWS, EVERY MORNING, EVERY DAY", "Locally Roasted Since 1998", "CENTRAL PARK - 2 BLOCKS"],
        "Fresh Brews,\nEvery morning every day\nLocaly Roasted Since 1998\nCentral Park 2 blocks",
        (13, 14),
        13,
    ),
    (["Half-moon Café: it's open, it's warm"], "HALFMOON  café its open\naddCriterion\n", (4, 6), 4),
    (["No text is here"], "No text recognized.", (0, 4), 0),
    (["Hello World"], "addCriterionHello\nWorld", (1, 2), 2),
    (["one two two three"], "two two two one", (3, 4), 3),
]
CHINESE = [
    (
        ["每日新鲜烘焙", "本地烘焙，始于1998", "中央公园 - 2公里"],
        "每日新鲜烘培\n本地烘焙,始于1998\n中央公园一2公里",
        (22, 23),
        22,
    ),
    (["可乐 Cola"], "addCriterion\n可乐", (5, 6), 2),
    (["你好"], "No text recognized.", (0, 2), 0),
    (["天天向上"], "天 向 上 天 天", (4, 4), 4),
]


def entry(texts: list[str], **changes: object) -> str:
    return json.dumps(
        {"category": "sign", "length": "short", "prompt": "p", "text": texts, "text_length": 1, "prompt_id": 7}
        | changes
    )


def judged(bench: LongText, texts: list[str], reading: str) -> Result:
    (prompt,) = bench.prompts(entry(texts))
    return Result(prompt, (0,), tuple(bench.judge(prompt, blank(), readers(reading.split("\n")), Path())))


def test_it_is_the_benchmark_that_the_catalog_names() -> None:
    for language in ("en", "zh"):
        made = benchmark(f"longtext-{language}", official_compat=True)
        assert isinstance(made, Benchmark)
        assert (made.name, made.official_compat) == (f"longtext-{language}", True)


@pytest.mark.parametrize(("language", "counted"), [("en", 4263), ("zh", 7944)])
def test_all_official_prompts_are_read(shared: Path, language: Language, counted: int) -> None:
    read = LongText(language).load(shared / "bench")
    assert Counter((p.groups["category"], p.groups["length"]) for p in read) == {
        (category, length): 10 for category in CATEGORIES for length in ("short", "long")
    }
    assert len({p.id for p in read}) == 160
    # (official): the sums of gt_word_count over the whole file.
    assert sum(len(pieces(" ".join(p.truth["texts"]), language)) for p in read) == counted


@pytest.mark.parametrize(
    ("language", "texts", "reading", "official"),
    [("en", *case[:3]) for case in ENGLISH] + [("zh", *case[:3]) for case in CHINESE],
)
def test_compat_says_what_the_official_script_says(
    language: Language, texts: list[str], reading: str, official: tuple[int, int]
) -> None:
    (score,) = judged(LongText(language, official_compat=True), texts, reading).scores
    matched, asked = official
    assert score.values == {"accuracy": matched / asked, "wanted": asked}


@pytest.mark.parametrize(
    ("language", "texts", "reading", "matched"),
    [("en", *case[:2], case[3]) for case in ENGLISH] + [("zh", *case[:2], case[3]) for case in CHINESE],
)
def test_every_empty_phrase_is_removed(language: Language, texts: list[str], reading: str, matched: int) -> None:
    (score,) = judged(LongText(language), texts, reading).scores
    assert score.values["accuracy"] * score.values["wanted"] == pytest.approx(matched)


def test_a_reader_that_says_it_read_nothing_has_read_nothing() -> None:
    # Asked to answer "No text recognized", without a full stop; two of its words are in the text.
    texts, answer = ["No text is here"], "No text recognized"
    assert judged(LongText("en", official_compat=True), texts, answer).values("accuracy") == [0.5]  # (official): 2 of 4
    assert judged(LongText("en"), texts, answer).values("accuracy") == [0.0]
    assert without_empty_phrases("No text recognized.") == ""


@pytest.mark.parametrize(("language", "cases", "official"), [("en", ENGLISH, 21 / 30), ("zh", CHINESE, 31 / 35)])
def test_pictures_are_pooled_by_what_was_asked(language: Language, cases: list[tuple], official: float) -> None:
    bench = LongText(language, official_compat=True)
    figures = bench.summary([judged(bench, texts, reading) for texts, reading, *_ in cases])
    assert figures["text accuracy"] == pytest.approx(official)  # (official): 0.7000 and 0.8857
    assert list(figures) == ["text accuracy", "short", "long", *CATEGORIES]
    assert figures["short"] == figures["sign"] == figures["text accuracy"]
    assert math.isnan(figures["long"])


def test_the_person_who_checks_sees_what_was_missed() -> None:
    (score,) = judged(LongText("en"), ["one two two three"], "two one").scores
    assert score.saw == {"read": ["two one"], "missed": ["three", "two"]}


def test_each_of_four_pictures_has_its_score_and_one_may_be_unjudged() -> None:
    bench = LongText("en")
    (prompt,) = bench.prompts(entry(["one two"]))
    scores = bench.judge(prompt, blank(4), readers(["one"], None, ["two one"], []), Path())
    assert [score.values.get("accuracy") for score in scores] == [0.5, None, 1.0, 0.0]
    assert bench.summary([Result(prompt, (0, 1, 2, 3), tuple(scores))])["text accuracy"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "line",
    ["{", "3", "{}", entry(["a"], prompt_id="x"), entry(["a"], category="menu"), entry(["!?"]), entry([])],
)
def test_a_line_of_another_schema_is_refused(line: str) -> None:
    with pytest.raises(RequestError, match=r"line 2 of longtext/text_prompts\.jsonl is not as LongText-Bench has it"):
        LongText("en").prompts(entry(["a"]) + "\n" + line)


def test_a_language_that_it_does_not_have_is_refused() -> None:
    bench = LongText("en")
    object.__setattr__(bench, "language", "fr")  # beartype, which runs in these tests only, would refuse it first
    with pytest.raises(RequestError, match="choose en or zh"):
        bench.__post_init__()


def test_a_prompt_names_its_file_safely() -> None:
    (prompt,) = LongText("zh").prompts(entry(["你好"], category="dialogue", prompt_id=199))
    assert isinstance(prompt, Prompt)
    assert prompt.id == "dialogue-199"
