"""Captions of paragraphs in English and Chinese (report section 3.3: text is quoted verbatim, untranslated).

A caption tells the ground and its gradient, the letters' colour, style and size, how the text is set, and
quotes exactly what was drawn: the title, then the text, part by part where each begins a new line.
Both languages tell the same.
This module does not know pixels, fonts' files or how designs are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.data.synthesize.grounds import Palette
from hanmo.data.synthesize.layout import Design

# The first pair that the quoted text does not hold itself is used.
_MARKS = {
    "en": (('"', '"'), ("“", "”"), ("«", "»")),
    "zh": (("“", "”"), ("「", "」"), ('"', '"'), ("『", "』"), ("【", "】")),
}
_GRADIENT = {
    "down": ("from top to bottom", "自上而下"),
    "across": ("from left to right", "自左向右"),
    "diagonal": ("from the top left to the bottom right", "自左上向右下"),
    "glow": ("from the middle to the corners", "自中心向四角"),
}
_KIND = {
    "serif": ("serif", "衬线体"),
    "sans": ("sans-serif", "无衬线体"),
    "mono": ("monospaced", "等宽体"),
    "": ("", ""),
}
_SIZE = {"large": ("large", "大号"), "middle": ("medium-sized", "中号"), "small": ("small", "小号")}
_ALIGN = {
    "left": ("aligned left", "左对齐"),
    "centre": ("centred", "居中排列"),
    "right": ("aligned right", "右对齐"),
    "justified": ("justified", "两端对齐"),
}


@dataclass(frozen=True)
class Facts:
    """What a caption tells.

    Attributes:
        title: As drawn; empty where there is none.
        body: The blocks of text as drawn; each begins a new line.
        design: How it is set.
        palette: Its colours.
        direction: The ground's gradient, or "plain".
        kind: "serif", "sans", "mono" or empty.
        weight: "bold", "italic", "bold italic" or empty.
        size: "large", "middle" or "small".
        lines: How many lines (columns, if vertical) the text without its title takes.
    """

    title: str
    body: tuple[str, ...]
    design: Design
    palette: Palette
    direction: str
    kind: str
    weight: str
    size: str
    lines: int


def english(facts: Facts) -> str:
    """The caption in English."""
    palette, design = facts.palette, facts.design
    if facts.direction == "plain":
        ground = f"A plain {palette.ground.en} background"
    else:
        way = _GRADIENT[facts.direction][0]
        ground = f"A background that fades from {palette.ground.en} to {palette.second.en}, {way},"
    words = (_SIZE[facts.size][0], palette.ink.en, facts.weight, _KIND[facts.kind][0])
    letters = " ".join(word for word in words if word)
    if design.vertical:
        form = f"in {_count(facts.lines, 'vertical column')} read from right to left"
    else:
        form = f"{_ALIGN[design.align][0]} in {_count(facts.lines, 'line')}"
        form += " over two columns" if design.columns == 2 else ""
    parts = [f"{ground} with {letters} letters, {form}."]
    if facts.title:
        place = "to the right of the text" if design.vertical else "above the text"
        rule = ", with a short thin line under it" if design.rule else ""
        parts.append(f"The title {place}, larger and in {palette.accent.en}{rule}, is {quoted(facts.title, 'en')}.")
    if len(facts.body) > 1:
        parts.append(
            f"The text, a new line for each part, reads: {', '.join(quoted(line, 'en') for line in facts.body)}."
        )
    else:
        parts.append(f"The text reads: {quoted(facts.body[0], 'en')}.")
    return " ".join(parts)


def chinese(facts: Facts) -> str:
    """The caption in Chinese."""
    palette, design = facts.palette, facts.design
    if facts.direction == "plain":
        ground = f"{palette.ground.zh}的纯色背景"
    else:
        ground = f"{_GRADIENT[facts.direction][1]}由{palette.ground.zh}渐变为{palette.second.zh}的背景"
    weight = {"": "", "bold": "粗体", "italic": "斜体", "bold italic": "粗斜体"}[facts.weight]
    style = "、".join(word for word in (_KIND[facts.kind][1], weight) if word)
    letters = f"{palette.ink.zh}的{_SIZE[facts.size][1]}{style}文字"
    if design.vertical:
        form = f"竖排，自右向左共{facts.lines}列"
    else:
        form = f"{'分两栏，' if design.columns == 2 else ''}{_ALIGN[design.align][1]}，共{facts.lines}行"
    parts = [f"{ground}，{letters}，{form}。"]
    if facts.title:
        place = "正文右侧" if design.vertical else "正文上方"
        rule = "，下有一条短细线" if design.rule else ""
        parts.append(f"{place}是{palette.accent.zh}的大号标题{quoted(facts.title, 'zh')}{rule}。")
    if len(facts.body) > 1:
        parts.append(f"正文分行依次为：{'，'.join(quoted(line, 'zh') for line in facts.body)}。")
    else:
        parts.append(f"正文为：{quoted(facts.body[0], 'zh')}。")
    return "".join(parts)


def quoted(text: str, language: str) -> str:
    """`text` between marks that it does not hold itself."""
    marks = _MARKS[language]
    start, stop = next((pair for pair in marks if not set(pair) & set(text)), marks[0])
    return f"{start}{text}{stop}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
