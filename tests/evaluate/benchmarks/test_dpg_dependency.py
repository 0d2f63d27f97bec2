from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.evaluate.benchmarks.dpg_dependency import as_scripted, as_stated
from hanmo.evaluate.benchmarks.dpg_questions import Question
from hanmo.evaluate.judges.protocols import Unjudged


def question(number: int, *parents: int) -> Question:
    return Question(number, parents, "entity", "?")


CHAIN = [question(1), question(2, 1), question(3, 2)]


def test_a_no_reaches_the_children_of_children() -> None:
    for weigh in (as_stated, as_scripted):
        assert weigh({1: 0.0, 2: 1.0, 3: 1.0}, CHAIN) == {1: 0.0, 2: 0.0, 3: 0.0}
        assert weigh({1: 1.0, 2: 0.0, 3: 1.0}, CHAIN) == {1: 1.0, 2: 0.0, 3: 0.0}
        assert weigh({1: 1.0, 2: 1.0, 3: 0.0}, CHAIN) == {1: 1.0, 2: 1.0, 3: 0.0}


def test_the_script_does_not_look_ahead() -> None:
    backwards = [question(3, 2), question(2, 1), question(1)]
    answers = {1: 0.0, 2: 1.0, 3: 1.0}
    assert as_stated(answers, backwards) == {1: 0.0, 2: 0.0, 3: 0.0}
    assert as_scripted(answers, backwards) == {1: 0.0, 2: 0.0, 3: 1.0}


def test_one_no_among_several_parents_is_enough() -> None:
    both = [question(1), question(2), question(3, 1, 2)]
    for weigh in (as_stated, as_scripted):
        assert weigh({1: 1.0, 2: 0.0, 3: 1.0}, both)[3] == 0.0
        assert weigh({1: 1.0, 2: 1.0, 3: 1.0}, both)[3] == 1.0


def test_questions_that_presuppose_each_other_stand_and_fall_together() -> None:
    ring = [question(1, 2), question(2, 1)]
    assert as_stated({1: 1.0, 2: 1.0}, ring) == {1: 1.0, 2: 1.0}
    assert as_stated({1: 1.0, 2: 0.0}, ring) == {1: 0.0, 2: 0.0}


def test_a_parent_that_does_not_exist_leaves_the_prompt_unjudged() -> None:
    # The script breaks off at the first parent that is a no, and so does not notice one that it lacks after it.
    lacking = [question(2), question(3, 2, 1)]
    with pytest.raises(Unjudged, match="question 3 presupposes question 1"):
        as_stated({2: 0.0, 3: 1.0}, lacking)
    with pytest.raises(Unjudged, match="question 3 presupposes question 1"):
        as_scripted({2: 1.0, 3: 1.0}, lacking)
    assert as_scripted({2: 0.0, 3: 1.0}, lacking) == {2: 0.0, 3: 0.0}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[list[int]], list[bool], list[int]]:
    """For each question: those before it that it presupposes, and its answer; and another order of them all."""
    size = draw(st.integers(1, 8))
    parents = [sorted(draw(st.sets(st.sampled_from(range(1, n))))) if n > 1 else [] for n in range(1, size + 1)]
    answers = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return parents, answers, draw(st.permutations(range(size)))


@settings(deadline=None)
@given(graphs())
def test_the_two_agree_in_order_and_the_papers_does_not_depend_on_it(
    graph: tuple[list[list[int]], list[bool], list[int]],
) -> None:
    parents, said, order = graph
    questions = [question(number, *each) for number, each in enumerate(parents, start=1)]
    answers = {number: float(yes) for number, yes in enumerate(said, start=1)}
    counts = as_stated(answers, questions)
    assert as_scripted(answers, questions) == counts
    assert as_stated(answers, [questions[place] for place in order]) == counts
    for each in questions:
        assert counts[each.id] == float(bool(answers[each.id]) and all(counts[parent] for parent in each.parents))
