from __future__ import annotations

import pytest

from hanmo.evaluate.text import character_accuracy, exact, levenshtein, normalise


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("O", "0"),
        ("o", "0"),
        ("I", "l"),
        ("1", "|"),
        ("COSVWXZ", "cosvwxz"),
        ("HANMO", "ＨＡＮＭＯ"),
        ("42", "４２"),
        ("A B", "AB"),
        ("一", "-"),
        ("一", "—"),
        ("二〇", "二0"),
        ("“hi”", '"hi"'),
    ],
)
def test_texts_of_one_shape_are_equal(wanted: str, read: str) -> None:
    assert exact(wanted, read)
    assert exact(read, wanted)
    assert character_accuracy(wanted, read) == 1.0


@pytest.mark.parametrize(
    ("wanted", "read"),
    [
        ("a", "A"),
        ("k", "K"),
        ("p", "P"),
        ("u", "U"),
        ("己", "已"),
        ("i", "1"),
        ("L", "1"),
        ("Q", "0"),
        ("车", "車"),
        ("8", "B"),
    ],
)
def test_texts_of_different_shapes_differ(wanted: str, read: str) -> None:
    assert not exact(wanted, read)
    assert character_accuracy(wanted, read) < 1.0


def test_normalising_twice_changes_nothing() -> None:
    for code in range(0x20, 0xFFFF):
        if 0xD800 <= code <= 0xDFFF:
            continue
        once = normalise(chr(code))
        assert normalise(once) == once, hex(code)


def test_character_accuracy_counts_edits_against_the_longer_text() -> None:
    assert character_accuracy("HELLO", "HELL") == pytest.approx(0.8)
    assert character_accuracy("HELL", "HELLO") == pytest.approx(0.8)
    assert character_accuracy("你好", "你们") == pytest.approx(0.5)
    assert character_accuracy("ABC", "") == 0.0
    assert character_accuracy("", "") == 1.0


def test_levenshtein_of_known_pairs() -> None:
    assert levenshtein("kitten", "sitting") == 3
    assert levenshtein("", "abc") == 3
    assert levenshtein("flaw", "lawn") == 2
    assert levenshtein("same", "same") == 0
