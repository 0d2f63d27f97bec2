"""A template with its slots filled: the exact texts of a page (report section 3.4, complex rendering).

Slots are filled from one topic, each entry once at most; small placeholders by rules; sums on receipts are added
up. A document has everything that is drawn and everything that a caption tells, but no place of anything.
This module does not know boxes, pixels or captions.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hanmo.data.synthesize.pages.corpus import Topic
from hanmo.data.synthesize.pages.rules import RULES, SLOT, amount, money, substitute
from hanmo.data.synthesize.pages.template import LEAVES, Node, Template, walk
from hanmo.data.synthesize.pages.theme import Pairing, Theme
from hanmo.errors import RequestError

TAX = 0.08
_SUMS = ("sum", "fee", "grand")
_NAME = re.compile(r"\{([a-z]+)(?::\d+-\d+)?\}")
Row = tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A block with its texts.

    Attributes:
        kind: As in the template.
        options: As in the template.
        rows: Its texts in reading order, row by row.
        lead: The texts of its option "lead": a table's head, a chart's title, the name in a navigation bar.
        children: of a container.
    """

    kind: str
    options: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    lead: Row = ()
    children: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Document:
    """A page before it is painted.

    Attributes:
        template: The template's name.
        kind: of the page, one of `template.KINDS`.
        script: "en" or "zh".
        root: Its blocks.
        theme: Its colours.
        pairing: Its typefaces.
        width: pixels.
        height: pixels.
        scale: How much larger than usual it may be set where there is room, 1 or more.
        graded: The panels that may have a gradient do.
        seed: From which pictures and bar codes in it are drawn.
    """

    template: str
    kind: str
    script: str
    root: Block
    theme: Theme
    pairing: Pairing
    width: int
    height: int
    scale: float
    graded: bool
    seed: str

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text in reading order."""
        return tuple(text for block in blocks(self.root) for text in texts(block))


def blocks(block: Block) -> Iterator[Block]:
    """A block and all that stand in it, in order."""
    yield block
    for child in block.children:
        yield from blocks(child)


def texts(block: Block) -> tuple[str, ...]:
    """The texts of one block, without those of its children; a switch's state and an empty part are no text."""
    found = [*block.lead, *(cell for row in block.rows for cell in (row[:1] if block.kind == "settings" else row))]
    return tuple(filter(None, found))


def needs(template: Template) -> Counter[str]:
    """How many entries of each slot a template takes at least."""
    found: Counter[str] = Counter()
    for node in walk(template.root):
        for pattern in (*node.patterns, node.options.get("lead", "")):
            times = node.count[0] if node.count and pattern in node.patterns else 1
            found.update({name: times for name in _NAME.findall(pattern) if name not in (*RULES, *_SUMS)})
    return found


def suits(template: Template, topic: Topic) -> bool:
    """Whether `topic` has all entries that `template` takes."""
    return all(len(topic.slots.get(slot, ())) >= times for slot, times in needs(template).items())


def fill(rng: random.Random, template: Template, topic: Topic) -> Block:
    """The blocks of `template` with texts of `topic`.

    Raises:
        RequestError: The topic lacks entries for a slot, or one has too few parts for its block.
    """
    return _Filler(rng, topic).fill(template.root)


class _Filler:
    """Fills one page; remembers which entries were used and what was bought."""

    def __init__(self, rng: random.Random, topic: Topic) -> None:
        self.rng = rng
        self.topic = topic
        self._left = {slot: list(range(len(entries))) for slot, entries in topic.slots.items()}
        self._bought = 0.0

    def fill(self, node: Node) -> Block:
        if node.kind not in LEAVES:
            return Block(node.kind, node.options, children=tuple(map(self.fill, node.children)))
        lead = self._parts(node.options["lead"]) if "lead" in node.options else ()
        if node.count is not None:
            rows = self._rows(node.patterns[0], node.count)
        else:
            rows = tuple(self._parts(pattern) for pattern in node.patterns)
        least = LEAVES[node.kind]
        if bad := next((row for row in rows if len(row) < least or not all(row)), None):
            raise RequestError(
                f"the entry {' | '.join(bad)!r} of {self.topic.name!r} has {len(bad)} parts; {node.kind} needs "
                f"{least}, none of them empty"
            )
        if node.kind not in ("table", "seats", "lines"):
            rows = tuple(row[:least] for row in rows)  # what else an entry has is not drawn, so it is not told
        if node.kind == "donut":
            rows = _percent(rows)
        if node.kind == "lines":
            rows = tuple((row[0], "", row[-1]) for row in rows)
            if node.count is not None:  # goods, and no sums of them
                self._bought += sum(amount(row[-1], self.topic.script) or 0.0 for row in rows)
        return Block(node.kind, MappingProxyType(dict(node.options)), rows, lead)

    def _rows(self, pattern: str, count: tuple[int, int]) -> tuple[Row, ...]:
        """Several rows of one pattern, in the order of the corpus."""
        slots = [name for name in _NAME.findall(pattern) if name in self._left]
        most = min([count[1], *(len(self._left[slot]) for slot in slots)])
        wanted = self.rng.randint(min(count[0], most), most)
        for slot in slots:
            if wanted < count[0]:
                raise RequestError(f"the topic {self.topic.name!r} has too few entries for {{{slot}}}")
            # Sorted: what is drawn next is taken from the front.
            chosen = sorted(self.rng.sample(self._left[slot], wanted))
            self._left[slot] = [*chosen, *(index for index in self._left[slot] if index not in chosen)]
        return tuple(self._parts(pattern, first=True) for _ in range(wanted))

    def _parts(self, pattern: str, *, first: bool = False) -> Row:
        def entry(found: re.Match[str]) -> str:
            name = found[1]
            if name in _SUMS:
                value = self._bought * {"sum": 1.0, "fee": TAX, "grand": 1.0 + TAX}[name]
                return money(round(value + 1e-9, 2), self.topic.script)
            if name not in self._left:
                return found[0]  # a rule's
            if not self._left[name]:
                raise RequestError(f"the topic {self.topic.name!r} has too few entries for {{{name}}}")
            left = self._left[name]
            index = left.pop(0) if first else left.pop(self.rng.randrange(len(left)))
            return self.topic.slots[name][index]

        text = substitute(self.rng, SLOT.sub(entry, pattern), self.topic.script)
        return tuple(part.strip() for part in text.split("|"))


def _percent(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The values of a ring chart as whole percentages that add up to 100."""
    values = [float(row[1]) for row in rows]
    shares = [round(100 * value / sum(values)) for value in values]
    shares[shares.index(max(shares))] += 100 - sum(shares)
    return tuple((row[0], f"{share}%") for row, share in zip(rows, shares, strict=True))
