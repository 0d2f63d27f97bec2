"""What is said of pages in English (report section 3.3: text is quoted verbatim, untranslated).

This module does not know pixels, nor the other language.
"""

from __future__ import annotations

from collections.abc import Callable

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.theme import Scheme
from hanmo.data.synthesize.pages.words import Fact, Language, Told, format_of, side_by_side, told
from hanmo.data.synthesize.paragraph_captions import quoted

_KINDS = {
    "slide": ("presentation slide",) * 3,
    "poster": ("poster",) * 3,
    "screen": ("web page", "screen of a mobile app", "web page"),
    "report": ("report page",) * 3,
    "receipt": ("shop receipt",) * 3,
    "ticket": ("ticket",) * 3,
    "menu": ("menu with prices",) * 3,
}
_FORMATS = ("landscape", "portrait", "square")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_FACES = {"serif": "serif", "sans": "sans-serif", "mono": "monospaced", "": "plain"}
_MARKS = {"dot": "dots", "dash": "dashes", "check": "check marks"}
_OUTLINE = {
    "bullets": "a list of {n} points",
    "numbered": "{n} numbered steps",
    "features": "{n} cards with icons",
    "quote": "a quotation",
    "button": "a button",
    "table": "a table with {n} rows",
    "columns": "a column chart",
    "bars": "a bar chart",
    "donut": "a ring chart",
    "curve": "a line chart",
    "stats": "{n} key figures",
    "events": "a programme with {n} entries",
    "prices": "a price list of {n} items",
    "seats": "a seat number",
    "nav": "a navigation bar",
    "tabs": "tabs",
    "bottom": "a bottom bar with icons",
    "search": "a search field",
    "fields": "a form with {n} fields",
    "settings": "{n} switches",
    "goods": "{n} product cards",
    "picture": "an illustration",
    "barcode": "a bar code",
    "lines": "a bill",
}


def _q(text: str) -> str:
    return quoted(text, "en")


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _n(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _rows(t: Told, between: str = " ") -> str:
    return "; ".join(between.join(row) for row in t.rows)


def _count(t: Told) -> str:
    return _n(len(t.rows))


def _way(t: Told) -> str:
    return "side by side" if side_by_side(t.block) else "one under another"


def _lead(t: Told) -> str:
    return f" under the heading {t.lead[0]}" if t.lead else ""


def _intro(document: Document, colors: Scheme) -> str:
    form = format_of(document)
    heading = document.pairing.heading
    body = document.pairing.figures if document.kind == "receipt" else document.pairing.body
    weight = "bold " if heading.bold else ""
    faces = f"headings in {weight}{_FACES[heading.kind]} letters, text in {_FACES[body.kind]} letters"
    return (
        f"{_a(_FORMATS[form] + ' ' + _KINDS[document.kind][form]).capitalize()} on {_a(colors.ground.en)} ground, with "
        f"{colors.ink.en} text and {colors.accent.en} accents; {faces}."
    )


def _leaf(block: Block, fact: Fact) -> str:
    phrase = _PHRASES.get(block.kind)
    return phrase(told(block, fact, _q, 0)) if phrase else ""


def _button(t: Told) -> str:
    return f"a filled button {t.first}" + "".join(f" and an outlined button {row[0]}" for row in t.rows[1:])


def _numbered(t: Told) -> str:
    rows = (f"{_q(str(number))} {name} with {about} under it" for number, (name, about, *_) in enumerate(t.rows, 1))
    return f"{_count(t)} numbered steps, {_way(t)}, each number in a {t.accent} disc: {'; '.join(rows)}"


def _prices(t: Told) -> str:
    rows = (f"{name} for {price}, under it {about}" for name, about, price, *_ in t.rows)
    return f"a price list of {_count(t)} items: {'; '.join(rows)}"


def _seats(t: Told) -> str:
    return f"side by side {_list([f'{name} over {cell}' for name, cell in zip(t.lead, t.rows[0], strict=False)])}"


def _nav(t: Told) -> str:
    left = f"a small icon and the name {t.lead[0]} on the left"
    return f"a navigation bar with {left} and the links {_list(t.firsts)} on the right"


def _settings(t: Told) -> str:
    return f"switches: {'; '.join(f'{_q(name)} is {state}' for name, state, *_ in t.block.rows)}"


def _divider(t: Told) -> str:
    named = {"hair": "a thin line", "dash": "a dashed line", "short": f"a short thick {t.accent} line"}
    return named.get(t.style("hair"), "a line")


_PHRASES: dict[str, Callable[[Told], str]] = {
    "kicker": lambda t: f"a small label {t.first} in {t.accent}",
    "title": lambda t: f"the title {t.first} in large {t.tone} {_FACES[t.face]} letters",
    "heading": lambda t: f"the heading {t.first}",
    "subtitle": lambda t: f"the subtitle {t.first} in quieter letters",
    "text": lambda t: f"a paragraph that reads {t.first}",
    "note": lambda t: f"a small line {t.first}",
    "bullets": lambda t: f"a list of {_count(t)} points marked with {_MARKS[t.style('dot')]}: {_rows(t)}",
    "numbered": _numbered,
    "features": lambda t: f"{_count(t)} cards with a small icon each, {_way(t)}: {_rows(t, ' over ')}",
    "quote": lambda t: f"beside an upright {t.accent} bar the quotation {t.first}, and under it {t.rows[0][1]}",
    "tags": lambda t: f"{_count(t)} small pills: {_list(t.firsts)}",
    "badge": lambda t: f"a pill-shaped badge {t.first}",
    "button": _button,
    "footer": lambda t: f"a footer with {_list(t.firsts)}",
    "picture": lambda t: t.fact.art,
    "table": lambda t: f"a table with the columns {_list([*t.lead])} and {_count(t)} rows: {_rows(t, ', ')}",
    "columns": lambda t: f"a column chart{_lead(t)} with {_count(t)} bars, each with its value over it: {_rows(t)}",
    "bars": lambda t: f"a chart of {_count(t)} horizontal bars{_lead(t)}: {_rows(t)}",
    "donut": lambda t: f"a ring chart{_lead(t)} with a legend: {_rows(t)}",
    "curve": lambda t: f"a line chart{_lead(t)} with {_count(t)} points: {_rows(t)}",
    "stats": lambda t: f"{_count(t)} key figures in {t.accent}, {_way(t)}: {_rows(t, ' over ')}",
    "events": lambda t: f"a programme of {_count(t)} rows: {_rows(t)}",
    "details": lambda t: f"details: {_rows(t)}",
    "prices": _prices,
    "lines": lambda t: f"lines of a bill: {_rows(t)}",
    "seats": _seats,
    "nav": _nav,
    "tabs": lambda t: f"{_count(t)} tabs: {_list(t.firsts)}, the first underlined",
    "bottom": lambda t: f"a bar of {_count(t)} icons with the words {_list(t.firsts)}, the first chosen",
    "search": lambda t: f"a rounded search field with a magnifying glass that says {t.first}",
    "fields": lambda t: f"a form: {_rows(t, ' over a field with ')}",
    "settings": _settings,
    "goods": lambda t: f"{_count(t)} product cards side by side, each with an illustration: {_rows(t, ', ')}",
    "barcode": lambda t: "a bar code",
    "divider": _divider,
}


def _below(told: list[str]) -> str:
    return ", below it ".join(told)


def _beside(told: list[str]) -> str:
    if len(told) < 2:
        return "".join(told)
    if len(told) == 2:
        return f"on the left {told[0]}; on the right {told[1]}"
    middle = "; then ".join(told[1:-1])
    return f"on the left {told[0]}; then {middle}; on the right {told[-1]}"


def _panel(inner: str, ground: Color, *, card: bool, graded: bool) -> str:
    form = "card" if card else "panel"
    return f"{_a(ground.en)} {form}{' with a soft diagonal gradient' if graded else ''}, on it {inner}"


def _sentences(intro: str, told: list[str], *, across: bool) -> str:
    if len(told) == 1:
        return f"{intro} It shows {told[0]}."
    first, last = ("On the left", "On the right") if across else ("At the top", "At the bottom")
    places = [first, *["Next to it" if across else "Below"] * (len(told) - 2), last]
    return " ".join([intro, *(f"{place}: {text}." for place, text in zip(places, told, strict=True))])


def _outline(block: Block) -> str:
    return _OUTLINE.get(block.kind, "").format(n=_n(len(block.rows)))


def _summary(document: Document, colors: Scheme, title: str, parts: list[str]) -> str:
    form = format_of(document)
    kind = _a(f"{_FORMATS[form]} {_KINDS[document.kind][form]}").capitalize()
    named = f" titled {_q(title)}" if title else ""
    return f"{kind}{named}, {colors.ground.en} with {colors.accent.en}" + (f", with {_list(parts)}." if parts else ".")


ENGLISH = Language(
    0,
    _intro,
    _leaf,
    _below,
    _beside,
    _panel,
    _sentences,
    _outline,
    _summary,
    " The ground is a soft diagonal gradient.",
)
