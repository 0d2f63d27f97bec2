"""Templates of pages, read from text files (report section 3.4, complex rendering: structured templates).

    == agenda | slide | wide square          a name, the kind of page, the shapes it suits
    column pad=7 gap=4                       a block with options; what is indented under it stands in it
      title {title}                          a text with a slot
      bullets 3-5 {point}                    three to five rows of one slot
      footer {name} || {page}                two rows, each with its own

A template knows no words of its own: every text comes from slots, so it serves all languages. This module does not
know topics, themes, or how blocks look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from hanmo.data.synthesize.pages.theme import FILLS
from hanmo.errors import RequestError

KINDS = ("slide", "poster", "screen", "report", "receipt", "ticket", "menu")
SHAPES = ("wide", "square", "tall")
CONTAINERS = ("column", "row", "card")
# Leaves, and how many parts a row of each has at least.
LEAVES = {
    **dict.fromkeys(("kicker", "title", "subtitle", "text", "note", "button", "badge", "search", "heading"), 1),
    **dict.fromkeys(("bullets", "nav", "tabs", "tags", "bottom", "footer"), 1),
    **dict.fromkeys(("numbered", "stats", "features", "events", "details", "fields", "settings", "quote"), 2),
    **dict.fromkeys(("columns", "bars", "donut", "curve", "table", "seats", "lines"), 2),
    **dict.fromkeys(("prices", "goods"), 3),
    **dict.fromkeys(("picture", "barcode", "divider", "space"), 0),
}
OPTIONS = frozenset(
    (
        *("align", "art", "boxed", "fill", "gap", "grow", "height", "justify", "lead", "pad"),
        *("radius", "shade", "shadow", "size", "style", "text", "tone", "width"),
    )
)


@dataclass(frozen=True)
class Node:
    """A block of a template.

    Attributes:
        kind: One of `CONTAINERS` or `LEAVES`.
        options: Its options as written.
        count: The least and the most rows of its one pattern; None: one row for each pattern.
        patterns: Texts with slots.
        children: of a container.
    """

    kind: str
    options: Mapping[str, str] = field(default_factory=dict)
    count: tuple[int, int] | None = None
    patterns: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Template:
    """A page with slots: its name, its kind (one of `KINDS`), the shapes it suits (of `SHAPES`), its blocks."""

    name: str
    kind: str
    shapes: tuple[str, ...]
    root: Node


@cache
def builtin() -> tuple[Template, ...]:
    """The templates that travel with the package."""
    folder = resources.files(__package__).joinpath("templates")
    return tuple(
        found
        for kind in KINDS
        for found in parse(folder.joinpath(f"{kind}.txt").read_text(encoding="utf-8"), f"{kind}.txt")
    )


def read(path: Path) -> tuple[Template, ...]:
    """The templates of a file of the user's.

    Raises:
        RequestError: The file is missing, no UTF-8, holds no template, or a line that is none.
    """
    try:
        found = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read as templates ({error}); give a UTF-8 text file") from error
    if not found:
        raise RequestError(f"{path} holds no template; begin one with a line '== name | kind | shapes'")
    return found


def parse(text: str, origin: str) -> tuple[Template, ...]:
    """The templates of a text.

    Raises:
        RequestError: A line that cannot be read; names `origin` and the line.
    """
    lines = [
        (number, line.rstrip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        return ()
    heads = [index for index, (_, line) in enumerate(lines) if line.startswith("== ")]
    if not heads or heads[0] != 0:
        raise RequestError(f"{origin}, line {lines[0][0]}: a block before any '== name | kind | shapes'")
    return tuple(
        _template(lines[start], lines[start + 1 : stop], origin)
        for start, stop in zip(heads, [*heads[1:], len(lines)], strict=True)
    )


def walk(node: Node) -> Iterator[Node]:
    """A block and all that stand in it, in order."""
    yield node
    for child in node.children:
        yield from walk(child)


def _template(head: tuple[int, str], lines: list[tuple[int, str]], origin: str) -> Template:
    number, line = head
    name, kind, shapes = [*(part.strip() for part in line.removeprefix("== ").split("|")), "", ""][:3]
    if not name or kind not in KINDS or not shapes or set(shapes.split()) - set(SHAPES):
        raise RequestError(
            f"{origin}, line {number}: {line!r} is no head of a template; write '== name | kind | shapes' with a kind "
            f"of {', '.join(KINDS)} and shapes of {', '.join(SHAPES)}"
        )
    nodes, rest = _nodes(lines, 0, origin)
    if len(nodes) != 1 or rest or nodes[0].kind not in CONTAINERS:
        raise RequestError(
            f"{origin}, line {number}: the template {name!r} needs one column or row that holds the rest"
        )
    return Template(name, kind, tuple(shapes.split()), nodes[0])


def _nodes(lines: list[tuple[int, str]], indent: int, origin: str) -> tuple[tuple[Node, ...], list[tuple[int, str]]]:
    """The blocks at `indent` from the first line on, with what stands in them; and the lines that are left."""
    found: list[Node] = []
    while lines:
        number, line = lines[0]
        own = len(line) - len(line.lstrip())
        if own < indent:
            break
        if own > indent:
            raise RequestError(f"{origin}, line {number}: indented by {own}, expected {indent}; indent by two spaces")
        children, lines = _nodes(lines[1:], indent + 2, origin)
        found.append(_node(line.strip(), children, f"{origin}, line {number}"))
    return tuple(found), lines


def _node(line: str, children: tuple[Node, ...], where: str) -> Node:
    kind, *words = line.split()
    if kind not in CONTAINERS and kind not in LEAVES:
        raise RequestError(f"{where}: no block {kind!r}; choose from {', '.join((*CONTAINERS, *LEAVES))}")
    options: dict[str, str] = {}
    count = None
    while words and not words[0].startswith("{"):
        word = words.pop(0)
        key, equals, value = word.partition("=")
        if found := re.fullmatch(r"(\d+)(?:-(\d+))?", word):
            count = int(found[1]), int(found[2] or found[1])
        elif equals and key in OPTIONS and value:
            options[key] = value
        else:
            raise RequestError(
                f"{where}: {word!r} is no count, slot or option; options are {', '.join(sorted(OPTIONS))}"
            )
    if options.get("fill", "page") not in FILLS:
        raise RequestError(f"{where}: fill={options['fill']}; choose from {', '.join(FILLS)}")
    patterns = tuple(pattern.strip() for pattern in " ".join(words).split("||")) if words else ()
    wants = kind in LEAVES and LEAVES[kind] > 0
    if bool(patterns) != wants or (children and kind not in CONTAINERS) or (count and len(patterns) != 1):
        raise RequestError(f"{where}: {line!r} has slots, a count or blocks that {kind!r} cannot use, or lacks them")
    return Node(kind, MappingProxyType(options), count, patterns, children)
