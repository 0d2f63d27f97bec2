import pytest

from hanmo.evaluate.benchmarks.imgedit_answers import asked_names, official_mean, read_scores

NAMES = ("Prompt Compliance", "Visual Naturalness", "Physical & Detail Integrity")
PLAIN = "Brief reasoning: fine\nPrompt Compliance: 4\nVisual Naturalness: 3\nPhysical & Detail Integrity: 4"
DECIMAL = "Brief reasoning: fine\nPrompt Compliance: 4\nVisual Naturalness: 3.5\nPhysical & Detail Integrity: 2"
BOLD = (
    "**Brief reasoning:** ok\n**Prompt Compliance:** 5\n**Visual Naturalness:** 4\n**Physical & Detail Integrity**: 4"
)
SHARES = "Prompt Compliance: 5/5\nVisual Naturalness: 4/5\nPhysical & Detail Integrity: 4/5"
LISTED = "1. Prompt Compliance: 2\n- Visual Naturalness: 1\n- Physical and Detail\n- Physical & Detail Integrity: 1."


@pytest.mark.parametrize(
    ("said", "scores"),
    [(PLAIN, (4, 3, 4)), (DECIMAL, (4, 3.5, 2)), (BOLD, (5, 4, 4)), (SHARES, (5, 4, 4)), (LISTED, (2, 1, 1))],
)
def test_each_score_is_read_whatever_stands_around_it(said: str, scores: tuple[float, ...]) -> None:
    assert tuple(read_scores(said, NAMES).values()) == scores


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("I cannot judge this.", "no score 'Prompt Compliance'"),
        (PLAIN.replace("Visual Naturalness: 3", ""), "no score 'Visual Naturalness'"),
        (PLAIN.replace("Naturalness: 3", "Naturalness: 6"), "is 6, not from 1 to 5"),
        (PLAIN.replace("Naturalness: 3", "Naturalness: between 3 and 4"), "no score 'Visual Naturalness'"),
        (PLAIN.replace("Naturalness: 3", "Naturalness: A number from 1 to 5."), "no score 'Visual Naturalness'"),
    ],
)
def test_an_answer_without_all_scores_is_malformed(said: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_scores(said, NAMES)


@pytest.mark.parametrize(
    # what extract_scores_and_average of the official step1_get_avgscore.py gives, run once
    ("said", "expected"),
    [(PLAIN, 3.67), (DECIMAL, 3.0), (BOLD, 4.0), (LISTED, 1.5)],
)
def test_the_official_parser_loses_decimals_bold_numbers_and_full_stops(said: str, expected: float) -> None:
    assert official_mean(said) == expected


def test_the_official_parser_finds_nothing_in_shares() -> None:
    with pytest.raises(ValueError, match="no line"):
        official_mean(SHARES)


def test_the_names_stand_in_the_question() -> None:
    question = (
        "Example:\nBrief reasoning: short.\nAction Fidelity: A number from 1 to 5.\nScore: A number from 1 to 5.\n"
    )
    assert asked_names(question) == ("Action Fidelity", "Score")
