"""Comparing the text that was asked for with the text that was read (report section 5.2.2, text rendering).

A judge reads shapes, not intentions: on a card that says only "O" nobody can tell whether the letter, the
small letter or the digit was meant. `normalise` therefore maps every text to one representative of its shape,
and to nothing coarser than that; both sides of a comparison go through it. It does, in this order:

1. Unicode NFKC: full-width letters, digits and punctuation become ordinary ones (Ａ -> A, ４ -> 4, ！ -> !).
2. White space of every kind is dropped: a reader of spaced cells cannot tell a gap from a blank.
3. Case is folded for the seven letters whose small form is the capital, scaled: C O S V W X Z. No other
   letter changes case: "a" is not "A", "p" is not "P", "k" is not "K", "u" is not "U".
4. Two groups of one shape: 0 O o -> "0"; 1 I l | -> "1" (i, L and j keep their shapes, so they stay).
5. Horizontal strokes: the character 一, the long vowel ー and every dash and minus -> "-"; 〇 and ○ -> "0".
6. Curly and straight quotation marks: one kind of each (' and ").

Not merged: any two Chinese characters (己 and 已 differ; so do traditional and simplified forms).

This module does not know pictures, judges or models: strings in, strings and numbers out.
"""

from __future__ import annotations

import unicodedata

SAME_SHAPE_LETTERS = "COSVWXZ"
_GROUPS = {
    "0": "Oo〇○◯",
    "1": "Il|",
    "-": "一ー‐‑‒–—―−─",
    "'": "‘’`´′",
    '"': "“”″",
}


def _table() -> dict[int, str]:
    """One representative for each character that shares its shape with another."""
    table = {ord(letter): letter.lower() for letter in SAME_SHAPE_LETTERS}
    for representative, members in _GROUPS.items():
        table.update({ord(member): representative for member in members})
    return table


_TABLE = _table()


def normalise(text: str) -> str:
    """The shape of `text`: equal for two texts that a reader of shapes cannot tell apart (see above).

    Args:
        text: any string.

    Returns:
        A string without white space. `normalise(normalise(text)) == normalise(text)`.
    """
    # The table is applied before NFKC too, which would take ´ and ″ apart, and after it, for what it made.
    composed = unicodedata.normalize("NFKC", text.translate(_TABLE))
    return "".join(composed.split()).translate(_TABLE)


def exact(wanted: str, read: str) -> bool:
    """Whether the two texts have the same shape, from the first character to the last."""
    return normalise(wanted) == normalise(read)


def character_accuracy(wanted: str, read: str) -> float:
    """1 - edit distance / length of the longer text, after `normalise`; 1 for two empty texts.

    Args:
        wanted: the text that was asked for.
        read: the text that a judge saw.

    Returns:
        A number in [0, 1]; symmetric; 1 exactly when `exact` holds.
    """
    a, b = normalise(wanted), normalise(read)
    longest = max(len(a), len(b))
    return 1.0 if longest == 0 else 1.0 - levenshtein(a, b) / longest


def levenshtein(a: str, b: str) -> int:
    """The least number of insertions, deletions and replacements of one character that turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, char_a in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, char_b in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (char_a != char_b))
    return row[-1]
