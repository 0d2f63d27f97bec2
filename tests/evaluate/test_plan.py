from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from colours import Colours

from hanmo.errors import RequestError
from hanmo.evaluate.plan import RunOptions, options_of, plan_run, sampled, seeds_of
from hanmo.evaluate.types import Prompt


def test_seeds_depend_on_the_run_and_the_prompt_alone() -> None:
    assert seeds_of("a", 3, 7)[:2] == seeds_of("a", 2, 7)
    assert len({seed for name in "abcdefgh" for run in (0, 1) for seed in seeds_of(name, 4, run)}) == 64
    assert seeds_of("a", 2, 7, shared=True) == seeds_of("b", 2, 7, shared=True) == (7, 8)
    assert all(0 <= seed < 1 << 31 for seed in seeds_of("any", 1, 2**31 - 1))
    # Pinned: another rule would paint other pictures into old runs.
    assert seeds_of("red-0", 2, 5) == (1940587335, 1940587336)


def test_a_limited_run_takes_evenly_from_the_groups_and_a_larger_limit_more() -> None:
    prompts = [
        Prompt(f"{tag}{row}", "", groups={"tag": tag})
        for tag, n in (("a", 50), ("b", 10), ("c", 3))
        for row in range(n)
    ]
    few, more = sampled(prompts, 9), sampled(prompts, 20)
    assert Counter(prompt.groups["tag"] for prompt in few) == {"a": 3, "b": 3, "c": 3}
    assert Counter(prompt.groups["tag"] for prompt in more)["c"] == 3
    assert {prompt.id for prompt in few} < {prompt.id for prompt in more}
    assert few == [prompt for prompt in prompts if prompt in few]
    assert {prompt.id for prompt in few} != {f"{tag}{row}" for tag in "abc" for row in range(3)}
    assert sampled(prompts, None) == sampled(prompts, 99) == prompts


def test_settings_say_what_a_picture_depends_on(tmp_path: Path) -> None:
    plan = plan_run(Colours(), {"kind": "x"}, RunOptions(seed=3, limit=2), tmp_path, "colours")
    assert plan.settings["images"] == 2
    assert plan.settings["generator"] == {"kind": "x"}
    assert plan.settings["options"] == options_of(Colours())
    other = plan_run(Colours(official_compat=True, tolerance=1.0), {"kind": "x"}, RunOptions(seed=3), tmp_path)
    assert other.settings["prompts_hash"] == plan.settings["prompts_hash"]
    assert len(other.prompts) == 8
    assert len(plan.prompts) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": -1}, "seed -1"),
        ({"images": 0}, "images 0"),
        ({"limit": 0}, "limit 0"),
        ({"draws": 0}, "draws 0"),
        ({"concurrency": 0}, "concurrency 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(options: dict[str, int], said: str) -> None:
    with pytest.raises(RequestError, match=f"{said} is not allowed"):
        RunOptions(**options)


def test_ids_that_cannot_name_files_are_refused(tmp_path: Path) -> None:
    class Bad(Colours):
        def load(self, data: Path) -> list[Prompt]:
            return [Prompt("a/b", "")]

    class Twice(Colours):
        def load(self, data: Path) -> list[Prompt]:
            return [Prompt("a", ""), Prompt("a", "")]

    with pytest.raises(RequestError, match="'a/b' cannot name a file"):
        plan_run(Bad(), {}, RunOptions(), tmp_path)
    with pytest.raises(RequestError, match="two prompts of one id"):
        plan_run(Twice(), {}, RunOptions(), tmp_path)
