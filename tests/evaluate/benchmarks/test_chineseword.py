import math
import re
from collections import Counter
from pathlib import Path

import pytest
from canned_reader import blank, readers

from hanmo.data.synthesize.hanzi import tiers
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.chineseword import TEMPLATES, ChineseWord, overall
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.types import Prompt, Result, Score


def result(character: str, level: str, **values: float) -> Result:
    prompt = Prompt(f"u{ord(character):x}", "", truth={"character": character}, groups={"level": level})
    return Result(prompt, (0,), (Score(values),))


def test_it_is_the_benchmark_that_the_catalog_names() -> None:
    made = benchmark("chineseword", sample=3)
    assert isinstance(made, Benchmark)
    assert made == ChineseWord(sample=3)


def test_every_character_is_asked_for_once(tmp_path: Path) -> None:
    prompts = ChineseWord().load(tmp_path)
    assert len(prompts) == 8105
    assert Counter(p.groups["level"] for p in prompts) == {"1": 3500, "2": 3000, "3": 1605}
    assert "".join(p.truth["character"] for p in prompts) == "".join(tiers())
    assert all(p.text.count(p.truth["character"]) >= 1 for p in prompts)


def test_the_levels_are_those_of_the_published_lists(shared: Path) -> None:
    for level, tier in enumerate(tiers(), start=1):
        listed = (shared / "bench" / "chineseword" / f"level{level}.txt").read_text(encoding="utf-8")
        assert "".join(listed.split()) == tier


def test_names_are_safe_for_files_also_beyond_the_basic_plane(tmp_path: Path) -> None:
    prompts = ChineseWord().load(tmp_path)
    assert all(re.fullmatch(r"u[0-9a-f]{4,5}", p.id) for p in prompts)
    assert len({p.id for p in prompts}) == 8105
    astral = [p for p in prompts if len(p.id) == 6]
    assert len(astral) == 196
    assert all(chr(int(p.id[1:], 16)) == p.truth["character"] for p in astral)


def test_each_level_meets_all_templates_equally_often(tmp_path: Path) -> None:
    prompts = ChineseWord().load(tmp_path)
    for level in "123":
        met = Counter(
            p.text.replace(p.truth["character"], "{}", 1) if p.truth["character"] not in "".join(TEMPLATES) else ""
            for p in prompts
            if p.groups["level"] == level
        )
        del met[""]
        assert set(met) == set(TEMPLATES)
        assert max(met.values()) - min(met.values()) <= 20


def test_a_template_quotes_nothing_but_the_character() -> None:
    assert len(set(TEMPLATES)) == len(TEMPLATES)
    for template in TEMPLATES:
        assert re.findall(r'["“](.*?)["”]', template) == ["{}"]


def test_a_character_keeps_its_prompt_in_a_sample(tmp_path: Path) -> None:
    everything = {p.id: p for p in ChineseWord().load(tmp_path)}
    sample = ChineseWord(sample=4, seed=2).load(tmp_path)
    assert [p.groups["level"] for p in sample] == ["1"] * 4 + ["2"] * 4 + ["3"] * 4
    assert all(everything[p.id] == p for p in sample)
    assert sample != ChineseWord(sample=4, seed=3).load(tmp_path)


def test_the_published_levels_give_the_published_total() -> None:
    published = [("永", "1", 0.9729), ("亍", "2", 0.4053), ("𬣙", "3", 0.0648)]
    figures = ChineseWord(ceiling=False).summary([result(char, level, right=share) for char, level, share in published])
    assert round(100 * figures["overall"], 2) == 58.30
    assert list(figures) == ["overall", "level 1", "level 2", "level 3"]


def test_the_total_of_a_sample_is_weighted_by_the_whole_table() -> None:
    rows = [result("永", "1", right=1.0), result("亍", "2", right=0.0), result("𬣙", "3", right=0.0)]
    assert ChineseWord(sample=1, ceiling=False).summary(rows)["overall"] == pytest.approx(3500 / 8105)
    assert math.isnan(ChineseWord(ceiling=False).summary(rows[:2])["overall"])
    assert overall([0.5, 0.5, 0.5]) == pytest.approx(0.5)


@pytest.mark.parametrize("character", ["永", "𬣙"])
def test_the_judge_reads_the_rendered_character_too(character: str) -> None:
    bench = ChineseWord()
    prompt = result(character, "1").prompt
    # First the character as a font draws it, which this reader knows; then three pictures.
    scores = bench.judge(prompt, blank(3), readers([character], [character, "ok"], ["氷"], None), Path())
    assert [score.values for score in scores] == [{"right": 1.0, "ceiling": 1.0}, {"right": 0.0, "ceiling": 1.0}, {}]
    assert scores[1].saw == {"wanted": character, "read": ["氷"]}
    assert scores[2].unjudged == "the reader gave no answer"


def test_the_ceiling_stands_beside_the_figures() -> None:
    rows = [
        result("永", "1", right=1.0, ceiling=1.0),
        result("亍", "2", right=0.0, ceiling=1.0),
        result("𬣙", "3", right=0.0, ceiling=0.0),
    ]
    figures = ChineseWord().summary(rows)
    assert list(figures)[4:] == ["ceiling, overall", "ceiling, level 1", "ceiling, level 2", "ceiling, level 3"]
    assert figures["ceiling, overall"] == pytest.approx(6500 / 8105)
    assert figures["ceiling, level 3"] == 0.0


def test_a_judge_that_will_not_read_the_rendered_character_leaves_the_ceiling_out() -> None:
    bench = ChineseWord()
    prompt = result("永", "1").prompt
    (score,) = bench.judge(prompt, blank(), readers(None, ["永"]), Path())
    assert score.values == {"right": 1.0}


def test_without_a_ceiling_only_the_pictures_are_read() -> None:
    bench = ChineseWord(ceiling=False)
    (score,) = bench.judge(result("永", "1").prompt, blank(), readers(["永"]), Path())
    assert score.values == {"right": 1.0}


def test_a_font_that_is_missing_is_named_before_any_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hanmo.data.synthesize.fonts import font_path

    monkeypatch.setenv("HANMO_FONT_ZH_SANS", str(tmp_path / "nowhere.ttf"))
    font_path.cache_clear()
    try:
        with pytest.raises(RequestError, match="HANMO_FONT_ZH_SANS"):
            ChineseWord(sample=1).load(tmp_path)
        assert len(ChineseWord(sample=1, ceiling=False).load(tmp_path)) == 3
    finally:
        font_path.cache_clear()


def test_compat_is_refused_since_there_is_no_official_script() -> None:
    with pytest.raises(RequestError, match="no official script"):
        ChineseWord(official_compat=True)


def test_a_sample_larger_than_the_smallest_level_is_refused() -> None:
    with pytest.raises(RequestError, match="give 1 to 1605"):
        ChineseWord(sample=2000)
