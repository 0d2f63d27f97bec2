"""Expected numbers of official_compat were made by the authors' cal_gned_and_recall_models.py (commit 3aae750)."""

import pytest

from hanmo.evaluate.benchmarks.tiif_text import gned, normalised_distance, recall, words_of


@pytest.mark.parametrize(
    ("wanted", "lines", "expected"),
    [
        ("drink tea eat", ["drink tea eat"], (0, 1)),
        ("drink tea eat", ["drin", "teas cake", "now"], (0.55, 2 / 3)),
        ("drink tea eat", [], (1, 0)),
        ("drink tea", ["Drink  Tea"], (1 / 3, 1)),
        ("abcd abce", ["abce abcf"], (0.125, 1)),
        ("glow", ["gl0w", "naturally"], (0.625, 1)),
        ("aaaa aaab", ["aaaaa", "aaaa"], (0.2, 1)),
        ("aaaa aabb", ["aaab", "aaaa"], (0.125, 0.5)),
    ],
)
def test_compat_gives_the_official_gned_and_recall(
    wanted: str, lines: list[str], expected: tuple[float, float]
) -> None:
    words = words_of(lines, official_compat=True)
    assert (gned(wanted.split(), words), recall(wanted.split(), words, official_compat=True)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("wanted", "lines", "expected"),
    [
        ("drink tea eat", [], (1, 0)),
        # By hand: two blanks are one gap; aaaa-aaaa and aabb-aaab (1 of 4 letters) are both near enough.
        ("drink tea", ["Drink  Tea "], (0, 1)),
        ("aaaa aabb", ["aaab", "aaaa"], (0.125, 1)),
        ("drink tea eat", ["drin", "teas cake", "now"], (0.55, 2 / 3)),
    ],
)
def test_by_default_blanks_are_gaps_and_recall_pairs_as_many_as_it_can(
    wanted: str, lines: list[str], expected: tuple[float, float]
) -> None:
    words = words_of(lines)
    assert (gned(wanted.split(), words), recall(wanted.split(), words)) == pytest.approx(expected)


def test_nothing_wanted_and_nothing_read_is_no_error() -> None:
    assert gned([], []) == 0
    assert gned([], ["word"]) == 1
    assert normalised_distance("", "") == 0
