import math

from hanmo.evaluate.benchmarks.group_means import group_means, mean, prompt_means
from hanmo.evaluate.types import Prompt, Result, Score


def result(group: str | None, *values: float | None) -> Result:
    scores = tuple(
        Score({}, n, unjudged="silent") if value is None else Score({"x": value}, n) for n, value in enumerate(values)
    )
    return Result(Prompt("p", "", groups={} if group is None else {"kind": group}), tuple(range(len(scores))), scores)


RESULTS = [result("b", 1.0, 3.0), result("a", 6.0), result("b", 4.0, None), result("c", None), result(None, 9.0)]


def test_a_prompt_counts_once_however_many_pictures_it_has() -> None:
    assert prompt_means(RESULTS, "x") == [2.0, 6.0, 4.0, 9.0]


def test_groups_come_in_the_tables_order_and_those_with_nothing_judged_not_at_all() -> None:
    assert list(group_means(RESULTS, "kind", "x", ("a",)).items()) == [("a", 6.0), ("b", 3.0)]


def test_the_mean_of_nothing_is_no_number() -> None:
    assert math.isnan(mean([]))
    assert group_means([], "kind", "x", ("a",)) == {}
