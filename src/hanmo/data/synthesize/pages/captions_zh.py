"""What is said of pages in Chinese (report section 3.3: text is quoted verbatim, untranslated).

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
    "slide": ("演示文稿页",) * 3,
    "poster": ("海报",) * 3,
    "screen": ("网页", "手机应用界面", "网页"),
    "report": ("报告页",) * 3,
    "receipt": ("购物小票",) * 3,
    "ticket": ("票券",) * 3,
    "menu": ("价目菜单",) * 3,
}
_FORMATS = ("横版", "竖版", "方形")
_NUMBERS = "零一两三四五六七八九十"
_FACES = {"serif": "衬线体", "sans": "无衬线体", "mono": "等宽体", "": "普通字体"}
_MARKS = {"dot": "圆点", "dash": "短横", "check": "对勾"}
_OUTLINE = {
    "bullets": "{n}条要点",
    "numbered": "{n}个编号步骤",
    "features": "{n}张图标卡片",
    "quote": "一段引言",
    "button": "按钮",
    "table": "{n}行的表格",
    "columns": "柱状图",
    "bars": "条形图",
    "donut": "环形图",
    "curve": "折线图",
    "stats": "{n}个关键数字",
    "events": "{n}项日程",
    "prices": "{n}项价目",
    "seats": "座位号",
    "nav": "导航栏",
    "tabs": "标签页",
    "bottom": "底部图标栏",
    "search": "搜索框",
    "fields": "{n}项表单",
    "settings": "{n}个开关",
    "goods": "{n}张商品卡片",
    "picture": "插画",
    "barcode": "条形码",
    "lines": "账单明细",
}


def _q(text: str) -> str:
    return quoted(text, "zh")


def _list(texts: list[str]) -> str:
    return "、".join(texts)


def _n(count: int) -> str:
    return _NUMBERS[count] if count <= 10 else str(count)


def _rows(t: Told, between: str = "") -> str:
    return "；".join(between.join(row) for row in t.rows)


def _count(t: Told) -> str:
    return _n(len(t.rows))


def _way(t: Told) -> str:
    return "并排" if side_by_side(t.block) else "自上而下"


def _lead(t: Told) -> str:
    return f"标题为{t.lead[0]}的" if t.lead else ""


def _intro(document: Document, colors: Scheme) -> str:
    form = format_of(document)
    heading = document.pairing.heading
    body = document.pairing.figures if document.kind == "receipt" else document.pairing.body
    weight = "粗" if heading.bold else ""
    return (
        f"一张{_FORMATS[form]}{_KINDS[document.kind][form]}，{colors.ground.zh}底，{colors.ink.zh}文字，{colors.accent.zh}点缀，"
        f"标题用{weight}{_FACES[heading.kind]}，正文用{_FACES[body.kind]}。"
    )


def _leaf(block: Block, fact: Fact) -> str:
    phrase = _PHRASES.get(block.kind)
    return phrase(told(block, fact, _q, 1)) if phrase else ""


def _button(t: Told) -> str:
    return f"实心按钮{t.first}" + "".join(f"和描边按钮{row[0]}" for row in t.rows[1:])


def _numbered(t: Told) -> str:
    rows = (f"{_q(str(number))}{name}，下注{about}" for number, (name, about, *_) in enumerate(t.rows, 1))
    return f"{_way(t)}的{_count(t)}个步骤，编号在{t.accent}圆点里：{'；'.join(rows)}"


def _prices(t: Told) -> str:
    rows = (f"{name}{price}，下注{about}" for name, about, price, *_ in t.rows)
    return f"{_count(t)}项价目：{'；'.join(rows)}"


def _seats(t: Told) -> str:
    return f"并排的{'，'.join(f'{name}下为{cell}' for name, cell in zip(t.lead, t.rows[0], strict=False))}"


def _settings(t: Told) -> str:
    states = {"on": "开", "off": "关"}
    return f"开关：{'；'.join(f'{_q(name)}{states.get(state, state)}' for name, state, *_ in t.block.rows)}"


def _divider(t: Told) -> str:
    named = {"hair": "一条细线", "dash": "一条虚线", "short": f"一道{t.accent}短粗线"}
    return named.get(t.style("hair"), "一条线")


_PHRASES: dict[str, Callable[[Told], str]] = {
    "kicker": lambda t: f"{t.accent}的小字标签{t.first}",
    "title": lambda t: f"{t.tone}的大号{_FACES[t.face]}标题{t.first}",
    "heading": lambda t: f"小标题{t.first}",
    "subtitle": lambda t: f"较淡的副标题{t.first}",
    "text": lambda t: f"一段正文{t.first}",
    "note": lambda t: f"一行小字{t.first}",
    "bullets": lambda t: f"以{_MARKS[t.style('dot')]}开头的{_count(t)}条要点：{_rows(t)}",
    "numbered": _numbered,
    "features": lambda t: f"{_way(t)}的{_count(t)}张带小图标的卡片：{_rows(t)}",
    "quote": lambda t: f"{t.accent}竖条旁的引言{t.first}，其下署名{t.rows[0][1]}",
    "tags": lambda t: f"{_count(t)}个小标签{_list(t.firsts)}",
    "badge": lambda t: f"圆角徽标{t.first}",
    "button": _button,
    "footer": lambda t: f"页脚{_list(t.firsts)}",
    "picture": lambda t: t.fact.art,
    "table": lambda t: f"一张表格，表头为{_list([*t.lead])}，共{_count(t)}行：{_rows(t)}",
    "columns": lambda t: f"{_lead(t)}柱状图，{_count(t)}根柱子，柱顶标数值：{_rows(t)}",
    "bars": lambda t: f"{_lead(t)}横向条形图，{_count(t)}条：{_rows(t)}",
    "donut": lambda t: f"{_lead(t)}环形图，配图例：{_rows(t)}",
    "curve": lambda t: f"{_lead(t)}折线图，{_count(t)}个点：{_rows(t)}",
    "stats": lambda t: f"{_way(t)}的{_count(t)}个{t.accent}关键数字，下有说明：{_rows(t)}",
    "events": lambda t: f"{_count(t)}行日程：{_rows(t)}",
    "details": lambda t: f"信息：{_rows(t)}",
    "prices": _prices,
    "lines": lambda t: f"账单明细：{_rows(t)}",
    "seats": _seats,
    "nav": lambda t: f"导航栏，左边是小图标和名称{t.lead[0]}，右边是链接{_list(t.firsts)}",
    "tabs": lambda t: f"{_count(t)}个标签页{_list(t.firsts)}，第一个有下划线",
    "bottom": lambda t: f"{_count(t)}个图标的底栏，文字为{_list(t.firsts)}，第一个被选中",
    "search": lambda t: f"带放大镜的圆角搜索框，写着{t.first}",
    "fields": lambda t: f"表单：{_rows(t, '下的输入框里是')}",
    "settings": _settings,
    "goods": lambda t: f"并排的{_count(t)}张商品卡片，各有插画：{_rows(t)}",
    "barcode": lambda t: "一条条形码",
    "divider": _divider,
}


def _below(told: list[str]) -> str:
    return "，其下是".join(told)


def _beside(told: list[str]) -> str:
    if len(told) < 2:
        return "".join(told)
    if len(told) == 2:
        return f"左边是{told[0]}；右边是{told[1]}"
    return f"左边是{told[0]}；接着是{'；再是'.join(told[1:-1])}；右边是{told[-1]}"


def _panel(inner: str, ground: Color, *, card: bool, graded: bool) -> str:
    form = "卡片" if card else "色块"
    return f"{'带柔和对角渐变的' if graded else ''}{ground.zh}{form}，其中有{inner}"


def _sentences(intro: str, told: list[str], *, across: bool) -> str:
    if len(told) == 1:
        return f"{intro}画面中有{told[0]}。"
    first, last = ("左侧", "右侧") if across else ("顶部", "底部")
    places = [first, *["旁边" if across else "下方"] * (len(told) - 2), last]
    return intro + "".join(f"{place}：{text}。" for place, text in zip(places, told, strict=True))


def _outline(block: Block) -> str:
    return _OUTLINE.get(block.kind, "").format(n=_n(len(block.rows)))


def _summary(document: Document, colors: Scheme, title: str, parts: list[str]) -> str:
    form = format_of(document)
    named = f"，标题为{_q(title)}" if title else ""
    rest = f"，有{'、'.join(parts)}" if parts else ""
    return f"一张{_FORMATS[form]}{_KINDS[document.kind][form]}{named}，{colors.ground.zh}配{colors.accent.zh}{rest}。"


CHINESE = Language(1, _intro, _leaf, _below, _beside, _panel, _sentences, _outline, _summary, "底色是柔和的对角渐变。")
