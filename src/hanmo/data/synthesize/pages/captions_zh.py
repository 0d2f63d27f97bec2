"""What is said of pages in Chinese (report section 3.3: text is quoted verbatim, untranslated).

This module does not know pixels, nor the other language.
"""

from __future__ import annotations

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.pages.document import Block, Document
from hanmo.data.synthesize.pages.theme import Scheme
from hanmo.data.synthesize.pages.words import Fact, Language, format_of, side_by_side
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
    return "、".join(map(_q, texts))


def _n(count: int) -> str:
    return _NUMBERS[count] if count <= 10 else str(count)


def _rows(block: Block) -> str:
    return "；".join("".join(_q(cell) for cell in row if cell) for row in block.rows)


def _firsts(block: Block) -> str:
    return _list([row[0] for row in block.rows])


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
    first = block.rows[0][0] if block.rows else ""
    count = _n(len(block.rows))
    way = "并排" if side_by_side(block) else "自上而下"
    lead = f"标题为{_q(block.lead[0])}的" if block.lead else ""
    match block.kind:
        case "kicker":
            return f"{fact.scheme.accent.zh}的小字标签{_q(first)}"
        case "title":
            color = fact.scheme.accent if block.options.get("tone") == "accent" else fact.scheme.ink
            return f"{color.zh}的大号{_FACES[fact.pairing.heading.kind]}标题{_q(first)}"
        case "heading":
            return f"小标题{_q(first)}"
        case "subtitle":
            return f"较淡的副标题{_q(first)}"
        case "text":
            return f"一段正文{_q(first)}"
        case "note":
            return f"一行小字{_q(first)}"
        case "bullets":
            return f"以{_MARKS[block.options.get('style', 'dot')]}开头的{count}条要点：{_rows(block)}"
        case "numbered":
            rows = "；".join(f"{_q(str(i))}{_q(row[0])}，下注{_q(row[1])}" for i, row in enumerate(block.rows, 1))
            return f"{way}的{count}个步骤，编号在{fact.scheme.accent.zh}圆点里：{rows}"
        case "features":
            return f"{way}的{count}张带小图标的卡片：{_rows(block)}"
        case "quote":
            return f"{fact.scheme.accent.zh}竖条旁的引言{_q(first)}，其下署名{_q(block.rows[0][1])}"
        case "tags":
            return f"{count}个小标签{_firsts(block)}"
        case "badge":
            return f"圆角徽标{_q(first)}"
        case "button":
            return f"实心按钮{_q(first)}" + "".join(f"和描边按钮{_q(row[0])}" for row in block.rows[1:])
        case "footer":
            return f"页脚{_firsts(block)}"
        case "picture":
            return fact.art
        case _:
            return _data(block, fact, count, way, lead)


def _data(block: Block, fact: Fact, count: str, way: str, lead: str) -> str:
    match block.kind:
        case "table":
            return f"一张表格，表头为{_list(list(block.lead))}，共{count}行：{_rows(block)}"
        case "columns":
            return f"{lead}柱状图，{count}根柱子，柱顶标数值：{_rows(block)}"
        case "bars":
            return f"{lead}横向条形图，{count}条：{_rows(block)}"
        case "donut":
            return f"{lead}环形图，配图例：{_rows(block)}"
        case "curve":
            return f"{lead}折线图，{count}个点：{_rows(block)}"
        case "stats":
            return f"{way}的{count}个{fact.scheme.accent.zh}关键数字，下有说明：{_rows(block)}"
        case "events":
            return f"{count}行日程：{_rows(block)}"
        case "details":
            return f"信息：{_rows(block)}"
        case "prices":
            rows = (f"{_q(name)}{_q(price)}，下注{_q(about)}" for name, about, price, *_ in block.rows)
            return f"{count}项价目：{'；'.join(rows)}"
        case "lines":
            return f"账单明细：{_rows(block)}"
        case "seats":
            pairs = (f"{_q(name)}下为{_q(cell)}" for name, cell in zip(block.lead, block.rows[0], strict=False))
            return f"并排的{'，'.join(pairs)}"
        case "nav":
            return f"导航栏，左边是小图标和名称{_q(block.lead[0])}，右边是链接{_firsts(block)}"
        case "tabs":
            return f"{count}个标签页{_firsts(block)}，第一个有下划线"
        case "bottom":
            return f"{count}个图标的底栏，文字为{_firsts(block)}，第一个被选中"
        case "search":
            return f"圆角搜索框，写着{_q(block.rows[0][0])}"
        case "fields":
            return f"表单：{'；'.join(f'{_q(row[0])}下的输入框里是{_q(row[1])}' for row in block.rows)}"
        case "settings":
            states = {"on": "开", "off": "关"}
            return f"开关：{'；'.join(f'{_q(row[0])}{states.get(row[1], row[1])}' for row in block.rows)}"
        case "goods":
            return f"并排的{count}张商品卡片，各有插画：{_rows(block)}"
        case "barcode":
            return "一条条形码"
        case "divider":
            style = block.options.get("style", "hair")
            return {"hair": "一条细线", "dash": "一条虚线", "short": f"一道{fact.scheme.accent.zh}短粗线"}.get(style, "一条线")
        case _:
            return ""


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
