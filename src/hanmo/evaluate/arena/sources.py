"""Models as folders of pictures, and the prompts that they were painted for (report section 5.1).

A folder holds `<id>.png` or `<id>-<seed>.png`, itself or under `pictures/`, as a run of `hanmo eval` does. The
prompts come from `prompts.jsonl` in the folder, or from a file that is given: a line {"id", "text"} with, if wanted,
"group" for each; or the lines of a run, whose first group is taken. Edits need their source pictures beside them,
which the arena does not show: they are left out, with a warning. This module knows neither votes nor pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hanmo.errors import RequestError
from hanmo.log import get_logger

log = get_logger(__name__)

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_ID = re.compile(r"[\w.-]{1,200}")


@dataclass(frozen=True)
class Question:
    """What the pictures of a match were painted for.

    Attributes:
        id: names files: letters, digits, `-`, `_`, `.`.
        text: what the voter reads.
        group: the category of the board that it belongs to; "" for none.
    """

    id: str
    text: str
    group: str = ""


@runtime_checkable
class Model(Protocol):
    """What the arena asks of a model."""

    @property
    def name(self) -> str:
        """What the board calls it; voters see it only after they have voted."""

    @property
    def failed(self) -> str | None:
        """Why it takes no more part in matches; None while it does."""

    def pictures(self) -> Mapping[str, Sequence[str]]:
        """Names of its pictures by prompt; prompts without any are left out."""

    def path(self, picture: str) -> Path:
        """The file of a picture that `pictures` named.

        Raises:
            KeyError: it has none of that name.
        """


@dataclass(frozen=True)
class Folder:
    """A model whose pictures are there already.

    Attributes:
        name: of the model.
        files: files by prompt.
    """

    name: str
    files: Mapping[str, Sequence[Path]]
    failed: str | None = None

    def pictures(self) -> Mapping[str, Sequence[str]]:
        """Names of files, by prompt."""
        return {prompt: [path.name for path in paths] for prompt, paths in self.files.items()}

    def path(self, picture: str) -> Path:
        """The file of that name.

        Raises:
            KeyError: there is none.
        """
        for paths in self.files.values():
            for path in paths:
                if path.name == picture:
                    return path
        raise KeyError(picture)


def folder_model(name: str, folder: Path, questions: Iterable[Question]) -> Folder:
    """The model that a folder is.

    Args:
        name: of the model.
        folder: its pictures, or a run of `hanmo eval`.
        questions: the prompts; pictures of others are left alone.

    Raises:
        RequestError: it is no folder, or has no picture of any prompt.
    """
    place = pictures_of(folder)
    files = sorted_pictures(place, questions)
    if not files:
        raise RequestError(
            f"{place} has no picture of any prompt: name them <id>.png or <id>-<seed>.png after the prompts' ids"
        )
    return Folder(named(name), files)


def pictures_of(folder: Path) -> Path:
    """Where the pictures of a folder or a run lie.

    Raises:
        RequestError: it is no folder.
    """
    if not folder.is_dir():
        raise RequestError(f"{folder} is not a folder: give one with pictures, or the folder of a run of 'hanmo eval'")
    return folder / "pictures" if (folder / "pictures").is_dir() else folder


def sorted_pictures(place: Path, questions: Iterable[Question]) -> dict[str, list[Path]]:
    """The pictures in a folder by prompt, each list in the order of their names."""
    ids = {question.id for question in questions}
    files: dict[str, list[Path]] = {}
    for path in sorted(place.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            head, _, seed = path.stem.rpartition("-")
            prompt = path.stem if path.stem in ids else head if seed.isdigit() else ""
            if prompt in ids:
                files.setdefault(prompt, []).append(path)
    return files


def named(name: str) -> str:
    """A model's name, checked.

    Raises:
        RequestError: it is empty, too long, or has what cannot be shown in a line.
    """
    if not 1 <= len(name) <= 60 or not name.isprintable() or name != name.strip():
        raise RequestError(f"{name!r} cannot name a model: give 1 to 60 characters in a line")
    return name


def questions_of(folders: Sequence[Path], prompts: Path | None = None) -> list[Question]:
    """The prompts of an arena: those of the file, or of all folders together.

    Args:
        folders: of the models.
        prompts: JSON lines; None looks for `prompts.jsonl` in the folders.

    Raises:
        RequestError: there are none, a file is malformed, or two folders mean different texts by one id.
    """
    if prompts is not None:
        return _merged([(prompts, read_questions(prompts))])
    files = [folder / "prompts.jsonl" for folder in folders if (folder / "prompts.jsonl").is_file()]
    questions = _merged((file, read_questions(file)) for file in files)
    if not questions:
        raise RequestError("no folder has a prompts.jsonl with prompts: give the prompts with --prompts")
    return questions


def read_questions(path: Path) -> list[Question]:
    """The prompts of a file of JSON lines.

    Raises:
        RequestError: it cannot be read, or a prompt has no id or no text.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read as prompts ({error}): give JSON lines with id and text") from None
    found = [_question(row, path) for row in rows]
    questions = [one for one in found if one is not None]
    if len(questions) < len(found):
        log.warning(
            "%s: %d edits are left out, whose sources the arena does not show", path, len(found) - len(questions)
        )
    return questions


def _question(row: Any, path: Path) -> Question | None:
    """A prompt; None for an edit."""
    if isinstance(row, dict) and isinstance(row.get("prompt"), dict):
        row = row["prompt"]  # of a run: the prompt with its seeds
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise RequestError(f"{path}: {str(row)[:80]} is no prompt: give an object with id and text")
    name = str(row.get("id", ""))
    if not _ID.fullmatch(name):
        raise RequestError(f"{path}: the id {name!r} cannot name files: use letters, digits, '-', '_', '.'")
    if row.get("task", "generate") != "generate":
        return None
    groups = row.get("groups")
    group = row.get("group") or (next(iter(groups.values()), "") if isinstance(groups, dict) else "")
    return Question(name, row["text"], str(group)[:60])


def _merged(found: Iterable[tuple[Path, Iterable[Question]]]) -> list[Question]:
    questions: dict[str, Question] = {}
    for path, some in found:
        for question in some:
            known = questions.setdefault(question.id, question)
            if known.text != question.text:
                raise RequestError(
                    f"{path}: the prompt {question.id!r} is another than in an earlier folder: "
                    "compare models that painted the same prompts, or give one list with --prompts"
                )
    return list(questions.values())
