"""Dated files under benchmarks/results/: machine, command, table, and all figures as one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "results"


def write(name: str, machine: Mapping[str, object], body: str, figures: object, folder: Path = FOLDER) -> Path:
    """Write `YYYY-MM-DD-name.md`; a second file of one day gets a number, nothing is overwritten.

    Args:
        name: what was measured, a word.
        machine: from `machine.describe`.
        body: Markdown for people.
        figures: the same for programs, JSON.
        folder: where the file goes; made when missing.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    today = date.today().isoformat()
    path, number = folder / f"{today}-{name}.md", 1
    while path.exists():
        number += 1
        path = folder / f"{today}-{name}-{number}.md"
    head = "\n".join(f"- {key}: {_plain(value)}" for key, value in machine.items())
    line = json.dumps({"machine": machine, "figures": figures}, ensure_ascii=False)
    path.write_text(f"# {name}, {today}\n\n{head}\n\n{body}\n\n```json\n{line}\n```\n", encoding="utf-8")
    return path


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)
