"""OneIG-Bench, dimension text (arXiv 2506.07977): how far the text in a picture is from the text that was asked for.

Both texts are cleaned: Latin letters, French accented letters, digits, Han characters and spaces stay, all else goes;
where a Han character is left, spaces go too. Case stays. Then, of one picture:

    ED       least number of characters to insert, delete or replace (not divided by the length)
    CR       1 where ED is 0, else 0
    matched  words in both texts (characters where the wanted text has Han characters), each as often as it is in both
    wanted   words (characters) in the wanted text

and of many pictures, with MAX = 100 (English) or 50 (Chinese):

    WAC = sum(matched) / sum(wanted)        text = 1 - min(MAX, mean ED) (1 - mean CR) (1 - WAC) / MAX

The official script, which `official_compat` reproduces:
- Han characters are U+4E00 to U+9FA5 only, so that rare ones (Extension A, those beyond U+FFFF) are invisible in both
  texts. Here they all count.
- The wanted text is a Python list, written out, in a cell of a table. Line breaks are there as a backslash and an n;
  the backslash is cleaned away, the n stays ("ModelsnAuthor": in 5 of the 200 English texts, 4 of the Chinese).
- A judge that sees no text is asked to say so; its answer is taken as text unless it ends with a full stop.
Its judge stops after 128 new tokens (256 for texts of more than 60 words), which this module leaves to the judge.
"""

from __future__ import annotations

import re
from collections import Counter

from hanmo.evaluate.text import levenshtein

NOTHING = "No text recognized"
"""What a judge answers that sees no text."""

MAX_DISTANCE = {"en": 100, "zh": 50}
"""The edit distance, by language, from which on a text counts as lost."""

_FRENCH = "àâäéèêëîïôöùûüçÀÂÄÉÈÊËÎÏÔÖÙÛÜÇ"
_COMMON_HAN = "\u4e00-\u9fa5"
_ALL_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_BREAK = re.compile(r"\\n(?![a-z])")  # and not the start of a command of LaTeX, such as \nabla


def wanted_text(cell: str, official_compat: bool = False) -> str:
    """The text of a cell of the official table, ready for `cleaned`.

    Args:
        cell: a list of strings as Python writes it.
        official_compat: leave the escapes of line breaks in it.
    """
    return cell if official_compat else _BREAK.sub(" ", cell)


def read_text(answer: str, official_compat: bool = False) -> str:
    """The text that a judge read: its answer, without what it says where it sees none.

    Args:
        answer: of a vision-language model.
        official_compat: as the official script has it, see above; it also drops a word that its judge is prone to.
    """
    if official_compat:
        return answer.replace("addCriterion", "").replace(f"{NOTHING}.", "")
    return "" if answer.strip().strip("'\"`.").casefold() == NOTHING.casefold() else answer


def cleaned(text: str, official_compat: bool = False) -> str:
    """What of `text` counts.

    Args:
        text: any string.
        official_compat: Han characters outside U+4E00 to U+9FA5 do not count.
    """
    han = _COMMON_HAN if official_compat else _ALL_HAN
    kept = re.sub(rf"[^{han}a-zA-Z0-9\s{_FRENCH}]", "", text)
    return re.sub(r"\s+", "" if has_han(kept) else " ", kept).strip()


def has_han(text: str) -> bool:
    """Whether a Han character is in `text`."""
    return re.search(f"[{_ALL_HAN}]", text) is not None


def compared(wanted: str, read: str) -> dict[str, float]:
    """ED, CR, matched and wanted of one picture.

    Args:
        wanted: the text that was asked for, cleaned.
        read: the text that was read, cleaned.
    """
    distance = float(levenshtein(wanted, read))
    pieces = list(wanted) if has_han(wanted) else wanted.split()
    found = list(read) if has_han(wanted) else read.split()
    matched = float((Counter(pieces) & Counter(found)).total())
    return {"ED": distance, "CR": float(distance == 0), "matched": matched, "wanted": float(len(pieces))}


def text_score(distance: float, complete: float, words: float, language: str) -> float:
    """The figure of the dimension, 0-1.

    Args:
        distance: mean ED, 0 or more.
        complete: mean CR, 0-1.
        words: WAC, 0-1.
        language: "en" or "zh".
    """
    most = MAX_DISTANCE[language]
    return 1 - min(most, distance) * (1 - complete) * (1 - words) / most
