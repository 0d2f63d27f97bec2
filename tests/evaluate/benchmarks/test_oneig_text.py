"""Expected numbers were made by the authors' text_utils.py (commit 41b4983) on these strings, unless a test says so."""

import pytest

from hanmo.evaluate.benchmarks.oneig_text import cleaned, compared, read_text, text_score, wanted_text

OPENING = "['Grand Opening', 'Saturday, 9 AM']"
WELCOME = "['欢迎光临', '今日特价：8.8元']"


def judged(cell: str, answer: str, official_compat: bool) -> tuple[float, float, float]:
    wanted, read = (
        cleaned(wanted_text(cell, official_compat), official_compat),
        cleaned(read_text(answer, official_compat), official_compat),
    )
    values = compared(wanted, read)
    assert values["CR"] == (values["ED"] == 0)
    return values["ED"], values["matched"], values["wanted"]


@pytest.mark.parametrize(
    ("cell", "answer", "expected"),
    [
        (OPENING, "Grand Opening Saturday, 9 AM", (0, 5, 5)),
        (OPENING, "GRAND opening\nSaturday 9AM!", (6, 1, 5)),
        (OPENING, "addCriterion\nGrand Opening", (14, 2, 5)),
        (OPENING, "No text recognized", (24, 0, 5)),
        (OPENING, "No text recognized.", (27, 0, 5)),
        (WELCOME, "欢迎光临 今日特价：88元", (0, 11, 11)),
        (WELCOME, "欢迎 光临", (7, 4, 11)),
        (WELCOME, "Welcome to us", (13, 0, 11)),
        (WELCOME, "今日特价", (7, 4, 11)),
        ("['𠮷野家', '㐂寿司']", "野家寿司", (0, 4, 4)),
        ("['𠮷野家', '㐂寿司']", "吉野家喜寿司", (2, 4, 4)),
        ("['Café Übermut', 'naïve\\nñandú']", "Cafe Ubermut naive nandu", (5, 0, 3)),
        ("['Models\\nAuthor: Jonathan Ho']", "Models Author Jonathan Ho", (1, 2, 3)),
    ],
)
def test_compat_gives_the_official_distances_and_matches(
    cell: str, answer: str, expected: tuple[float, float, float]
) -> None:
    assert judged(cell, answer, official_compat=True) == expected


@pytest.mark.parametrize(
    ("cell", "answer", "expected"),
    [
        (OPENING, "GRAND opening\nSaturday 9AM!", (6, 1, 5)),
        (WELCOME, "Welcome to us", (13, 0, 11)),
        # By hand: 𠮷 and 㐂 are two characters that are missing, or that were read as others.
        ("['𠮷野家', '㐂寿司']", "野家寿司", (2, 4, 6)),
        ("['𠮷野家', '㐂寿司']", "吉野家喜寿司", (2, 4, 6)),
        ("['𠮷野家', '㐂寿司']", "𠮷野家㐂寿司", (0, 6, 6)),
        # By hand: a line break is a space, and no text is no text with and without a full stop.
        ("['Models\\nAuthor: Jonathan Ho']", "Models Author Jonathan Ho", (0, 4, 4)),
        (OPENING, "no text recognized", (27, 0, 5)),
        (OPENING, "'No text recognized'.", (27, 0, 5)),
    ],
)
def test_by_default_rare_characters_line_breaks_and_empty_pictures_are_what_they_are(
    cell: str, answer: str, expected: tuple[float, float, float]
) -> None:
    assert judged(cell, answer, official_compat=False) == expected


def test_a_command_of_latex_is_no_line_break() -> None:
    assert cleaned(wanted_text("['a \\nabla b\\nC']")) == "a nabla b C"


def test_the_figure_of_the_papers_sample_values() -> None:
    """ED 20, CR .25, WAC .8: 1 - 20 * .75 * .2 / 100 and / 50, by hand."""
    assert text_score(20.0, 0.25, 0.8, "en") == pytest.approx(0.97)
    assert text_score(20.0, 0.25, 0.8, "zh") == pytest.approx(0.94)


def test_a_text_that_is_lost_is_not_worse_than_lost() -> None:
    assert text_score(400.0, 0.0, 0.0, "en") == text_score(100.0, 0.0, 0.0, "en") == 0
    assert text_score(400.0, 0.0, 0.5, "zh") == 0.5
