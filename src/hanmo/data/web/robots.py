"""What a site asks of robots: robots.txt as RFC 9309 has it, and the X-Robots-Tag header.

The standard library's parser takes the first rule that fits and knows no wildcards, so it would fetch what a site
forbids with "Disallow: /*.jpg$"; here the longest rule counts, `*` stands for anything and `$` for the end. A rule
that is made to take for ever does not. It does not know how robots.txt is fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

ROBOTS_BYTES = 512 << 10
"""How much of a robots.txt counts; RFC 9309 asks for 500 KiB at least."""


@dataclass(frozen=True)
class Robots:
    """The rules that hold for one robot on one site.

    Args:
        rules: whether it is allowed, and the pattern of the paths, of each rule.
        delay: seconds between two requests that the site asks for; 0 where it does not.
    """

    rules: tuple[tuple[bool, str], ...] = ()
    delay: float = 0.0

    def allows(self, target: str) -> bool:
        """Whether a path (with its query) may be asked; of rules that are equally long, the one that allows counts."""
        path = _normal(target)
        fitting = [(len(pattern), allowed) for allowed, pattern in self.rules if _fits(pattern, path)]
        return max(fitting, default=(0, True))[1]


ALL_ALLOWED = Robots()
NONE_ALLOWED = Robots(((False, "/"),))


def parse_robots(data: bytes, agent: str) -> Robots:
    """Read a robots.txt.

    Args:
        data: the file; lines that say nothing are passed over, as is what lies beyond `ROBOTS_BYTES`.
        agent: our product token, such as "hanmo"; the groups that name it count, else those of "*".
    """
    text = data[:ROBOTS_BYTES].decode("utf-8-sig", "replace")
    groups: dict[str, tuple[list[tuple[bool, str]], list[float]]] = {}
    names: list[str] = []
    open_ = False  # whether a further user-agent line still belongs to the same group
    for key, value in _lines(text):
        if key == "user-agent":
            names = [*names, value.lower()] if open_ else [value.lower()]
            open_ = True
            groups.setdefault(value.lower(), ([], []))
        elif key in ("allow", "disallow"):
            open_ = False
            for name in names:
                if value:
                    groups[name][0].append((key == "allow", _normal(value)))
        elif key == "crawl-delay":
            for name in names:
                groups[name][1].extend(_seconds(value))
    mine = groups.get(agent.lower(), groups.get("*"))
    return ALL_ALLOWED if mine is None else Robots(tuple(mine[0]), max(mine[1], default=0.0))


def tagged(headers: Iterable[str], agent: str, unwanted: Iterable[str]) -> str | None:
    """The first directive of X-Robots-Tag headers that is unwanted and meant for us; None without one.

    Args:
        headers: values such as "noai, noindex" or "otherbot: noindex".
        agent: our product token.
        unwanted: directives, lower case.
    """
    words = set(unwanted)
    for header in headers:
        name, colon, rest = header.partition(":")
        meant_for = name.strip().lower() if colon and re.fullmatch(r"\s*[\w-]+\s*", name) else ""
        if meant_for in ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"):
            meant_for = ""  # a directive with a value, and no robot's name
        elif meant_for:
            header = rest
        if meant_for in ("", agent.lower()):
            found = next((word for part in header.split(",") if (word := part.strip().lower()) in words), None)
            if found is not None:
                return found
    return None


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"\r\n|\r|\n", text):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _seconds(value: str) -> list[float]:
    try:
        number = float(value)
    except ValueError:
        return []
    return [number] if math.isfinite(number) and number >= 0 else []


def _normal(path: str) -> str:
    """One spelling for equal paths: what need not be percent-encoded is not, what must be is, in capitals."""
    parts = re.split(r"(%[0-9a-fA-F]{2})", path)
    plain = [part if number % 2 == 0 else _octet(part) for number, part in enumerate(parts)]
    return quote("".join(plain), safe="/:@!$&'()*+,;=-._~%?[]|")


def _octet(escape: str) -> str:
    character = unquote_to_bytes(escape).decode("latin-1")
    return character if character.isascii() and (character.isalnum() or character in "-._~") else escape.upper()


def _fits(pattern: str, path: str) -> bool:
    ends = pattern.endswith("$")
    first, *others = (pattern[:-1] if ends else pattern).split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not ends or path == first
    at = len(first)
    for piece in others[:-1] if ends else others:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return not ends or (len(path) - at >= len(others[-1]) and path.endswith(others[-1]))
