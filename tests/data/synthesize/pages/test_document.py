from __future__ import annotations

import random

import pytest

from hanmo.data.synthesize.pages.corpus import Topic, builtin, parse
from hanmo.data.synthesize.pages.document import Block, blocks, fill, needs, suits
from hanmo.data.synthesize.pages.rules import amount
from hanmo.data.synthesize.pages.template import Template
from hanmo.data.synthesize.pages.template import builtin as templates
from hanmo.data.synthesize.pages.template import parse as parse_templates
from hanmo.errors import RequestError


def template(body: str) -> Template:
    return parse_templates(
        "== one | slide | wide\ncolumn\n" + "".join(f"  {line}\n" for line in body.splitlines()), "mine"
    )[0]


def topic(text: str) -> Topic:
    return parse("== Shop\n" + text, "en", "mine")[0]


def named(name: str) -> Template:
    return next(found for found in templates() if found.name == name)


def leaf(root: Block, kind: str) -> Block:
    return next(block for block in blocks(root) if block.kind == kind)


def test_no_entry_is_used_twice_on_a_page() -> None:
    page = template("bullets 3 {point}\ntext {point}\nnote {point}")
    words = topic("point: a / b / c / d / e")
    for seed in range(20):
        found = [row[0] for block in blocks(fill(random.Random(seed), page, words)) for row in block.rows]
        assert len(set(found)) == 5


def test_rows_keep_the_order_of_the_corpus() -> None:
    words = topic("point: a / b / c / d / e / f")
    for seed in range(20):
        rows = leaf(fill(random.Random(seed), template("bullets 2-5 {point}"), words), "bullets").rows
        assert 2 <= len(rows) <= 5
        assert list(rows) == sorted(rows)


@pytest.mark.parametrize("script", ["en", "zh"])
def test_sums_on_a_receipt_add_up(script: str) -> None:
    for seed in range(3):
        for words in builtin(script)[:3]:
            bills = [
                block for block in blocks(fill(random.Random(seed), named("till"), words)) if block.kind == "lines"
            ]
            goods, sums, total = bills
            bought = sum(amount(row[-1], script) or 0 for row in goods.rows)
            small, tax = (amount(row[-1], script) or 0 for row in sums.rows)
            assert small == pytest.approx(bought, abs=0.006)
            assert tax == pytest.approx(0.08 * bought, abs=0.006)
            assert amount(total.rows[0][-1], script) == pytest.approx(small + tax, abs=0.011)


def test_the_pieces_of_a_ring_chart_are_a_hundred_percent() -> None:
    words = topic("share: a | 1 / b | 1 / c | 1 / d | 4")
    rows = leaf(fill(random.Random(0), template("donut 3 {share}"), words), "donut").rows
    assert sum(int(row[1].removesuffix("%")) for row in rows) == 100


def test_what_a_template_needs_is_counted() -> None:
    page = template("bullets 3-5 {point}\nnote {point}\nnote {year}\nlines {total} | {grand}")
    assert needs(page) == {"point": 4, "total": 1}
    assert not suits(page, topic("point: a / b / c\ntotal: T"))
    assert suits(page, topic("point: a / b / c / d\ntotal: T"))


def test_an_entry_with_too_few_or_empty_parts_is_named() -> None:
    for entry in ("Atlas | $9.00", "Atlas | | $9.00"):
        with pytest.raises(RequestError, match=r"the entry 'Atlas.*prices needs 3"):
            fill(random.Random(0), template("prices 1 {item}"), topic(f"item: {entry}"))


def test_a_topic_without_entries_is_refused() -> None:
    with pytest.raises(RequestError, match="too few entries"):
        fill(random.Random(0), template("note {point}\nnote {point}"), topic("point: a"))
