from pathlib import Path

import pytest
from evaluated import made_run

from hanmo.evaluate.catalog import CATALOG, benchmark
from hanmo.evaluate.report.reference import every_reference, references, references_of
from hanmo.evaluate.types import Interval


def test_every_published_score_belongs_to_a_benchmark_and_says_where_it_was_read() -> None:
    for one in every_reference():
        assert one.benchmark in CATALOG
        assert one.source
        assert one.figures
        assert one.unverified <= set(one.figures)
        assert all(value > 0 for value in one.figures.values())
    assert {one.benchmark for one in every_reference()} == set(CATALOG) - {"textcraft", "vae"}


def test_no_model_stands_twice_for_the_same_options() -> None:
    keys = [(one.benchmark, one.model, tuple(one.options.items())) for one in every_reference()]
    assert len(set(keys)) == len(keys)


def test_the_published_tiers_of_chineseword_give_the_published_whole() -> None:
    for one in references("chineseword"):
        tiers = [one.figures[f"level {level}"] for level in (1, 2, 3)]
        whole = sum(share * size for share, size in zip(tiers, (3500, 3000, 1605), strict=True)) / 8105
        assert whole == pytest.approx(one.figures["overall"], abs=6e-5)


def test_what_was_noted_once_is_told_from_what_was_confirmed() -> None:
    qwen = {one.benchmark: one for one in every_reference() if one.model == "Qwen-Image" and not one.options}
    assert "overall" not in qwen["dpg"].unverified
    assert qwen["chineseword"].unverified == {"level 1", "level 2", "level 3"}
    assert qwen["gedit-cn"].unverified == set(qwen["gedit-cn"].figures)


def test_a_run_is_laid_beside_scores_of_its_options_only(tmp_path: Path) -> None:
    metrics = {"overall": Interval(0.5, 0.4, 0.6)}
    mini = {"options": {"split": "mini", "length": "long"}}
    full = {"options": {"split": "full", "length": "long"}}
    report = made_run(tmp_path / "a", benchmark="tiif", metrics=metrics, provenance=mini).report
    assert [one.figures["overall"] for one in references_of(report)] == [0.8829, 0.8683, 0.8431]
    assert references_of(made_run(tmp_path / "b", benchmark="tiif", metrics=metrics, provenance=full).report) == []
    other = made_run(tmp_path / "c", benchmark="dpg", metrics={"another": metrics["overall"]}).report
    assert references_of(other) == []


@pytest.mark.parametrize(
    "name", ["geneval", "dpg", "oneig-en", "oneig-zh", "tiif", "cvtg2k", "longtext-en", "longtext-zh", "chineseword",
             "gedit-en", "gedit-cn"],
)  # fmt: skip
def test_published_figures_have_the_names_of_the_benchmarks_table(name: str) -> None:
    module = CATALOG[name].place.partition(":")[0]
    pytest.importorskip(f"hanmo.evaluate.benchmarks.{module}")
    table = benchmark(name).summary([])
    found = references(name)
    assert found
    assert all(set(one.figures) <= set(table) for one in found)
    assert next(iter(table)) in found[0].figures  # the headline is published
