"""What is said of pages in English (report section 3.3: text is quoted verbatim, untranslated).

This module does not know pixels, nor the other language.
"""

from __future__ import annotations

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.theme import Scheme
from hanmo.data.synthesize.pages.words import Fact, Language, format_of, side_by_side
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
_NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()
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


def _rows(block: Block, between: str = " ") -> str:
    return "; ".join(between.join(_q(cell) for cell in row if cell) for row in block.rows)


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
    first = block.rows[0][0] if block.rows else ""
    count = _n(len(block.rows))
    way = "side by side" if side_by_side(block) else "one under another"
    lead = f" under the heading {_q(block.lead[0])}" if block.lead else ""
    face = _FACES[fact.pairing.heading.kind]
    match block.kind:
        case "kicker":
            return f"a small label {_q(first)} in {fact.scheme.accent.en}"
        case "title":
            color = fact.scheme.accent if block.options.get("tone") == "accent" else fact.scheme.ink
            return f"the title {_q(first)} in large {color.en} {face} letters"
        case "heading":
            return f"the heading {_q(first)}"
        case "subtitle":
            return f"the subtitle {_q(first)} in quieter letters"
        case "text":
            return f"a paragraph that reads {_q(first)}"
        case "note":
            return f"a small line {_q(first)}"
        case "bullets":
            return f"a list of {count} points marked with {_MARKS[block.options.get('style', 'dot')]}: {_rows(block)}"
        case "numbered":
            rows = "; ".join(f"{_q(str(i))} {_q(row[0])} with {_q(row[1])} under it" for i, row in enumerate(block.rows, 1))
            return f"{count} numbered steps, {way}, each number in a {fact.scheme.accent.en} disc: {rows}"
        case "features":
            return f"{count} cards with a small icon each, {way}: {_rows(block, ' over ')}"
        case "quote":
            return f"beside an upright {fact.scheme.accent.en} bar the quotation {_q(first)}, and under it {_q(block.rows[0][1])}"
        case "tags":
            return f"{count} small pills: {_list([_q(row[0]) for row in block.rows])}"
        case "badge":
            return f"a pill-shaped badge {_q(first)}"
        case "button":
            others = "".join(f" and an outlined button {_q(row[0])}" for row in block.rows[1:])
            return f"a filled button {_q(first)}{others}"
        case "footer":
            return f"a footer with {_list([_q(row[0]) for row in block.rows])}"
        case "picture":
            return fact.art
        case _:
            return _data(block, fact, count, way, lead)


def _data(block: Block, fact: Fact, count: str, way: str, lead: str) -> str:
    match block.kind:
        case "table":
            head = _list([_q(cell) for cell in block.lead])
            return f"a table with the columns {head} and {count} rows: {_rows(block, ', ')}"
        case "columns":
            return f"a column chart{lead} with {count} bars, each with its value over it: {_rows(block)}"
        case "bars":
            return f"a chart of {count} horizontal bars{lead}: {_rows(block)}"
        case "donut":
            return f"a ring chart{lead} with a legend: {_rows(block)}"
        case "curve":
            return f"a line chart{lead} with {count} points: {_rows(block)}"
        case "stats":
            return f"{count} key figures in {fact.scheme.accent.en}, {way}: {_rows(block, ' over ')}"
        case "events":
            return f"a programme of {count} rows: {_rows(block)}"
        case "details":
            return f"details: {_rows(block)}"
        case "prices":
            rows = (f"{_q(name)} for {_q(price)}, under it {_q(about)}" for name, about, price, *_ in block.rows)
            return f"a price list of {count} items: {'; '.join(rows)}"
        case "lines":
            return f"lines of a bill: {_rows(block)}"
        case "seats":
            pairs = (f"{_q(name)} over {_q(cell)}" for name, cell in zip(block.lead, block.rows[0], strict=False))
            return f"side by side {_list(list(pairs))}"
        case "nav":
            links = _list([_q(row[0]) for row in block.rows])
            return f"a navigation bar with a small icon and the name {_q(block.lead[0])} on the left and the links {links} on the right"
        case "tabs":
            return f"{count} tabs: {_list([_q(row[0]) for row in block.rows])}, the first underlined"
        case "bottom":
            return f"a bar of {count} icons with the words {_list([_q(row[0]) for row in block.rows])}, the first chosen"
        case "search":
            return f"a rounded search field that says {_q(block.rows[0][0])}"
        case "fields":
            return f"a form: {'; '.join(f'{_q(row[0])} over a field with {_q(row[1])}' for row in block.rows)}"
        case "settings":
            return f"switches: {'; '.join(f'{_q(row[0])} is {row[1]}' for row in block.rows)}"
        case "goods":
            return f"{count} product cards side by side, each with an illustration: {_rows(block, ', ')}"
        case "barcode":
            return "a bar code"
        case "divider":
            style = block.options.get("style", "hair")
            return {"hair": "a thin line", "dash": "a dashed line", "short": f"a short thick {fact.scheme.accent.en} line"}.get(style, "a line")
        case _:
            return ""


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


ENGLISH = Language(0, _intro, _leaf, _below, _beside, _panel, _sentences, _outline, _summary, " The ground is a soft diagonal gradient.")
