from collections import Counter
from pathlib import Path

import pytest
from canned_judge import CannedVLM, in_order, judges
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.imgedit import ImgEdit
from hanmo.evaluate.benchmarks.imgedit_answers import asked_names, official_mean
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.types import Prompt, Result, Score

PROMPT = Prompt("7", "add a cat", "edit", {"picture": "uge/1.jpg"}, {"kind": "uge"})
UGE = ImgEdit("uge")
EDITED = Image.new("RGB", (20, 10))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "imgedit" / "pictures" / "uge"
    folder.mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(folder / "1.jpg")
    return tmp_path


def test_all_737_instructions_of_the_official_file_are_read_with_their_questions(shared: Path) -> None:
    prompts = ImgEdit().load(shared / "bench")
    # the counts of the paper's table
    assert Counter(prompt.groups["kind"] for prompt in prompts) == {
        "add": 95,
        "adjust": 94,
        "extract": 117,
        "replace": 92,
        "remove": 86,
        "background": 94,
        "style": 100,
        "compose": 23,
        "action": 36,
    }
    assert len({prompt.id for prompt in prompts}) == len(prompts) == 737
    assert prompts[0].truth["picture"] == "animal/000342021.jpg"


def test_the_uge_suite_has_47_instructions_and_one_score(shared: Path) -> None:
    suite = benchmark("imgedit", suite="uge")
    prompts = suite.load(shared / "bench")
    assert len(prompts) == 47
    assert asked_names(suite.questions["uge"]) == ("Score",)
    assert isinstance(suite, Benchmark)


def test_a_kinds_question_is_asked_and_its_three_scores_averaged(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "imgedit").mkdir()
    for file in (shared / "bench" / "imgedit").iterdir():
        (tmp_path / "imgedit" / file.name).symlink_to(file)
    prompt = ImgEdit().load(tmp_path)[0]
    assert prompt.groups == {"kind": "adjust"}
    picture = tmp_path / "imgedit" / "pictures" / prompt.truth["picture"]
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (30, 20), "red").save(picture)
    vlm = in_order("Prompt Compliance: 4\nVisual Seamlessness: **3**\nPhysical & Detail Fidelity: 2.5")
    (score,) = ImgEdit().judge(prompt, [EDITED], judges(vlm), tmp_path)
    assert score.values["mean"] == pytest.approx(9.5 / 3)
    assert score.values["Visual Seamlessness"] == 3.0
    sizes, question = vlm.asked[0]
    assert sizes == [(30, 20), (20, 10)]
    assert f"editing instruction is : {prompt.text}." in question


def test_a_malformed_answer_is_asked_for_again_and_then_unjudged(data: Path) -> None:
    vlm = in_order("Fit: 4", "Score: 3", "?", "?", "?")
    first, second = UGE.judge(PROMPT, [EDITED, EDITED], judges(vlm), data)
    assert first.values == {"mean": 3.0, "Score": 3.0}
    assert "'Score'" in (second.unjudged or "")
    assert all("The instruction: add a cat\n" in question for _, question in vlm.asked)


def test_compat_asks_once_and_averages_what_the_official_parser_finds(data: Path) -> None:
    vlm = in_order("Fit: 4\nLook: **3**\nCare: 3", "Fit: 4/5")
    first, second = ImgEdit("uge", official_compat=True).judge(PROMPT, [EDITED, EDITED], judges(vlm), data)
    assert first.values == {"mean": 3.5}
    assert second.unjudged is not None


def result(kind: str, *means: float | None) -> Result:
    scores = tuple(Score({}, 0, unjudged="silent") if m is None else Score({"mean": m}) for m in means)
    return Result(Prompt("x", "", "edit", {}, {"kind": kind}), (0,), scores)


def test_the_overall_score_is_the_mean_of_the_kinds() -> None:
    # by hand: add (4 + 11/3) / 2 = 3.8333, style 5 -> 4.41667; the script rounds to 3.67, then to 3.83 (3.835 in
    # binary lies below) -> 4.415
    exact = ImgEdit().summary([result("style", 5.0), result("add", 4.0), result("add", 11 / 3), result("add", None)])
    assert list(exact) == ["overall", "add", "style"]
    assert exact["overall"] == pytest.approx((23 / 6 + 5) / 2)
    rounded = ImgEdit(official_compat=True).summary([result("style", 5.0), result("add", 4.0), result("add", 3.67)])
    assert rounded == {"overall": pytest.approx(4.415), "add": 3.83, "style": 5.0}


def test_a_missing_picture_is_named_with_its_home(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"uge/1\.jpg.*sysuyy/ImgEdit"):
        UGE.judge(PROMPT, [EDITED], judges(CannedVLM(lambda sizes, question: "")), tmp_path)


def test_a_suite_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RequestError, match="basic or uge"):
        benchmark("imgedit", suite="multi")


def canned(key: str) -> str:
    """An answer for each instruction: a sixth with a decimal, a sixth bold, a sixth as a share, some without any."""
    n = int(key)
    middle = n % 3 + 2
    said = {1: f"{middle}.5", 2: f"**{middle}**", 3: f"{middle}/5"}.get(n % 6, str(middle))
    return "no opinion" if n % 50 == 7 else f"Brief reasoning: canned.\nA: {n % 5 + 1}\nB: {said}\nC: {n % 4 + 1}"


def test_compat_gives_the_official_scripts_table_for_answers_to_all_737(shared: Path) -> None:
    results = []
    for prompt in ImgEdit().load(shared / "bench"):
        try:
            score = Score({"mean": official_mean(canned(prompt.id))})
        except ValueError:
            score = Score({}, unjudged="silent")
        results.append(Result(prompt, (0,), (score,)))
    assert sum(result.unjudged for result in results) == 737 - 723
    # step1_get_avgscore.py and step2_typescore.py on the same answers (commit 547185d1), run once
    assert ImgEdit(official_compat=True).summary(results) == {
        "overall": pytest.approx(2.7988888888888885),
        "add": 2.8,
        "adjust": 2.82,
        "extract": 2.83,
        "replace": 2.81,
        "remove": 2.8,
        "background": 2.83,
        "style": 2.81,
        "compose": 2.65,
        "action": 2.84,
    }
