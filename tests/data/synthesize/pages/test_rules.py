from __future__ import annotations

import random
import re

import pytest

from hanmo.data.synthesize.pages.rules import RANGED, RULES, amount, money, substitute
from hanmo.errors import RequestError


def test_the_same_seed_fills_the_same_values() -> None:
    text = "{price:3-9} {date} {day} {time} {code} {person}"
    assert substitute(random.Random(4), text, "en") == substitute(random.Random(4), text, "en")
    assert substitute(random.Random(4), text, "en") != substitute(random.Random(5), text, "en")


@pytest.mark.parametrize("script", ["en", "zh"])
@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_fills_its_placeholder_with_visible_text(script: str, name: str) -> None:
    slot = "{" + name + (":2-9" if name in RANGED else "") + "}"
    found = {substitute(random.Random(seed), slot, script) for seed in range(12)}
    assert all(text.strip() and "{" not in text for text in found)
    assert len(found) > 1


def test_a_price_is_within_its_range_and_written_as_its_language_writes_it() -> None:
    for seed in range(30):
        english = substitute(random.Random(seed), "{price:3-9}", "en")
        chinese = substitute(random.Random(seed), "{price:3-9}", "zh")
        assert re.fullmatch(r"\$\d+\.\d\d", english)
        assert 3 <= (amount(english, "en") or 0) < 10
        assert re.fullmatch(r"¥\d+", chinese)
        assert 3 <= (amount(chinese, "zh") or 0) <= 9


def test_sums_keep_their_cents() -> None:
    assert money(1234.5, "en") == "$1,234.50"
    assert amount(money(1234.5, "en"), "en") == 1234.5
    assert money(12.0, "zh") == "¥12"
    assert money(6.16, "zh") == "¥6.16"
    assert amount("no money", "en") is None


def test_what_no_rule_knows_is_named() -> None:
    with pytest.raises(RequestError, match=r"no rule fills \{prise:1-2\}.*price"):
        substitute(random.Random(0), "{prise:1-2}", "en")


@pytest.mark.parametrize("slot", ["{n}", "{n:9-3}"])
def test_a_range_that_is_missing_or_upside_down_is_refused(slot: str) -> None:
    with pytest.raises(RequestError, match="range that rises"):
        substitute(random.Random(0), slot, "en")
