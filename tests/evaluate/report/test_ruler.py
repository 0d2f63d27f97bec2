from evaluated import result

from hanmo.evaluate.report.ruler import ruler_of
from hanmo.evaluate.types import Prompt, Result, Score


def several(*values: float) -> Result:
    scores = tuple(Score({"right": value}, place) for place, value in enumerate(values))
    return Result(Prompt("many", "many"), tuple(range(len(values))), scores)


def test_a_sample_fails_when_one_of_its_pictures_does() -> None:
    results = [several(1.0, 1.0), several(1.0, 0.0)]
    ruler = ruler_of(results, None, frozenset())
    assert ruler is not None
    assert (ruler.name, ruler.failing) == ("right", "failed")
    assert [ruler.failed(one) for one in results] == [False, True]


def test_grades_have_a_worst_quarter_and_no_failing() -> None:
    results = [result(number, "text", number / 10) for number in range(8)]
    ruler = ruler_of(results, "exact", frozenset())
    assert ruler is not None
    assert ruler.failing == "worst quarter"
    assert [ruler.failed(one) for one in results] == [True, True, *[False] * 6]
    worst = ruler_of(results, "exact", frozenset({"exact"}))
    assert worst is not None
    assert [worst.failed(one) for one in results] == [*[False] * 6, True, True]


def test_equal_grades_have_no_worst_quarter() -> None:
    results = [result(number, "text", 0.7) for number in range(5)]
    ruler = ruler_of(results, None, frozenset())
    assert ruler is not None
    assert not any(ruler.failed(one) for one in results)


def test_what_is_unjudged_never_failed() -> None:
    results = [result(0, "text", None), result(1, "text", 1.0)]
    ruler = ruler_of(results, None, frozenset())
    assert ruler is not None
    assert not ruler.failed(results[0])
    assert ruler_of(results[:1], None, frozenset()) is None


def test_the_headline_is_what_counts_where_samples_have_it() -> None:
    score = Score({"SC": 7.0, "PQ": 8.0, "O": 7.5})
    ruler = ruler_of([Result(Prompt("a", "b"), (0,), (score,))], "O", frozenset())
    assert ruler is not None
    assert ruler.name == "O"
