"""What an annotation is, and what an answer must look like to be one (report section 3.3).

The report's five fields, under its names: Caption, Image Type, Image Style, Watermark List, Abnormal Element.
An answer is one JSON object with these and no others, with or without a fenced block around it. Whatever else
comes is refused, with a fault that the model can be told. The checks are written out here: for five fields a
schema library would be longer, and its faults are not written for a model to read.

It knows no model, no picture, and not whether what is said is true (`quoting` compares it with what was read).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hanmo.pipeline.instructions import Language
from hanmo.pipeline.rewrite import language_of

CAPTION, TYPE, STYLE, WATERMARKS, ABNORMAL = FIELDS = (
    "Caption",
    "Image Type",
    "Image Style",
    "Watermark List",
    "Abnormal Element",
)

LONGEST_ANSWER = 16_000
"""Characters of an answer."""
LONGEST_CAPTION = 6_000
LONGEST_NAME = 100
"""Characters of a type or a style."""
LONGEST_WATERMARK = 300
MOST_WATERMARKS = 50

_FENCED = re.compile(r"```[A-Za-z]*[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_CONTROL_TOKEN = re.compile(r"<\|\w+\|>")
_CALLED: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}


@dataclass(frozen=True)
class Annotation:
    """What a model says about one picture.

    Attributes:
        caption: a description; text in the picture stands in it verbatim, between quotation marks.
        type: kind of picture, such as photograph or slide.
        style: how it is made, such as flat vector art.
        watermarks: what each watermark says, or what it is.
        abnormal: whether something is there that does not belong, such as a QR code.
    """

    caption: str
    type: str
    style: str
    watermarks: tuple[str, ...] = ()
    abnormal: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object with the report's five fields."""
        values = (self.caption, self.type, self.style, list(self.watermarks), "yes" if self.abnormal else "no")
        return dict(zip(FIELDS, values, strict=True))

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Annotation:
        """The annotation that `to_json` wrote; answers of models go through `parse`.

        Raises:
            KeyError: a field is missing.
        """
        caption, kind, style, watermarks, abnormal = (values[name] for name in FIELDS)
        return Annotation(caption, kind, style, tuple(watermarks), abnormal == "yes")


@dataclass(frozen=True)
class Fault:
    """Why an answer is none, in words for the model that gave it."""

    reason: str


class _FaultError(Exception):
    """A fault, on its way to `parse`."""


def parse(answer: str, language: Language | None = None) -> Annotation | Fault:
    """Read an answer; this never raises.

    Args:
        answer: as the model gave it.
        language: that the caption must be in, outside its quotation marks; None takes any.
    """
    try:
        found = _object(answer)
        unknown = [key for key in found if key not in FIELDS]
        missing = [key for key in FIELDS if key not in found]
        if missing or unknown:
            which = f'"{missing[0]}" is missing' if missing else f'"{unknown[0][:40]}" is none of them'
            raise _FaultError(f"the object must have exactly the fields {', '.join(FIELDS)}, and {which}")
        caption = _text(found[CAPTION], CAPTION, LONGEST_CAPTION)
        if language is not None and language_of(caption) != language:
            wanted = {"en": "English", "zh": "Simplified Chinese"}[language]
            raise _FaultError(f'outside its quotation marks "{CAPTION}" must be in {wanted}')
        return Annotation(
            caption,
            _text(found[TYPE], TYPE, LONGEST_NAME),
            _text(found[STYLE], STYLE, LONGEST_NAME),
            _watermarks(found[WATERMARKS]),
            _yes(found[ABNORMAL]),
        )
    except _FaultError as wrong:
        return Fault(str(wrong))


def _object(answer: str) -> dict[str, Any]:
    """The one JSON object of an answer."""
    if len(answer) > LONGEST_ANSWER:
        raise _FaultError(f"the answer has more than {LONGEST_ANSWER} characters")
    text = answer.strip()
    fenced = _FENCED.fullmatch(text)
    try:
        found = json.loads(fenced[1] if fenced else text, object_pairs_hook=_unique)
    except RecursionError:
        raise _FaultError("the answer is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _FaultError(f"the answer is no JSON object ({error.msg}, at character {error.pos + 1})") from None
    except ValueError:  # a number that is longer than Python reads
        raise _FaultError("the answer is no JSON object") from None
    answered: dict[str, Any] = _of(found, dict, "the answer")
    return answered


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _FaultError("the object says a field twice")
    return found


def _of(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        said = _CALLED.get(type(value), "null" if value is None else "a number")
        raise _FaultError(f"{what} must be {_CALLED[kind]}, not {said}")
    return value


def _text(value: Any, name: str, longest: int) -> str:
    """A string that says something, can be written to a file, and cannot be taken for a template."""
    text: str = _of(value, str, f'"{name}"').strip()
    if not text:
        raise _FaultError(f'"{name}" is empty')
    if len(text) > longest:
        raise _FaultError(f'"{name}" has {len(text)} characters, more than {longest}')
    odd: Callable[[str], bool] = lambda character: unicodedata.category(character) in ("Cc", "Cs")  # noqa: E731
    if _CONTROL_TOKEN.search(text) or any(odd(character) for character in text if character not in "\n\t"):
        raise _FaultError(f'"{name}" holds control characters')
    return text


def _watermarks(value: Any) -> tuple[str, ...]:
    found = _of(value, list, f'"{WATERMARKS}"')
    if len(found) > MOST_WATERMARKS:
        raise _FaultError(f'"{WATERMARKS}" has {len(found)} entries, more than {MOST_WATERMARKS}')
    return tuple(_text(each, WATERMARKS, LONGEST_WATERMARK) for each in found)


def _yes(value: Any) -> bool:
    said = value.strip().lower() if isinstance(value, str) else None
    if said not in ("yes", "no"):
        raise _FaultError(f'"{ABNORMAL}" must be "yes" or "no"')
    return said == "yes"
