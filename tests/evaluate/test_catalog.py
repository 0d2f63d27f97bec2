from __future__ import annotations

from dataclasses import fields

import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.catalog import CATALOG, benchmark

WITHOUT_A_SCRIPT = ("textcraft", "chineseword", "gso", "vae")


@pytest.mark.parametrize("name", CATALOG)
def test_every_name_is_a_benchmark_and_says_what_it_needs(name: str) -> None:
    made = benchmark(name)
    assert isinstance(made, Benchmark)
    assert made.images >= 1
    assert all(role.partition(":")[0] in ("detector", "ocr", "vlm", "embedder") for role in made.needs)
    assert {field.name for field in fields(made)} >= {"official_compat", *CATALOG[name].fixed}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CATALOG)
def test_the_official_scripts_quirks_are_an_option_where_there_is_a_script(name: str) -> None:
    if name in WITHOUT_A_SCRIPT:
        with pytest.raises(RequestError, match="no official script"):
            benchmark(name, official_compat=True)
    else:
        assert benchmark(name, official_compat=True).official_compat


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one() -> None:
    with pytest.raises(RequestError, match="did you mean 'geneval'"):
        benchmark("genevel")
    with pytest.raises(RequestError, match="has no option 'speed'"):
        benchmark("geneval", speed=1)
