"""The table of captions that are good and of those that say nothing."""

from __future__ import annotations

from pathlib import Path


def captions_of(section: str) -> list[str]:
    """The captions of a section of the table, such as "en valid"."""
    found: list[str] = []
    inside = False
    for line in (Path(__file__).parent / "caption_table.txt").read_text("utf-8").splitlines():
        if line in _HEADS:
            inside = line == f"[{section}]"
        elif inside and line:
            found.append(line.replace("\\n", "\n"))
    return found


_HEADS = {f"[{language} {what}]" for language in ("en", "zh") for what in ("valid", "invalid")}
_HEADS |= {head.replace(" ", " later ") for head in _HEADS}
