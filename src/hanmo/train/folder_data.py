"""A user's data set: a folder of pictures and texts, or of (sources, instruction, target).

    a.png  a.txt                                               a picture and its caption
    b.target.png  b.source.png  b.txt                          what to make of a picture, and the instruction
    c.target.png  c.source1.png  c.source2.png  c.txt          the same with several sources, in their order
    captions.csv     file,caption[,source1,source2,...]        instead of texts, one row a target
    captions.jsonl   {"file": ..., "caption": ..., "sources": [...]}    the same

PNG, JPEG, WebP, BMP, GIF and AVIF; texts are UTF-8; files in tables are named from the folder, whose subfolders are not
searched. Everything is looked at before the first step: every fault is counted and the first few are told, one line
each. It does not know models or tensors. Sizes are (width, height) in pixels.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from hanmo.data.decode import Undecodable, decode
from hanmo.errors import RequestError
from hanmo.pipeline.geometry import Size

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".avif")
TABLES = ("captions.csv", "captions.jsonl")
TOLD = 5
"""Faults that are told one by one."""
_TEXT_BYTES = 1 << 16
_ROLE = re.compile(r"(?P<name>.+)\.(?P<role>target|source(?P<number>\d*))$")


@dataclass(frozen=True)
class Item:
    """One example: without sources a picture and its caption, with them an edit and its instruction."""

    target: Path
    sources: tuple[Path, ...]
    caption: str
    size: Size


@dataclass(frozen=True)
class _Draft:
    target: Path
    sources: tuple[Path, ...]
    caption: str


def read_folder(folder: Path) -> list[Item]:
    """All examples of a folder in the order of their names, each seen to be whole.

    Raises:
        RequestError: the folder is missing or empty, or anything in it is wrong: the number of faults and the first
            `TOLD` of them.
    """
    if not folder.is_dir():
        raise RequestError(f"{folder} is no folder: give one with pictures and texts (docs/train.md says how)")
    faults: list[str] = []
    tables = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(tables) > 1:
        raise RequestError(f"{folder} holds both {' and '.join(TABLES)}: keep one of them")
    drafts = list(_from_table(tables[0], faults) if tables else _from_names(folder, faults))
    items = [item for draft in drafts if (item := _checked(draft, folder, faults)) is not None]
    if faults:
        more = f"; and {len(faults) - TOLD} more" if len(faults) > TOLD else ""
        plural = "fault" if len(faults) == 1 else "faults"
        raise RequestError(f"{folder}: {len(faults)} {plural}. {'; '.join(faults[:TOLD])}{more}")
    if not items:
        raise RequestError(f"{folder} holds no picture: put pictures with texts beside them there (a.png and a.txt)")
    return items


def open_picture(path: Path) -> Image.Image:
    """A picture of an item, upright, RGB, transparent parts on white.

    Raises:
        RequestError: it can no longer be read.
    """
    found = _decoded(path)
    if isinstance(found, str):
        raise RequestError(f"{path}: {found}; it was whole when the run began: put it back")
    return found


def _from_names(folder: Path, faults: list[str]) -> Iterable[_Draft]:
    """Examples by the names of files."""
    roles: dict[str, dict[int | None, Path]] = {}
    used: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES:
            continue
        match = _ROLE.match(path.stem)
        name, place = path.stem, None
        if match is not None:
            name = match["name"]
            place = None if match["role"] == "target" else int(match["number"] or 0)
        found = roles.setdefault(name, {})
        if place in found:
            faults.append(f"{path.name} and {found[place].name} are the same part of {name!r}: keep one")
        found[place] = path
    for name, found in roles.items():
        text = folder / f"{name}.txt"
        used.add(text.name)
        sources = [found[place] for place in sorted(place for place in found if place is not None)]
        if None not in found:
            faults.append(f"{sources[0].name} is a source without a target: add {name}.target.png")
            continue
        target = found[None]
        if target.stem != name and not sources:
            faults.append(f"{target.name} is a target without a source: add {name}.source.png, or name it {name}.png")
            continue
        caption = _text(text)
        if caption is None:
            faults.append(f"{target.name} has no text: write it to {text.name}")
            continue
        yield _Draft(target, tuple(sources), caption)
    lonely = [p.name for p in sorted(folder.glob("*.txt")) if p.name not in used and not p.name.startswith(".")]
    faults += [f"{name} belongs to no picture: add {Path(name).stem}.png, or remove it" for name in lonely]


def _text(path: Path) -> str | None:
    """What a text says; None where there is none; "" where it cannot be read as text."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        data = file.read(_TEXT_BYTES + 1)
    if len(data) > _TEXT_BYTES:
        return ""
    try:
        return " ".join(data.decode("utf-8-sig").split())
    except UnicodeDecodeError:
        return ""


def _from_table(path: Path, faults: list[str]) -> Iterable[_Draft]:
    """Examples by the rows of a table."""
    seen: set[str] = set()
    for number, row in enumerate(_rows(path), start=1):
        here = f"{path.name} row {number}"
        sources = row.get("sources") or []
        texts = [row.get("file"), row.get("caption"), *(sources if isinstance(sources, list) else [None])]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            faults.append(f"{here} needs 'file' and 'caption' as text, and sources, if any, as names of files")
            continue
        names = [row["file"], *sources]
        outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
        if outside:
            faults.append(f"{here} names {outside[0]!r}, which lies outside the folder: name files from the folder")
            continue
        if row["file"] in seen:
            faults.append(f"{here} names {row['file']!r} a second time: keep one row")
            continue
        seen.add(row["file"])
        first, *rest = (path.parent / name for name in names)
        yield _Draft(first, tuple(rest), " ".join(row["caption"].split()))


def _rows(path: Path) -> Iterable[Mapping[str, Any]]:
    """Rows with "file", "caption" and "sources".

    Raises:
        RequestError: the table as a whole cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".jsonl":
            for line in text.splitlines():
                row = json.loads(line) if line.strip() else {}
                if not isinstance(row, dict):
                    raise ValueError(f"a line is {line[:40]!r}, which is no object")
                if row:
                    yield row
            return
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        columns = list(reader.fieldnames or ())
        unknown = [name for name in columns if name not in ("file", "caption") and not name.startswith("source")]
        if not {"file", "caption"} <= set(columns) or unknown:
            raise ValueError(f"its columns are {', '.join(columns)}; file,caption[,source1,source2,...] are read")
        places = [name for name in columns if name.startswith("source")]
        for row in reader:
            yield {**row, "sources": [row[name] for name in places if row[name]]}
    except (ValueError, csv.Error, OSError) as error:
        raise RequestError(f"{path} cannot be read as a table of captions: {error}") from None


def _checked(draft: _Draft, folder: Path, faults: list[str]) -> Item | None:
    """The example with its size, if its text and all of its pictures are whole."""
    before = len(faults)
    if not draft.caption:
        faults.append(f"the text of {draft.target.name} is empty, or no UTF-8 of at most {_TEXT_BYTES} bytes")
    size = (0, 0)
    for path in (draft.target, *draft.sources):
        found = _decoded(path)
        if isinstance(found, str):
            faults.append(f"{path.relative_to(folder)}: {found}")
        elif path == draft.target:
            size = found.size
    return Item(draft.target, draft.sources, draft.caption, size) if len(faults) == before else None


def _decoded(path: Path) -> Image.Image | str:
    """A picture, or what is wrong with its file."""
    try:
        found = decode(path.read_bytes())
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return f"{found.reason.value} ({found.detail})" if isinstance(found, Undecodable) else found.image
