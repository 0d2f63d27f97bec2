import json
from collections.abc import Sequence

import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.oneig_alignment import QUESTION, alignment, alignment_score, questions_of, yes
from hanmo.evaluate.judges.protocols import Unjudged

PICTURE = Image.new("RGB", (8, 8))
ENTRY = {
    "question": json.dumps({"1": "a?", "2": "b?", "3": "c?", "4": "d?", "5": "e?"}),
    "dependency": json.dumps({"1": [0], "2": [1], "3": [2], "4": [1, 2], "5": [0]}),
}
TRUTH = questions_of(ENTRY, "entry 000")


class Table:
    """Answers each question as a table says, and counts how often it is asked."""

    def __init__(self, answers: str) -> None:
        asks = [QUESTION.format(question=question) for question in TRUTH["questions"]]
        self.answers = dict(zip(asks, answers.split(), strict=True))
        self.asked = 0

    def describe(self) -> dict[str, str]:
        return {"kind": "table"}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.asked += 1
        return self.answers[prompt]


def test_dependencies_become_positions_and_zero_is_none() -> None:
    assert TRUTH == {"questions": ["a?", "b?", "c?", "d?", "e?"], "parents": [[], [0], [1], [0, 1], []]}


@pytest.mark.parametrize(
    ("answers", "official_compat", "default"),
    [
        # The third column was made by the authors' alignment_score (commit 41b4983) with these answers.
        ("Yes Yes Yes Yes Yes", 1.0, 1.0),
        ("No Yes Yes Yes Yes", 0.4, 0.4),  # a cascade would leave 0.2: c's parent b was answered yes
        ("Yes No Yes Yes No", 0.2, 0.2),
        ("Yes. yes Yes Yes Yes", 0.2, 1.0),
        ("yes, No. **Yes** yes no!", 0.0, 0.2),
    ],
)
def test_a_question_counts_where_the_answers_to_its_parents_were_yes(
    answers: str, official_compat: float, default: float
) -> None:
    assert alignment_score(PICTURE, 0, TRUTH, Table(answers), True).values == {"alignment": official_compat}
    assert alignment_score(PICTURE, 0, TRUTH, Table(answers), False).values == {"alignment": default}


def test_an_answer_that_is_neither_is_asked_for_again_and_then_unjudged_but_a_no_to_the_official_script() -> None:
    vague = "Yes Perhaps Yes Yes Yes"
    judge = Table(vague)
    with pytest.raises(Unjudged, match="neither yes nor no"):
        alignment_score(PICTURE, 0, TRUTH, judge, False)
    assert judge.asked == 4
    judge = Table(vague)
    assert alignment_score(PICTURE, 3, TRUTH, judge, True).values == {"alignment": 0.4}
    assert judge.asked == 5


def test_the_answers_are_kept_for_the_person_who_checks_them() -> None:
    score = alignment_score(PICTURE, 2, TRUTH, Table("Yes Yes No Yes Yes"), False)
    assert score.picture == 2
    assert score.saw["alignment"][2] == {"question": "c?", "answer": "No"}


def test_words_that_only_begin_like_an_answer_are_none() -> None:
    for answer in ("yesterday", "nothing", ""):
        with pytest.raises(ValueError, match="neither"):
            yes(answer)


def test_a_question_may_depend_on_a_later_one() -> None:
    """In the official files 50 and more do."""
    assert alignment([True, False], [[1], []]) == 0.0


def test_an_entry_of_another_shape_is_refused() -> None:
    for broken in ({"question": "{}", "dependency": "{}"}, {"question": '{"1": "a?"}'}, {"question": 7}):
        with pytest.raises(RequestError, match="entry 000"):
            questions_of(broken, "entry 000")
