"""Phrasings for evaluation only, written by hand as people type them; training never produces one.

Each line is one way to ask, a pattern without choices (see `grammar.py`). What a prompt wants beside text and
ground stands behind it, as fields of the card. Training captions that come out like one of these, but for
colours, text, capitals and punctuation, are thrown away and drawn again (`skeleton` decides).
This module does not know cards.
"""

from __future__ import annotations

import re
from functools import cache

from hanmo.data.synthesize.grammar import OLD, TEXT
from hanmo.data.synthesize.phrases_zh import COLOR1

Wish = tuple[str, dict[str, str]]


def _plain(lines: str, **fields: str) -> tuple[Wish, ...]:
    return tuple((line.strip(), fields) for line in lines.strip().splitlines())


PROMPTS_EN: tuple[Wish, ...] = (
    *_plain("""
        a {bg} card with {Q} on it
        a card, {bg} background, that has {Q} written on it
        I'd like a {bg} sign and it should say {Q}
        can you please do a {bg} label with {Q}
        {bg} sign with {Q} in the middle of it
        just the word {Q} on a plain {bg} card
        make a sign for me: {bg}, with the text {Q}
        the word {Q} written across a {bg} banner
        a simple {bg} poster that only says {Q}
        show {Q} in front of {bg}
        please write {Q} for me on something {bg}
        {Q} on a card, the card is {bg}
        I need a {bg} badge that has the text {Q}
        a {bg} tag. Text on the tag: {Q}
        a {bg} rectangle with {Q} written inside
        a {bg} board and on it the word {Q}
        A sign. It is {bg}. It says {Q}.
        give me a {bg} poster and write {Q} in the middle
        paint a {bg} card, then write {Q} on it
        could you write {Q} on {bg} for me?
        card: {bg}, says: {Q}
        draw a sign which is {bg} and has the letters {Q}
        a picture with a {bg} background, and on it the text {Q}
        put the letters {Q} on top of a {bg} background
        background should be {bg}, text should be {Q}
        I want to see {Q} on a {bg} sign
        make the card {bg} and the text {Q}
        a {bg} one that reads {Q}
        new {bg} label, please, with the name {Q}
        an image that is all {bg} with the text {Q}
        the sign on my door: {bg}, with {Q}
        everything {bg}, and the text {Q}
    """),
    *_plain("""
        {color} {Q} on {bg} please
        a {bg} card with {Q} written in {color} letters
        {bg} poster. {color} letters. {Q}.
        I want {color} text that says {Q} on a {bg} background
        the background is {bg} and {Q} is written on it in {color}
        a {bg} sign, its letters are {color} and say {Q}
        use {color} letters for {Q} and a {bg} background
        write the word {Q} in {color}, make the background {bg}
        {Q} painted {color} on a {bg} card
        a {bg} label that says {Q}, and make the letters {color}
    """),
    *_plain("a {bg} card that says {Q} with small letters", size="small"),
    *_plain("please make the text {Q} small on a {bg} card", size="small"),
    *_plain("a {bg} card and a serif font that spells {Q}", font="serif"),
    *_plain("{Q} with serif letters, {bg} card", font="serif"),
    *_plain("put {Q} at the top of a {bg} card", place="top"),
    *_plain("a {bg} sign that has {Q} at the bottom", place="bottom"),
    *_plain("on the left of a {bg} card, the text {Q}", place="left"),
    *_plain("{bg} card, {Q} on the right side", place="right"),
)
PROMPTS_ZH: tuple[Wish, ...] = (
    *_plain("""
        请给我做一张{bg}的卡片，卡片上写着{Q}
        我想要一个{bg}的牌子，牌子上的字是{Q}
        {bg}的卡片，中间写{Q}这几个字
        画一张卡，底色用{bg}，然后写上{Q}
        能帮我在{bg}的牌子上写{Q}吗
        一张{bg}的图，图上只有{Q}
        帮我生成{bg}背景的图片，文字内容{Q}
        海报：{bg}，文案：{Q}
        {bg}的门牌，门牌上写的是{Q}
        给我来张{bg}的卡片吧，写{Q}就行
        有一块{bg}的牌子，上面有{Q}字样
        把背景弄成{bg}，写{Q}
        做个{bg}标签，标签写{Q}
        以{bg}为背景，写上{Q}
        以{bg}作底，文字是{Q}
        请画{Q}，要{bg}的背景
        {Q}这几个字写在{bg}的卡片上
        我要在{bg}的海报上看到{Q}
        卡片的底色是{bg}，卡片的文字是{Q}
        一块{bg}的板子，上面的内容是{Q}
        图片背景{bg}，图片文字{Q}
        请设计一个{bg}的招牌，招牌名字叫{Q}
        {bg}的便签上面写了{Q}
        麻烦做一张{bg}的卡，写{Q}，谢谢
        用{bg}的背景写{Q}
        整张图是{bg}的，中间是{Q}
        {bg}卡片一张，写{Q}
        请写{Q}，底是{bg}的
        写着{Q}的一张{bg}卡片
        生成图片，{bg}的背景，{Q}的文字
        标题{Q}，底色选{bg}
        {bg1}色的牌子，写的是{Q}
    """),
    *_plain("""
        {bg1}色背景{color1}色文字，写{Q}
        请用{color}的字在{bg}的卡片上写着{Q}
        {bg}的卡片，上面{color}的字写着{Q}
        一张{bg}的海报，{Q}用{color}来写
        字要{color}，背景要{bg}，内容{Q}
        卡片是{bg}的，{Q}是{color}的
        做一个{bg1}底{color1}字的牌子，内容写{Q}
        我想要{color}的{Q}，背景{bg}
        {color}字体写{Q}，{bg}底
        {Q}要{color}的，底要{bg}的
    """),
    *_plain("{bg}卡片上用小小的字写着{Q}", size="small"),
    *_plain("一张{bg}的卡片，写着{Q}，字要小", size="small"),
    *_plain("{bg}的牌子，用宋体写{Q}", font="serif"),
    *_plain("请用宋体在{bg}背景上写{Q}", font="serif"),
    *_plain("{bg}的卡片，顶部写着{Q}", place="top"),
    *_plain("{bg}背景，最下面写{Q}", place="bottom"),
    *_plain("在{bg}卡片的左边写{Q}", place="left"),
    *_plain("{bg}的图，右边是{Q}", place="right"),
)

# Edits, by what they change. {new} and {old} are colours; {O} is the text that was there.
EDITS_EN: dict[str, tuple[str, ...]] = {
    "text": (
        "the text on it should be changed to {Q}",
        "please make the text {Q} instead",
        "it should say {Q} now",
        "can you change what it says to {Q}?",
        "replace the word with {Q}",
        "I want it to say {Q}, not {O}",
        "erase {O} and write {Q}",
        "take out {O}, put in {Q}",
        "the new text is {Q}",
        "{O} is wrong, it must be {Q}",
        "swap {O} for {Q}",
        "text: {O} to {Q}",
        "same card but with {Q}",
        "write {Q} where it says {O}",
        "let the card read {Q} from now on",
        "please correct {O} to {Q}",
    ),
    "color": (
        "make all the letters {new} please",
        "I want the letters to be {new}",
        "could the text be {new}?",
        "the letters should have the color {new}",
        "give the text a {new} color",
        "text in {new} please, same background",
        "write it in {new} letters instead",
        "turn the {old} letters into {new} ones",
        "letters from {old} to {new}",
        "only change the letters: make them {new}",
        "please use {new} for the text",
        "color the word {new}",
        "switch the lettering to {new}",
    ),
    "background": (
        "make what is behind the text {new}",
        "I want a {new} background instead",
        "could the card be {new}?",
        "give it a {new} background",
        "put the text on {new}",
        "background from {old} to {new}",
        "the card should become {new}",
        "same text on a {new} card",
        "turn the {old} background into a {new} one",
        "paint everything behind the text {new}",
        "please use {new} for the background",
        "only change the background: make it {new}",
        "switch the background color to {new}",
    ),
}
EDITS_ZH: dict[str, tuple[str, ...]] = {
    "text": (
        "把卡片里的文字都改成{Q}",
        "文字换一下，换成{Q}",
        "帮我把上面的字改成{Q}吧",
        "{O}不要了，写{Q}",
        "我想让它写{Q}",
        "现在写{Q}，不写{O}",
        "请把{O}改掉，写{Q}",
        "去掉{O}，换上{Q}",
        "卡片上要写{Q}",
        "字改一下：{Q}",
        "{O}写错了，应该是{Q}",
        "改字，{O}改{Q}",
        "同样的卡片，但是写{Q}",
        "新的内容是{Q}",
        "能把{O}变成{Q}吗",
        "请更正为{Q}",
    ),
    "color": (
        "把所有的字都变成{new}",
        "我想要{new}的字",
        "字能不能是{new}的",
        "文字颜色换成{new}吧",
        "字的颜色从{old}改到{new}",
        "用{new}重新写这些字",
        "请将{old}的字变为{new}的",
        "字要{new}，背景不变",
        "只改字的颜色，改成{new}",
        "让文字是{new}的",
        "给文字涂上{new}",
        "字色：{new}",
        "上面的字请用{new}",
    ),
    "background": (
        "把后面的背景都变成{new}",
        "我想要{new}的背景",
        "背景能不能是{new}的",
        "背景颜色换成{new}吧",
        "背景从{old}改到{new}",
        "底色要{new}，字不变",
        "请将{old}的背景变为{new}的",
        "只改背景，改成{new}",
        "卡片改用{new}的底",
        "让背景是{new}的",
        "给背景涂上{new}",
        "同样的字，放到{new}的卡片上",
        "整张卡变成{new}的",
    ),
}

_ENGLISH_COLORS = "red|orange|yellow|green|blue|purple|pink|brown|grey|gray|black|white|cyan"
_CHINESE_COLORS = "粉红色|咖啡色|青蓝色|[橘褐]色|" + "|".join(f"{char}色" for char in COLOR1.values())
_COLORS = re.compile(rf"\b(?:{_ENGLISH_COLORS})\b|{_CHINESE_COLORS}|[{''.join(COLOR1.values())}](?=[底字])")
_SLOTS = re.compile(r"\{(bg|bg1|color|color1|new|old)\}(色?)")
_ARTICLE = re.compile(r"\ban\b")
_PUNCTUATION = re.compile(r"[^\w\ue000\ue001*]+")


def skeleton(sentence: str) -> str:
    """A sentence without colours, capitals, blanks and punctuation; its texts are `TEXT` and `OLD` still."""
    bare = _ARTICLE.sub("a", _COLORS.sub("*", sentence.lower()))
    return _PUNCTUATION.sub("", bare)


@cache
def held_out_skeletons() -> frozenset[str]:
    """What no training sentence may look like."""
    patterns = [pattern for pattern, _ in PROMPTS_EN + PROMPTS_ZH]
    patterns += [line for edits in (EDITS_EN, EDITS_ZH) for lines in edits.values() for line in lines]
    return frozenset(
        skeleton(_SLOTS.sub("*", pattern.replace("{Q}", TEXT).replace("{O}", OLD))) for pattern in patterns
    )
