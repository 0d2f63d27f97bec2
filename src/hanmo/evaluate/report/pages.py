"""What the two pages of an evaluation share: looks, a script, and words that a judge said.

Pictures may lie beside the page. The rest is `data.report.frame`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from hanmo.data.report.frame import Page, own, section
from hanmo.data.report.markup import Html, join, tag
from hanmo.evaluate.types import Json

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LONG = 220


def whole_page(title: str, brand: str, under: Html, summary: Html, sections: Mapping[str, Html]) -> str:
    """A whole page.

    Args:
        title: its heading.
        brand: what kind of page it is.
        under: what stands under the heading.
        summary: the numbers that matter.
        sections: heading -> what stands there; the first is what a reader is skipped to.
    """
    return Page(
        title,
        brand,
        brand,
        join((under, summary)),
        [(anchor(name), name) for name in sections],
        [section(anchor(name), name, inside) for name, inside in sections.items()],
        style=own(__package__, "page.css"),
        script=own(__package__, "page.js"),
        beside=True,
    ).text()


def anchor(name: str) -> str:
    """What a heading's link is called."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "section"


def summary(facts: Sequence[tuple[str, str]]) -> Html:
    """The numbers that matter, as (number, what)."""
    return tag("dl", *(tag("div", tag("dt", words), tag("dd", number)) for number, words in facts), class_="summary")


def language(text: str) -> str | None:
    """`zh` where there are Chinese characters, which a browser then draws in their Chinese shape."""
    return "zh" if _HAN.search(text) else None


def quoted(data: Json, kind: str = "said") -> Html:
    """Anything that a judge said or knew, in words; what is long can be folded away."""
    if data is None or data in ("", [], {}):
        return Html("")
    inside = _words(data)
    length = len(json.dumps(data, ensure_ascii=False, default=str))
    if length <= _LONG:
        return tag("div", inside, class_=kind, lang=language(str(data)))
    first = re.sub(r"\s+", " ", _plain(data))[:90].rstrip() + " …"
    return tag("details", tag("summary", first), inside, class_=kind, lang=language(str(data)))


def _words(data: Json) -> Html:
    match data:
        case Mapping():
            rows = [tag("div", tag("dt", str(name)), tag("dd", _words(value))) for name, value in data.items()]
            return tag("dl", *rows)
        case list() | tuple():
            if any(isinstance(one, Mapping | list | tuple) or len(str(one)) > 40 for one in data):
                return tag("ol", *(tag("li", _flat(one)) for one in data))
            return tag("span", " · ".join(_scalar(one) for one in data))
    return tag("span", _scalar(data))


def _flat(data: Json) -> Html:
    """One line of a list."""
    return tag("span", _plain(data))


def _plain(data: Json) -> str:
    match data:
        case Mapping():
            return ", ".join(f"{name}: {_plain(value)}" for name, value in data.items())
        case list() | tuple():
            return " · ".join(_plain(one) for one in data)
    return _scalar(data)


def _scalar(data: Json) -> str:
    match data:
        case bool() | None:
            return {True: "yes", False: "no", None: "nothing"}[data]
        case float():
            return f"{data:.4g}"
    return str(data)


def settings(data: Mapping[str, Json], before: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows: ("settings.steps", "30")."""
    rows: list[tuple[str, str]] = []
    for name, value in data.items():
        match value:
            case Mapping() if value:
                rows += settings(value, f"{before}{name}.")
            case _:
                rows.append((f"{before}{name}", _plain(value) if value != "" else "-"))
    return rows
