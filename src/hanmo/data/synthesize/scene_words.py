"""What is said about scenes: names of things among others, instructions, captions, in English and Chinese.

A thing is named so that nobody can take another for it: by what it is, by its colour, and where that is not enough by
its place ("the red star on the left"). See `grammar` for the notation of patterns: `{Q}` is the new text,
`{O}` the old one. It does not know pixels. Randomness comes from the generator that is given.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from hanmo.data.record import Caption
from hanmo.data.synthesize.edit_scenes import Look, Scene, Thing
from hanmo.data.synthesize.grammar import english, expand, fill

PLACES: Mapping[str, tuple[str, str, str]] = {
    "left": ("on the left", "to the left side", "左边"),
    "middle": ("in the middle", "to the middle", "中间"),
    "right": ("on the right", "to the right side", "右边"),
    "top left": ("at the top left", "to the top left", "左上方"),
    "top middle": ("at the top in the middle", "to the top, in the middle", "上方正中"),
    "top right": ("at the top right", "to the top right", "右上方"),
    "bottom left": ("at the bottom left", "to the bottom left", "左下方"),
    "bottom middle": ("at the bottom in the middle", "to the bottom, in the middle", "下方正中"),
    "bottom right": ("at the bottom right", "to the bottom right", "右下方"),
}
"""For each slot: where a thing is, where one moves to, and the Chinese of both."""

STYLES: Mapping[str, tuple[str, str]] = {
    "flat": ("flat", "扁平"),
    "outlined": ("black-outlined", "黑色描边"),
    "sticker": ("white-bordered sticker", "白边贴纸"),
    "glossy": ("glossy", "光泽立体"),
    "fluent-3d": ("soft 3D", "柔和立体"),
    "openmoji": ("black-outlined", "黑色描边"),
    "twemoji": ("flat", "扁平"),
    "noto": ("rounded cartoon", "圆润卡通"),
}

COLORS_ZH: Mapping[str, str] = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "grey": "灰色",
    "black": "黑色",
    "white": "白色",
    "cyan": "青色",
}

_LEAD = {
    "en": "[|||||please |can you |could you |now |I want you to |let's ]",
    "zh": "[|||||请|帮我|麻烦|请你|现在|请帮我]",
}
_TAIL = {
    "en": "[||||||, keep the rest|, keep everything else as it is| and change nothing else|, leave the rest alone]",
    "zh": "[||||||，其他不变|，其余保持不变|，别的不要动|，其他部分保持原样]",
}
_PATTERNS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "text": (
            "{lead}[change|edit|switch|update] the [text|words|lettering|writing] from {O} to {Q}{tail}",
            "{lead}replace [the text |the words |]{O} with {Q}{tail}",
            "{lead}[change|turn|edit] [the text |]{O} [to|into] {Q}{tail}",
            "{lead}[write|put] {Q} [instead of|in place of] {O}{tail}",
            "the [text|writing|lettering] should [read|say|be] {Q} instead of {O}{tail}",
            "{lead}make the picture say {Q}{tail}",
        ),
        "text_color": (
            "{lead}[make|turn|paint|color] the [letters|text|lettering|words] {new}{tail}",
            "{lead}change the [text|letter] [color|colour] [from {old} |]to {new}{tail}",
            "{lead}[write|print|show] {Q} in {new}{tail}",
            "{lead}[use|take] {new} [instead of {old} |]for the [text|letters]{tail}",
        ),
        "background": (
            "{lead}[change|switch|set] the background to {new}{tail}",
            "{lead}replace the background with {new}{tail}",
            "{lead}use {new} as the background{tail}",
            "the background should be {new}{tail}",
            "{lead}change the background [from {old} |]to {new}{tail}",
        ),
        "add": (
            "{lead}[add|put|place|draw|insert] {thing} {at}{tail}",
            "[I want|I would like|there should be] {thing} {at}{tail}",
            "{at}, [add|put|draw] {thing}{tail}",
        ),
        "remove": (
            "{lead}[remove|delete|erase|take away|take out|get rid of] {ref}{tail}",
            "[the same picture|the picture|everything] without {ref}",
            "{ref} should [disappear|go away|be gone]{tail}",
        ),
        "replace": (
            "{lead}[replace {ref} with|swap {ref} for|exchange {ref} for] {thing}{tail}",
            "{lead}[turn|change|transform] {ref} into {thing}{tail}",
            "{lead}[put|draw|show] {thing} [instead of|in place of] {ref}{tail}",
            "{ref} should [become|be] {thing}{tail}",
        ),
        "move": (
            "{lead}[move|shift|bring] {ref} {to}{tail}",
            "{ref} should be {at}[ instead|]{tail}",
            "{lead}[put|place] {ref} {at} instead{tail}",
        ),
        "color": (
            "{lead}[make|turn|paint|color|colour] {ref} {new}{tail}",
            "{lead}change the [color|colour] of {ref} to {new}{tail}",
            "{ref} should [be|become] {new}{tail}",
            "{lead}[recolor|recolour|repaint] {ref} in {new}{tail}",
        ),
        "style": (
            "{lead}[redraw|draw|show|render] {ref} in a {style} style{tail}",
            "{lead}give {ref} a {style} look{tail}",
            "{lead}change the style of {ref} to {style}{tail}",
        ),
    },
    "zh": {
        "text": (
            "{lead}把[文字|字|上面的文字]从{O}[改成|改为|换成]{Q}{tail}",
            "{lead}[把|将]{O}[改成|改为|换成|替换为]{Q}{tail}",
            "{lead}用{Q}[替换|代替]{O}{tail}",
            "[文字|上面的字]应该[写|是]{Q}[，不是{O}|]{tail}",
            "不要写{O}，[改写|写]{Q}{tail}",
        ),
        "text_color": (
            "{lead}把[文字|字]的颜色[从{old}|][改成|换成|变成]{new}{tail}",
            "{lead}[把|将][文字|字|{Q}][改成|变成|换成]{new}{tail}",
            "{lead}用{new}写{Q}{tail}",
            "[文字|字]应该是{new}的{tail}",
        ),
        "background": (
            "{lead}[把|将]背景[换成|改成|改为|变成]{new}{tail}",
            "{lead}用{new}[作为|做]背景{tail}",
            "背景[应该是|要用|换成]{new}{tail}",
            "{lead}把{old}的背景[换成|改成]{new}{tail}",
        ),
        "add": (
            "{lead}在{at}[加|添加|画|放|加上]{thing}{tail}",
            "{at}[应该有|要有|加]{thing}{tail}",
            "[我想|我要]在{at}[加|放]{thing}{tail}",
        ),
        "remove": (
            "{lead}[把|将]{ref}[去掉|删掉|移除|拿走|擦掉]{tail}",
            "{lead}[去掉|删除|移除|擦掉]{ref}{tail}",
            "不要{ref}[了|]{tail}",
        ),
        "replace": (
            "{lead}[把|将]{ref}[换成|替换成|变成|改成]{thing}{tail}",
            "{lead}用{thing}[替换|代替|换掉]{ref}{tail}",
            "不要{ref}，[换成|改成]{thing}{tail}",
        ),
        "move": (
            "{lead}[把|将]{ref}[移到|挪到|移动到|放到]{at}{tail}",
            "{ref}应该在{at}{tail}",
            "{lead}让{ref}[到|移到]{at}去{tail}",
        ),
        "color": (
            "{lead}[把|将]{ref}[变成|改成|涂成|换成]{new}{tail}",
            "{lead}把{ref}的颜色[改成|换成|变成]{new}{tail}",
            "{ref}应该是{new}的{tail}",
        ),
        "style": (
            "{lead}[把|将]{ref}[改成|换成|画成]{style}风格{tail}",
            "{lead}用{style}风格[重画|重新画|画]{ref}{tail}",
            "{ref}[应该用|改用|换用]{style}风格{tail}",
        ),
    },
}
_MARKS = {"en": ('"', '"'), "zh": ("“", "”")}


def reference(thing: Thing, things: Sequence[Thing], rng: random.Random) -> tuple[str, str]:
    """English and Chinese words for one thing among others; now and then they say more than is needed."""
    same = [other for other in things if other.look.key == thing.look.key]
    alike = [other for other in same if other.look.color == thing.look.color]
    colored = bool(thing.look.color) and (len(same) > len(alike) or rng.random() < 0.5)
    placed = len(alike) > 1 or (len(same) > 1 and not thing.look.color) or rng.random() < 0.15
    en = f"the {thing.look.color + ' ' if colored else ''}{thing.look.en}"
    zh = f"{COLORS_ZH[thing.look.color] + '的' if colored else ''}{thing.look.zh}"
    if placed:
        where, _, there = PLACES[thing.slot.name]
        en, zh = f"{en} {where}", f"{there}的{zh}"
    return en, zh


def named(look: Look) -> tuple[str, str]:
    """A thing that nobody has spoken of yet: "a red star", "一颗红色的星星"."""
    color = f"{look.color} " if look.color else ""
    color_zh = f"{COLORS_ZH[look.color]}的" if look.color else ""
    return english(f"a {color}{look.en}"), f"一{look.counter}{color_zh}{look.zh}"


def instruct(
    kind: str, slots: Mapping[str, tuple[str, str]], rng: random.Random, text: str = "", old: str = ""
) -> tuple[Caption, Caption]:
    """An instruction in English and one in Chinese.

    Args:
        kind: a key of the patterns.
        slots: what the patterns ask for, in both languages.
        rng: chooses the words.
        text: the text that is quoted as `{Q}`.
        old: the text that is quoted as `{O}`.
    """
    said = []
    for number, language in enumerate(("en", "zh")):
        words = {name: both[number] for name, both in slots.items()} | {
            "lead": _LEAD[language],
            "tail": _TAIL[language],
        }
        sentence = expand(rng.choice(_PATTERNS[language][kind]), rng, words)
        said.append(
            Caption(_finished(fill(sentence, text, _MARKS[language], old).text, language, rng), "synthetic", language)
        )
    return said[0], said[1]


def describe(scene: Scene) -> tuple[Caption, Caption]:
    """What a scene shows, in both languages; the text is quoted."""
    en = _list([f"{named(thing.look)[0]} {PLACES[thing.slot.name][0]}" for thing in scene.things])
    zh = "，".join(f"{PLACES[thing.slot.name][2]}是{named(thing.look)[1]}" for thing in scene.things)
    style = STYLES[scene.things[0].look.style]
    en = f"A {style[0]} illustration of {en}. The background is {scene.ground.en}."
    zh = f"{style[1]}风格的插画：{zh}。背景是{scene.ground.zh}。"
    if scene.lettering is not None:
        place = ("At the top", "上方") if scene.lettering.top else ("At the bottom", "下方")
        color = scene.lettering.color
        en += f' {place[0]} the text "{scene.lettering.text}" is written in {color}.'
        zh += f"{place[1]}用{COLORS_ZH[color]}写着“{scene.lettering.text}”。"
    return Caption(english(en), "synthetic", "en"), Caption(zh, "synthetic", "zh")


def _finished(sentence: str, language: str, rng: random.Random) -> str:
    """Written with care or in haste: a capital letter and a full stop, or neither."""
    if language == "zh":
        return sentence + rng.choice(("", "", "。"))
    sentence = english(sentence)
    return sentence[0].upper() + sentence[1:] + rng.choice(("", ".")) if rng.random() < 0.6 else sentence


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
