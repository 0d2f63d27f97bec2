"""HTML that what it quotes cannot break: captions and file names are strangers' words.

`tag` escapes every text that is not itself `Html`, and only `tag`, `join` and `trusted` make `Html`. Attributes are
escaped always. It knows no page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = ("br", "img", "input", "link", "meta")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""What HTML forbids, and what turns the direction of the text that follows."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def trusted(text: str) -> Html:
    """HTML from this package's own files; never a stranger's."""
    return Html(text)


def escape(text: object) -> Html:
    """Any text as HTML, also within quotes."""
    return text if isinstance(text, Html) else Html(html.escape(_CONTROL.sub("\ufffd", str(text))))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element.

    Args:
        name: such as "td".
        children: text, which is escaped, or `Html`.
        attributes: `class_` is class, `data_x` is data-x; True stands without a value, None and False not at all.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        words.append(word if value is True else f'{word}="{html.escape(_CONTROL.sub(" ", str(value)))}"')
    opening = f"<{' '.join(words)}>"
    return Html(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def join(parts: Iterable[object]) -> Html:
    """Parts in a row, escaped where they are not HTML."""
    return Html("".join(escape(part) for part in parts))
