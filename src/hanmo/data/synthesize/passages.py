"""The texts of paragraphs (report section 3.4, pure rendering): a corpus that is given, or the built-in ones.

A passage is a title and sentences in order, so that a picture reads as one text and not as a heap of lines.
Any iterable of sentences is a corpus too: `from_sentences` makes untitled passages of it. The built-in
passages were written for this project. This module does not know fonts, layouts or captions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hanmo.errors import RequestError

VERSE = "verse"


@dataclass(frozen=True)
class Passage:
    """A text: `sentences` are drawn from the first on, as many as fit; `title` and `kind` may be empty.

    In the kind "verse" each sentence is a line of its own.
    """

    script: str
    sentences: tuple[str, ...]
    title: str = ""
    kind: str = ""

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            RequestError: An unknown script, no sentence, or one that is empty or holds a line break or a
                character that no font draws (a control character, a private one).
        """
        if self.script not in ("en", "zh"):
            raise RequestError(f"a passage's script cannot be {self.script!r}; choose en or zh")
        if not self.sentences:
            raise RequestError("a passage has no sentence; give one at least")
        for text in (*self.sentences, *filter(None, (self.title,))):
            bad = next(
                (char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")), None
            )
            if not text.strip() or bad:
                fault = f"holds {bad!r}" if bad else "is empty"
                raise RequestError(f"the sentence {text!r} {fault}; give lines of visible characters and spaces")


@cache
def builtin(script: str) -> tuple[Passage, ...]:
    """The passages that travel with the package in `script` ("en", "zh")."""
    return _read(f"passages_{script}.txt", script)


@cache
def signs(script: str) -> tuple[Passage, ...]:
    """Short texts as signs, labels and plates carry them, in `script` ("en", "zh"); each sentence is a line."""
    return _read(f"signs_{script}.txt", script)


def _read(name: str, script: str) -> tuple[Passage, ...]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    body = "\n".join(line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(_parse(script, block) for block in body.split("== ")[1:])


def from_sentences(sentences: Iterable[str], script: str, together: int = 6) -> tuple[Passage, ...]:
    """Untitled passages of up to `together` consecutive sentences; white space at their ends is not kept.

    Raises:
        RequestError: No sentence at all, or one that no passage takes.
    """
    lines = [sentence.strip() for sentence in sentences]
    if not lines:
        raise RequestError("the corpus is empty; give one sentence at least")
    return tuple(Passage(script, tuple(lines[at : at + together])) for at in range(0, len(lines), together))


def _parse(script: str, block: str) -> Passage:
    head, *sentences = block.splitlines()
    kind, title = (part.strip() for part in head.split("|"))
    return Passage(script, tuple(sentences), title, kind)
