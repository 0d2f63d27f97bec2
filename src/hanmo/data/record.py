"""One picture with its captions and all that is known of it: what every part of the data engine hands on (report 3).

A record is frozen. Its id is a hash of the picture's bytes, so the same file is the same record wherever it was
found, and damage on the way is seen. It goes to JSON without the bytes, and back with them. It does not know how it
is stored (`shards`), where it came from (`sources`) or what its scores mean (`operator`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from hanmo.errors import RequestError

Origin = Literal["raw", "recaption", "synthetic"]
"""Who wrote a caption: whoever published the picture, a captioner, or the program that drew it (stage 3)."""

Outcome = Literal["kept", "dropped", "failed"]

Json = Any
"""What JSON can say: None, bool, int, float, str, and lists and string-keyed mappings of these."""


@dataclass(frozen=True)
class Caption:
    """One description of a picture.

    Args:
        text: what it says; not empty.
        origin: who wrote it.
        language: a language tag such as "en" or "zh"; "und" where nobody has said.

    Raises:
        RequestError: an empty text.
    """

    text: str
    origin: Origin = "raw"
    language: str = "und"

    def __post_init__(self) -> None:
        """See the class."""
        if not self.text.strip():
            raise RequestError("a caption is empty: leave it out instead")


@dataclass(frozen=True)
class Verdict:
    """What one operator's score meant for a record, with everything needed to see why.

    Args:
        operator: its name.
        outcome: kept, dropped (the score lies outside the threshold) or failed (there is no score).
        score: the score's name; "" where the operator failed as a whole.
        value: the score; None where there is none.
        low: smallest value that is kept; None is open.
        high: largest value that is kept; None is open.
        reason: why there is no score; "" where there is one.
    """

    operator: str
    outcome: Outcome
    score: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Record:
    """A picture's file and what is known of it. Make new ones with `make_record`, which computes the id.

    Args:
        id: `content_id` of `image`.
        image: the file's bytes, as they were found.
        format: what the bytes say they are, such as "png": also the extension in a shard.
        captions: in the order of the source.
        source: the name of the set it came from.
        licence: an SPDX identifier where there is one, else what the source says; "unknown" where it says nothing.
        metadata: anything else, as JSON.
        scores: "operator.score" -> a finite number.
        verdicts: in the order in which they were made.
    """

    id: str
    image: bytes = field(repr=False)
    format: str
    captions: tuple[Caption, ...] = ()
    source: str = ""
    licence: str = "unknown"
    metadata: Mapping[str, Json] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()


def origin_of(word: str) -> Origin:
    """An origin that stands in a file.

    Raises:
        RequestError: it is none.
    """
    for origin in get_args(Origin):
        if word == origin:
            known: Origin = origin
            return known
    raise RequestError(f"a caption's origin is {word!r}; it must be one of {', '.join(get_args(Origin))}")


def content_id(image: bytes) -> str:
    """32 hexadecimal digits that name these bytes: 128 bits of BLAKE2b."""
    return hashlib.blake2b(image, digest_size=16).hexdigest()


def image_format(image: bytes) -> str | None:
    """What the first bytes say a file is ("png", "jpg", "webp", ...), or None for no picture.

    The name of the file is never asked, and nothing is decoded: the rest of the file may be broken all the same.
    """
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    if image[4:12] in (b"ftypavif", b"ftypavis"):
        return "avif"
    return next((name for magic, name in _MAGIC if image.startswith(magic)), None)


_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
)

FORMATS = ("png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff", "avif")
"""Extensions under which a picture is looked for, lower case."""


def make_record(
    image: bytes,
    captions: tuple[Caption, ...] = (),
    source: str = "",
    licence: str = "unknown",
    metadata: Mapping[str, Json] | None = None,
) -> Record:
    """A new record, without scores.

    Raises:
        RequestError: the bytes are no picture's, the metadata is not JSON, or a text is none (half a surrogate pair).
    """
    kind = image_format(image)
    if kind is None:
        shown = f"{len(image)} bytes that begin with {image[:8]!r}" if image else "no bytes"
        raise RequestError(f"this is no picture: {shown}; known are {', '.join(FORMATS)}")
    record = Record(content_id(image), image, kind, captions, source, licence, dict(metadata or {}))
    record_to_json(record)
    return record


def with_scores(
    record: Record, scores: Mapping[str, float], metadata: Mapping[str, Json], verdicts: tuple[Verdict, ...]
) -> Record:
    """The same record, knowing more; of two values under one name the newer one stays."""
    return replace(
        record,
        scores={**record.scores, **scores},
        metadata={**record.metadata, **metadata},
        verdicts=record.verdicts + verdicts,
    )


def canonical_json(value: Json) -> str:
    """One text for equal values: keys sorted, no spaces, no NaN.

    Raises:
        RequestError: the value is not JSON, such as a number that is not finite, or bytes.
    """
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()  # refuses half a surrogate pair, which JSON's escapes can hold and no file can
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"metadata must be plain JSON (text, finite numbers, lists, tables): {error}") from None


def record_to_json(record: Record) -> str:
    """Everything but the bytes; with them, `record_from_json` gives an equal record back."""
    known = {name: getattr(record, name) for name in ("id", "format", "source", "licence", "metadata", "scores")}
    known["captions"] = [asdict(caption) for caption in record.captions]
    known["verdicts"] = [asdict(verdict) for verdict in record.verdicts]
    return canonical_json(known)


def record_from_json(text: str | bytes, image: bytes) -> Record:
    """The record that `record_to_json` wrote.

    Raises:
        RequestError: the text is not such a record, or the bytes are not those of its id.
    """
    try:
        data = json.loads(text)
        record = Record(
            id=data["id"],
            image=image,
            format=data["format"],
            captions=tuple(Caption(c["text"], origin_of(c["origin"]), c["language"]) for c in data["captions"]),
            source=data["source"],
            licence=data["licence"],
            metadata=dict(data["metadata"]),
            scores={str(name): float(value) for name, value in data["scores"].items()},
            verdicts=tuple(Verdict(**verdict) for verdict in data["verdicts"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise RequestError(f"this is not the JSON of a record: {type(error).__name__}: {error}") from None
    if not all(math.isfinite(value) for value in record.scores.values()):
        raise RequestError(f"the record {record.id} has a score that is not finite")
    if record.id != content_id(image):
        raise RequestError(f"the record {record.id} came with other bytes, those of {content_id(image)}")
    return record
