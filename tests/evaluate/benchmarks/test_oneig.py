import random
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from PIL import Image

from hanmo.data.ocr import Line
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.oneig import DIMENSIONS, OneIG
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score


class Says:
    """Gives the same answer to everything and keeps the pictures that it was shown."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.shown: list[Image.Image] = []

    def describe(self) -> Mapping[str, str]:
        return {"kind": "says"}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.shown += images
        return self.answer

    def read(self, image: Image.Image) -> list[Line]:
        return [Line(word, (0, 0, 1, 1), 1.0) for word in self.answer.split()]


class Same:
    """Puts everything in one place."""

    def describe(self) -> Mapping[str, str]:
        return {"kind": "same"}

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        return np.ones((len(images), 1))

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        return np.ones((len(texts), 1))


def noise(seed: int) -> Image.Image:
    return Image.frombytes("RGB", (16, 16), random.Random(seed).randbytes(16 * 16 * 3))


def result(which: str, number: int, *scores: Score) -> Result:
    return Result(Prompt(f"{which}-{number:03d}", "", groups={"set": which}), (1, 2), scores)


CARD = Prompt("text-000", "a card", truth={"text": "['HANMO']"}, groups={"set": "text"})


@pytest.mark.parametrize(("language", "count"), [("en", 1120), ("zh", 1320)])
def test_the_whole_official_table_is_read(shared: Path, language: str, count: int) -> None:
    for official_compat in (False, True):
        prompts = benchmark(f"oneig-{language}", official_compat=official_compat).load(shared / "bench")
        assert len({prompt.id for prompt in prompts}) == len(prompts) == count
        assert all(prompt.text for prompt in prompts)
    sets = Counter(prompt.groups["set"] for prompt in prompts)
    first = {"anime": 245, "human": 244, "object": 206, "text": 200, "reasoning": 225}
    assert sets == first | ({"multilingualism": 200} if language == "zh" else {})
    for which, key in (("anime", "questions"), ("human", "parents"), ("text", "text"), ("reasoning", "answer")):
        assert all(prompt.truth[key] for prompt in prompts if prompt.groups["set"] == which)


def test_only_the_prompts_of_the_wanted_dimensions_are_made(shared: Path) -> None:
    data = shared / "bench"
    assert len(OneIG("en", dimensions=("style",)).load(data)) == 114
    assert len(OneIG("zh", dimensions=("alignment",)).load(data)) == 245 + 244 + 206 + 200
    assert len(OneIG("en", dimensions=("text", "reasoning")).load(data)) == 425


def test_nine_texts_have_line_breaks_that_the_official_script_reads_as_letters(shared: Path) -> None:
    """Counted in the files: the sequence of a backslash and an n that no small letter follows."""
    for language in ("en", "zh"):
        mild = OneIG(language, dimensions=("text",)).load(shared / "bench")
        strict = OneIG(language, dimensions=("text",), official_compat=True).load(shared / "bench")
        differ = [a.id for a, b in zip(mild, strict, strict=True) if a.truth != b.truth]
        assert differ == [f"text-{n}" for n in (195, 196, 197, 198, 199) if (language, n) != ("zh", 197)]


def test_a_changed_or_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"hanmo eval fetch oneig-en"):
        OneIG("en", dimensions=("text",)).load(tmp_path)


def test_a_dimension_brings_its_judges_and_files_and_nothing_else() -> None:
    assert isinstance(OneIG("zh"), Benchmark)
    assert OneIG("en").needs == ("vlm", "embedder:llm2clip", "embedder:csd", "embedder:style", "embedder:dreamsim")
    assert len(OneIG("en").files) == 8
    assert len(OneIG("zh").files) == 9
    text = OneIG("en", dimensions=("text",))
    assert (text.needs, set(text.questions), len(text.files)) == (("vlm",), {"text"}, 2)
    assert OneIG("en", dimensions=("text",), reader="ocr").needs == ("ocr",)
    assert OneIG("en", dimensions=("diversity",)).questions == {}


def test_a_dimension_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RequestError, match=r"'beauty' was given; choose from alignment, text"):
        OneIG("en", dimensions=("text", "beauty"))
    with pytest.raises(RequestError, match="none was given"):
        OneIG("en", dimensions=())


@pytest.mark.parametrize("reader", ["vlm", "ocr"])
def test_a_text_is_read_by_whom_the_run_wants(reader: str, tmp_path: Path) -> None:
    task = OneIG("en", dimensions=("text",), reader=reader)
    judges = Judges(vlm=Says("HANNO!")) if reader == "vlm" else Judges(ocr=Says("HANNO!"))
    scores = task.judge(CARD, [noise(1)], judges, tmp_path)
    assert [score.values for score in scores] == [{"ED": 1, "CR": 0, "matched": 0, "wanted": 1}]
    assert scores[0].saw == {"text": {"wanted": "HANMO", "said": "HANNO!"}}


def test_a_dimension_without_a_judge_does_not_stop_the_others(tmp_path: Path) -> None:
    scores = OneIG("en").judge(CARD, [noise(1), noise(2)], Judges(embedders={"dreamsim": Same()}), tmp_path)
    assert [(score.picture, score.values) for score in scores] == [(0, {}), (1, {}), (None, {"diversity": 0.0})]
    assert scores[0].unjudged == "text: no judge for the role vlm"


def test_reasoning_and_alignment_are_asked_of_the_prompts_that_have_them(tmp_path: Path) -> None:
    both = Prompt("reasoning-001", "why", truth={"answer": "so", "questions": ["a?"], "parents": [[]]})
    judges = Judges(vlm=Says("No"), embedders={"llm2clip": Same()})
    scores = OneIG("en", dimensions=("alignment", "reasoning")).judge(both, [noise(1)], judges, tmp_path)
    assert [score.values for score in scores] == [{"alignment": 0.0}, {"reasoning": 1.0}]
    assert scores[1].saw == {"reasoning": {"wanted": "so"}}


def test_compat_shows_pictures_that_went_through_jpeg_and_leaves_out_black_ones(tmp_path: Path) -> None:
    pictures = [Image.new("RGB", (16, 16)), noise(1), noise(2)]
    seen: dict[bool, Says] = {}
    for official_compat in (False, True):
        seen[official_compat] = Says("HANMO")
        task = OneIG("en", official_compat=official_compat, dimensions=("text", "diversity"))
        scores = task.judge(CARD, pictures, Judges(vlm=seen[official_compat], embedders={"dreamsim": Same()}), tmp_path)
        assert [score.picture for score in scores] == [0, 1, 2, None]
        assert [score.unjudged is None for score in scores] == [not official_compat, True, True, True]
    assert [image.tobytes() for image in seen[False].shown] == [image.tobytes() for image in pictures]
    assert len(seen[True].shown) == 2
    assert all(a.tobytes() != b.tobytes() for a, b in zip(seen[True].shown, pictures[1:], strict=True))


def test_overall_is_the_mean_of_five_as_in_the_report() -> None:
    """.882 .891 .306 .418 .197 -> .539 (report, table of OneIG-Bench EN), with a text of ED 10.9, CR 0, WAC 0."""
    results = [
        result("human", 0, Score({"alignment": 0.882}), Score({"diversity": 0.1}, None)),
        result(
            "text", 0, Score({"ED": 10.9, "CR": 0.0, "matched": 0.0, "wanted": 4.0}), Score({"diversity": 0.1}, None)
        ),
        result("reasoning", 0, Score({"reasoning": 0.306}), Score({"diversity": 0.388}, None)),
        result("anime", 0, Score({"style": 0.418}), Score({"diversity": 0.2}, None)),
    ]
    table = OneIG("en").summary(results)
    assert list(table)[:6] == ["overall", *DIMENSIONS]
    assert [round(table[name], 3) for name in DIMENSIONS] == [0.882, 0.891, 0.306, 0.418, 0.197]
    assert round(table["overall"], 3) == 0.539


def test_pictures_count_equally_within_a_prompt_and_prompts_among_each_other() -> None:
    """By hand: ((0 + 1)/2 + 1)/2; the unjudged one is no zero."""
    results = [
        result("human", 0, Score({"alignment": 0.0}, 0), Score({"alignment": 1.0}, 1)),
        result("object", 0, Score({"alignment": 1.0}, 0), Score({}, 1, unjudged="?")),
        result("object", 1, Score({}, 0, unjudged="?")),
    ]
    table = OneIG("en", dimensions=("alignment",)).summary(results)
    assert table["alignment"] == 0.75
    assert table["alignment: human"] == 0.5
    assert np.isnan(table["alignment: anime"])
    assert "overall" not in table


def test_text_is_a_function_of_sums_over_pictures() -> None:
    """By hand: ED (0 + 40)/2, CR (1 + 0)/2, WAC (2 + 8)/(2 + 18)."""
    results = [
        result("text", 0, Score({"ED": 0.0, "CR": 1.0, "matched": 2.0, "wanted": 2.0})),
        result("text", 1, Score({"ED": 40.0, "CR": 0.0, "matched": 8.0, "wanted": 18.0})),
    ]
    english = OneIG("en", dimensions=("text",)).summary(results)
    assert english == {"text": pytest.approx(0.95), "text ED": 20, "text CR": 0.5, "text WAC": 0.5}
    assert OneIG("zh", dimensions=("text",)).summary(results)["text"] == pytest.approx(0.9)


def test_an_empty_run_has_no_figures_rather_than_good_ones() -> None:
    assert all(np.isnan(value) for value in OneIG("en").summary([]).values())
