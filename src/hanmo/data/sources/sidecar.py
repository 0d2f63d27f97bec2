"""Captions and metadata as people keep them beside pictures: text, JSON, and the columns of a table.

    .txt     one caption
    .json    {"caption": "..."} or {"captions": ["...", {"text": "...", "origin": "raw", "language": "en"}]},
             with "language", "origin", "licence" for all of them if wanted; every other key becomes metadata

What does not read so is an error for the caller to turn into a reject: captions are never repaired or guessed at. It
does not know where the text came from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hanmo.data.limits import Limits
from hanmo.data.record import Caption, Json, Record, content_id, image_format, make_record, origin_of
from hanmo.data.rejects import Reject
from hanmo.errors import RequestError


@dataclass(frozen=True)
class Sidecar:
    """What stands beside a picture; where it is silent, the source's own licence and language count."""

    captions: tuple[Caption, ...] = ()
    licence: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)


def from_text(data: bytes, language: str) -> Sidecar:
    """One caption, its ends trimmed; an empty file is no caption.

    Raises:
        RequestError: the bytes are not UTF-8.
    """
    text = _decode(data).strip()
    return Sidecar((Caption(text, "raw", language),) if text else ())


def from_json(data: bytes, language: str) -> Sidecar:
    """A JSON object, as the head of this file shows.

    Raises:
        RequestError: no UTF-8, no JSON object, or captions that are none.
    """
    try:
        known = json.loads(_decode(data))
    except (ValueError, RecursionError) as error:
        raise RequestError(f"no JSON: {error}") from None
    if not isinstance(known, dict):
        raise RequestError(f"the JSON is a {type(known).__name__}; it must be an object with 'caption' or 'captions'")
    return from_mapping(known, language)


def from_mapping(known: Mapping[str, Json], language: str) -> Sidecar:
    """Captions, licence and metadata out of named values; the input stays as it is.

    Raises:
        RequestError: captions that are none, or values of another type.
    """
    rest = dict(known)
    base = Caption("-", origin_of(_word(rest, "origin") or "raw"), _word(rest, "language") or language)
    licence = _word(rest, "licence") or _word(rest, "license")
    given = rest.pop("captions", [])
    if not isinstance(given, list | tuple):
        raise RequestError(f"'captions' is a {type(given).__name__}; it must be a list")
    texts = [*([rest.pop("caption")] if "caption" in rest else []), *given]
    captions = tuple(_caption(item, base) for item in texts if item not in (None, ""))
    return Sidecar(captions, licence, rest)


def joined(first: Sidecar, second: Sidecar) -> Sidecar:
    """Both, the first one's captions before the second's; of two values under one name the second stays."""
    metadata = {**first.metadata, **second.metadata}
    return Sidecar(first.captions + second.captions, second.licence or first.licence, metadata)


def to_record(image: bytes, sidecar: Sidecar, source: str, licence: str, where: str, limits: Limits) -> Record | Reject:
    """A record of a picture that was read, or why there is none.

    Args:
        image: the file's bytes.
        sidecar: what stands beside it.
        source: the source's name.
        licence: counts where the sidecar names none.
        where: the place in the source: the record's metadata keeps it as "where".
        limits: what may be that large.
    """
    if len(image) > limits.image_bytes:
        return too_large(where, len(image), limits.image_bytes)
    if image_format(image) is None:
        return Reject(where, "no_picture", f"{len(image)} bytes that begin with {image[:8]!r}")
    try:
        metadata = {**sidecar.metadata, "where": where}
        return make_record(image, sidecar.captions, source, sidecar.licence or licence, metadata)
    except RequestError as error:
        return Reject(where, "bad_caption", str(error), id=content_id(image))


def too_large(where: str, size: int, limit: int) -> Reject:
    """Something that was not read because of its size."""
    return Reject(where, "too_large", f"{size} bytes; the limit is {limit}")


def bad_caption(where: str, problem: object) -> Reject:
    """A picture whose captions cannot be read; without knowing them it does not go on."""
    return Reject(where, "bad_caption", str(problem)[:300].encode("utf-8", "replace").decode())


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"no UTF-8: byte {error.start} is {data[error.start]:#04x}") from None


def _word(rest: dict[str, Json], key: str) -> str | None:
    value = rest.pop(key, None)
    if value is not None and not isinstance(value, str):
        raise RequestError(f"{key!r} is {value!r}; it must be text")
    return value or None


def _caption(item: Json, base: Caption) -> Caption:
    if isinstance(item, str):
        return replace(base, text=item.strip())
    if not isinstance(item, Mapping) or "text" not in item or set(item) - {"text", "origin", "language"}:
        raise _no_caption(item)
    if not all(isinstance(value, str) for value in item.values()):
        raise _no_caption(item)
    origin = origin_of(item.get("origin", base.origin))
    return Caption(item["text"].strip(), origin, item.get("language", base.language))


def _no_caption(item: Json) -> RequestError:
    return RequestError(
        f"a caption is {str(item)[:80]!r}; it must be text, or an object with text, origin and language"
    )
