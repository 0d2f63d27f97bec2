"""What pages say: topics with entries for the slots of templates (report section 3.4, complex rendering).

A topic is one business, event or product, so that a page's title, list, table and prices belong together. The
built-in topics were written for this project; a file of the user's in the same form takes their place. This module
does not know templates, and what the entries look like once their placeholders are filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from hanmo.errors import RequestError

COMMON = "common"
Slots = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Topic:
    """Entries by slot; an entry with parts has " | " between them.

    Attributes:
        script: "en" or "zh".
        name: The business's own name, which also fills the slot "name".
        slots: Its entries, and those that serve every topic.
    """

    script: str
    name: str
    slots: Slots


@cache
def builtin(script: str) -> tuple[Topic, ...]:
    """The topics that travel with the package in `script` ("en", "zh")."""
    return parse(_packaged(script), script, f"topics_{script}.txt")


def read(path: Path, script: str) -> tuple[Topic, ...]:
    """The topics of a file of the user's, in the form of `topics_en.txt`; what its "common" lacks is built in.

    Raises:
        RequestError: The file is missing, no UTF-8, or not of that form.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read as a corpus of topics ({error}); give a UTF-8 text file") from error
    own = parse(text, script, str(path), _sections(_packaged(script), "")[COMMON])
    if not own:
        raise RequestError(f"{path} holds no topic; begin one with a line '== name'")
    return own


def parse(text: str, script: str, origin: str, common: Slots | None = None) -> tuple[Topic, ...]:
    """The topics of a text; `common` serves where the text's own topic "common" says nothing.

    Raises:
        RequestError: A line that is no "slot: entry"; names `origin` and the line.
    """
    if script not in ("en", "zh"):
        raise RequestError(f"a topic's script cannot be {script!r}; choose en or zh")
    sections = _sections(text, origin)
    shared = {**(common or {}), **sections.pop(COMMON, {})}
    return tuple(
        Topic(script, name, MappingProxyType({**shared, **slots, "name": (name,)})) for name, slots in sections.items()
    )


def _packaged(script: str) -> str:
    if script not in ("en", "zh"):
        raise RequestError(f"a topic's script cannot be {script!r}; choose en or zh")
    return resources.files(__package__).joinpath(f"topics_{script}.txt").read_text(encoding="utf-8")


def _sections(text: str, origin: str) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    slots: dict[str, tuple[str, ...]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            slots = found.setdefault(line.removeprefix("== ").strip(), {})
            continue
        slot, colon, rest = line.partition(": ")
        entries = tuple(entry.strip() for entry in rest.split(" / "))
        if slots is None or not colon or not all(entries):
            raise RequestError(f"{origin}, line {number}: {line!r} is no 'slot: entry' under a line '== name'")
        slots[slot.strip()] = slots.get(slot.strip(), ()) + entries
    return found
