"""What fills the small placeholders of texts: prices, dates, hours (report section 3.4, complex rendering).

`{price:3-9}` in a text becomes "$4.50" in English and "¥6" in Chinese; the numbers after the colon are the range.
Rules draw from the generator they are given. This module does not know topics or templates.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date, timedelta

from hanmo.errors import RequestError

SLOT = re.compile(r"\{([a-z]+)(?::(\d+)-(\d+))?\}")
_MONEY = {"en": re.compile(r"\$([\d,]+\.\d\d)"), "zh": re.compile(r"¥([\d,]+(?:\.\d\d)?)")}
_PEOPLE = {
    "en": ("Mara Lind", "Theo Brandt", "Ines Okoro", "Jonas Hale", "Priya Nair", "Lucy Marsh"),
    "zh": ("许文", "林小满", "周一航", "沈之舟", "顾晓岚", "陈望"),
}
_WEEK = {"en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), "zh": "一二三四五六日"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def substitute(rng: random.Random, text: str, script: str) -> str:
    """`text` with every placeholder that a rule knows filled in.

    Raises:
        RequestError: A placeholder that no rule knows, or a range that is missing or upside down.
    """

    def value(found: re.Match[str]) -> str:
        name, low, high = found.groups()
        rule = RULES.get(name)
        if rule is None:
            raise RequestError(f"no rule fills {found[0]} in {text!r}; choose from {', '.join(sorted(RULES))}")
        if name in RANGED and (low is None or int(low) > int(high)):
            raise RequestError(f"{found[0]} in {text!r} needs a range that rises, as in {{{name}:3-9}}")
        return rule(rng, script, int(low or 0), int(high or 0))

    return SLOT.sub(value, text)


def amount(text: str, script: str) -> float | None:
    """The sum of money that `text` names; None where it names none."""
    found = _MONEY[script].search(text)
    return float(found[1].replace(",", "")) if found else None


def money(value: float, script: str) -> str:
    """A sum as a price tag writes it."""
    if script == "en":
        return f"${value:,.2f}"
    return f"¥{value:,.0f}" if abs(value - round(value)) < 0.005 else f"¥{value:,.2f}"


def _price(rng: random.Random, script: str, low: int, high: int) -> str:
    if script == "zh":
        return money(float(rng.randint(max(1, low), high)), script)
    return money(rng.randint(low, high) + rng.choice((0.0, 0.2, 0.5, 0.8, 0.9)) + (low == 0) * 0.5, script)


def _whole(rng: random.Random, script: str, low: int, high: int) -> str:
    return f"{'$' if script == 'en' else '¥'}{rng.randint(low, high):,}"


def _date(rng: random.Random, script: str, low: int, high: int) -> str:
    first = _day_of(rng)
    last = first + timedelta(days=rng.choice((1, 2, 30)))
    if script == "zh":
        if rng.random() < 0.5:
            return f"{first.month}月{first.day}日 周{_WEEK['zh'][first.weekday()]}"
        return f"{first.month}月{first.day}日至{last.month}月{last.day}日"
    if rng.random() < 0.5:
        return f"{_WEEK['en'][first.weekday()]}, {_MONTHS[first.month - 1]} {first.day}"
    return f"{_MONTHS[first.month - 1]} {first.day} – {_MONTHS[last.month - 1]} {last.day}"


def _day(rng: random.Random, script: str, low: int, high: int) -> str:
    day = _day_of(rng)
    return (
        f"{day.year}年{day.month}月{day.day}日"
        if script == "zh"
        else f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"
    )


def _day_of(rng: random.Random) -> date:
    return date(2026, 1, 1) + timedelta(days=rng.randrange(3 * 365))


def _code(rng: random.Random, script: str, low: int, high: int) -> str:
    return f"{rng.choice('ABCDEFGHKMNPRST')}{rng.randint(1000, 9999)}"


RULES: dict[str, Callable[[random.Random, str, int, int], str]] = {
    "price": _price,
    "money": _whole,
    "n": lambda rng, script, low, high: f"{rng.randint(low, high):,}",
    "k": lambda rng, script, low, high: f"{rng.randint(low * 10, high * 10) / 10:.1f}k",
    "pct": lambda rng, script, low, high: f"{rng.randint(low, high)}%",
    "decimal": lambda rng, script, low, high: f"{rng.randint(low * 10, high * 10 - 1) / 10:.1f}",
    "han": lambda rng, script, low, high: "一二三四五六七八九"[rng.randint(low, high) - 1],
    "date": _date,
    "day": _day,
    "month": lambda rng, script, low, high: rng.choice(_MONTHS),
    "year": lambda rng, script, low, high: str(rng.randint(2026, 2029)),
    "time": lambda rng, script, low, high: (
        f"{rng.randint(6, 22):02d}:{rng.choice((0, 5, 10, 15, 20, 30, 40, 45, 50)):02d}"
    ),
    "letter": lambda rng, script, low, high: rng.choice("ABCDEFGH"),
    "two": lambda rng, script, low, high: f"{rng.randint(1, 99):02d}",
    "code": _code,
    "person": lambda rng, script, low, high: rng.choice(_PEOPLE[script]),
}
RANGED = frozenset({"price", "money", "n", "k", "pct", "decimal", "han"})
