"""Captions of scenes in English and Chinese (report section 3.3: text is quoted verbatim, untranslated).

A caption tells the thing and its colour, where it is, how the text is written and in which colour, quotes
exactly what is written, and tells the light and what lies about. Both languages tell the same. The order of
the sentences and the words between them vary; what they tell does not.
This module does not know pixels or how looks are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.data.synthesize.paragraph_captions import quoted
from hanmo.data.synthesize.scenes.lights import MOODS
from hanmo.data.synthesize.scenes.stock import CARRIERS
from hanmo.data.synthesize.scenes.style import SceneStyle

_PLACE = {
    "wall": (("on {}", "in front of {}", "against {}"), ("在{}上", "在{}前", "靠着{}")),
    "table": (("on {}", "lying on {}", "resting on {}"), ("放在{}上", "平放在{}上", "搁在{}上")),
    "stand": (("standing on {}", "set up on {}", "propped up on {}"), ("立在{}上", "摆在{}上", "竖在{}上")),
}
_FAR = {
    "night": ("a street at night with blurred lights", "灯光虚化的夜晚街道"),
    "park": ("blurred trees and a lawn", "虚化的树木和草地"),
    "room": ("a blurred room", "虚化的房间"),
    "sky": ("the sky and distant hills", "天空和远山"),
    "sea": ("a blurred beach and the sea", "虚化的海滩和大海"),
}
_HELD = {
    "screws": (", fastened with four screws,", "用四颗螺丝固定的"),
    "pins": (", held by two pins,", "用两枚图钉钉住的"),
    "tape": (", held by two strips of tape,", "用两条胶带贴住的"),
    "rod": (", hung from a wooden rod,", "挂在木杆上的"),
    "posts": (" on two wooden posts", "由两根木桩支撑的"),
}
_PROPS = {
    "pen": ("a pen", "一支笔"),
    "pencil": ("a pencil", "一支铅笔"),
    "leaves": ("a leafy twig", "一枝叶子"),
    "cable": ("a cable", "一根电线"),
    "coin": ("a coin", "一枚硬币"),
    "finger": ("the tip of a thumb", "一截拇指"),
}
_KIND = {
    "serif": ("serif ", "衬线体"),
    "sans": ("sans-serif ", "无衬线体"),
    "mono": ("monospaced ", "等宽体"),
    "": ("", ""),
}


@dataclass(frozen=True)
class Facts:
    """What a caption tells.

    Attributes:
        title: As written; empty where there is none.
        body: The parts as written; each begins a new line.
        style: How the scene looks.
        props: What lies about.
        lines: How many lines (columns) the text takes, its title's too.
        hidden: The largest share of a letter that something hides, 0 to 1.
    """

    title: str
    body: tuple[str, ...]
    style: SceneStyle
    props: tuple[str, ...]
    lines: int
    hidden: float


def english(facts: Facts) -> tuple[str, str]:
    """Where the text stands, and the caption, in English."""
    style = facts.style
    thing = CARRIERS[style.carrier].en.format(style.tint.en)
    thing = f"{_article(thing)} {thing}"
    held = _HELD.get(style.fitting, ("", ""))[0]
    if style.place == "stand" and style.ground is None and style.carrier == "enamel":
        held = " on a steel post"
    place = _place_en(style)
    where = f"{thing}{held}{' ' if place else ''}{place}".replace(",  ", ", ").strip(" ,")
    letters = f"{style.ink.en} {_KIND[style.face.kind][0]}{'capitals' if _capitals(facts) else 'letters'}"
    count = f"{facts.lines} {'vertical columns read from right to left' if style.vertical else 'lines'}"
    form = f" in {count}" if facts.lines > 1 else " in one column" if style.vertical else ""
    form += " within a thin border" if style.border else ""
    parts = [quoted(part, "en") for part in facts.body]
    title = quoted(facts.title, "en")
    match style.wording % 3:
        case 0:
            head = f"{title} as the heading, then " if facts.title else ""
            text = f"On it, {style.way.en} in {letters}{form}: {head}{', '.join(parts)}."
        case 1:
            head = f"Its heading is {title}. Below that, it" if facts.title else "It"
            text = f"{head} says {', '.join(parts)}, {style.way.en} in {letters}{form}."
        case _:
            head = f"the heading {title}, and under it " if facts.title else ""
            text = f"The text, {style.way.en} in {letters}{form}, reads: {head}{', '.join(parts)}."
    light = MOODS[style.mood].en
    about = ""
    if facts.props:
        names = " and ".join(_PROPS[name][0] for name in facts.props)
        verb = "are" if len(facts.props) > 1 else "is"
        about = f" {names[0].upper()}{names[1:]} {verb} in the picture too"
        about += ", hiding a part of the letters." if facts.hidden > 0.02 else "."
    opening = f"{where[0].upper()}{where[1:]}"
    if style.wording // 3 % 2:
        return where, f"{opening}, in {light}.{_view_en(style)} {text}{about}"
    return where, f"{opening}. {text}{about} {light[0].upper()}{light[1:]}.{_view_en(style)}"


def chinese(facts: Facts) -> tuple[str, str]:
    """Where the text stands, and the caption, in Chinese."""
    style = facts.style
    thing = CARRIERS[style.carrier].zh.format(style.tint.zh)
    held = _HELD.get(style.fitting, ("", ""))[1]
    if style.place == "stand" and style.ground is None and style.carrier == "enamel":
        held = "装在钢柱上的"
    where = f"{held}{thing}" + (f"，{place}" if (place := _place_zh(style)) else "")
    letters = f"{style.ink.zh}{_KIND[style.face.kind][1]}文字"
    form = f"，竖排，自右向左共{facts.lines}列" if style.vertical else f"，共{facts.lines}行" if facts.lines > 1 else ""
    form += "，四周有细线边框" if style.border else ""
    parts = "，".join(quoted(part, "zh") for part in facts.body)
    title = quoted(facts.title, "zh")
    match style.wording % 3:
        case 0:
            head = f"标题为{title}，正文为" if facts.title else ""
            text = f"上面{style.way.zh}{letters}{form}：{head}{parts}。"
        case 1:
            head = f"标题写着{title}，其下" if facts.title else ""
            text = (
                f"{head}写着{parts}，{style.way.zh}{letters}{form}。"
                if facts.title
                else f"写着{parts}，{style.way.zh}{letters}{form}。"
            )
        case _:
            head = f"标题是{title}，" if facts.title else ""
            text = f"{head}{style.way.zh}的{letters}{form}，内容是{parts}。"
    light = MOODS[style.mood].zh
    about = ""
    if facts.props:
        about = f"画面中还有{'和'.join(_PROPS[name][1] for name in facts.props)}"
        about += "，遮住了文字的一部分。" if facts.hidden > 0.02 else "。"
    if style.wording // 3 % 2:
        return where, f"{where}，{light}。{_view_zh(style)}{text}{about}"
    return where, f"{where}。{text}{about}{light}。{_view_zh(style)}"


def _place_en(style: SceneStyle) -> str:
    far = _FAR[style.backdrop][0] if style.backdrop else ""
    if style.ground is None or style.ground_tint is None:
        return f"before {far}" if far else ""
    ground = style.ground.en.format(style.ground_tint.en)
    words = _PLACE[style.place][0]
    place = words[style.wording // 7 % len(words)] if style.place != "wall" else words[0]
    return place.format(ground) + (f", behind it {far}" if far else "")


def _place_zh(style: SceneStyle) -> str:
    far = _FAR[style.backdrop][1] if style.backdrop else ""
    if style.ground is None or style.ground_tint is None:
        return f"背后是{far}" if far else ""
    ground = style.ground.zh.format(style.ground_tint.zh)
    words = _PLACE[style.place][1]
    place = words[style.wording // 7 % len(words)] if style.place != "wall" else words[0]
    return place.format(ground) + (f"，背后是{far}" if far else "")


def _view_en(style: SceneStyle) -> str:
    if abs(style.yaw) > 15:
        return f" Seen at an angle from the {'right' if style.yaw > 0 else 'left'}."
    return " Seen at a slant from above." if style.place == "table" and style.pitch > 18 else ""


def _view_zh(style: SceneStyle) -> str:
    if abs(style.yaw) > 15:
        return f"从{'右' if style.yaw > 0 else '左'}侧斜看。"
    return "从上方斜看。" if style.place == "table" and style.pitch > 18 else ""


def _capitals(facts: Facts) -> bool:
    text = "".join((facts.title, *facts.body))
    return text.upper() == text and any(char.isascii() and char.isalpha() for char in text)


def _article(thing: str) -> str:
    return "an" if thing[0] in "aeiou" else "a"
