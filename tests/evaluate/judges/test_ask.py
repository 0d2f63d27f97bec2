from collections.abc import Sequence

import pytest
from PIL import Image

from hanmo.evaluate.judges.ask import asked
from hanmo.evaluate.judges.protocols import Unjudged


class Parrot:
    """Says what it was given, one answer a question, and remembers how it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[float, int]] = []

    def describe(self) -> dict[str, str]:
        return {"kind": "parrot"}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.asked.append((temperature, seed))
        return self.answers.pop(0)


def test_a_usable_answer_is_parsed_and_quoted() -> None:
    assert asked(Parrot("7"), [], "?", int) == (7, "7")


def test_a_malformed_answer_is_asked_for_again_with_another_seed_and_some_warmth() -> None:
    parrot = Parrot("seven", "7")
    assert asked(parrot, [], "?", int, seed=3)[0] == 7
    assert parrot.asked == [(0.0, 3), (0.7, 4)]


def test_answers_that_stay_malformed_are_unjudged_and_the_last_is_quoted() -> None:
    with pytest.raises(Unjudged, match=r"3 tries .* the last: 'c'"):
        asked(Parrot("a", "b", "c"), [], "?", int)
