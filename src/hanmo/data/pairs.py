"""Pairs for editing as records: pictures before, the picture after, a mask, and the instruction (report section 3.4).

A `Record` holds one picture, so a pair is several, one after the other:

    the sources, the mask   metadata {"role": "source"} or {"role": "mask"}
    the target              metadata {"role": "target", "edit": {kind, instructions, sources: ids, mask: id, details}}

The target comes last and names the others by their ids, which are hashes of their bytes: a picture that several pairs
share is one record, and a target may be the source of the next turn. Masks are pictures of the source's size, white
where something changes and black where both are the same, byte for byte. Filters see each picture alone: a recipe that
drops near duplicates would part every pair, so pairs are made behind it. It does not know how a pair was made.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from hanmo.data.look import picture_of
from hanmo.data.record import Caption, Json, Record, make_record
from hanmo.data.rejects import Reject
from hanmo.errors import RequestError

Pixels = UInt8[np.ndarray, "_ _ 3"]
Mask = Bool[np.ndarray, "_ _"]


@dataclass(frozen=True, eq=False)
class Pair:
    """One example for editing.

    Args:
        kind: what changes, such as "remove", "depth" or "view".
        sources: the pictures before, in the order in which an instruction counts them; RGB, 0-255.
        target: the picture after.
        instructions: the same wish in several words and languages.
        captions: what the target shows.
        source_captions: what each source shows; as many as sources, or none at all.
        mask: where the target differs from the first source; None where the whole picture is another.
        licence: an SPDX expression that covers all that is seen.
        details: anything else, as JSON, such as the angle of a view or whom to name.

    Raises:
        RequestError: no source, no instruction, or sizes that do not fit.
    """

    kind: str
    sources: tuple[Pixels, ...]
    target: Pixels
    instructions: tuple[Caption, ...]
    captions: tuple[Caption, ...] = ()
    source_captions: tuple[tuple[Caption, ...], ...] = ()
    mask: Mask | None = None
    licence: str = "unknown"
    details: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See the class."""
        if not self.sources or not self.instructions:
            raise RequestError("a pair needs at least one source and one instruction")
        if self.source_captions and len(self.source_captions) != len(self.sources):
            raise RequestError(f"there are {len(self.sources)} sources and captions of {len(self.source_captions)}")
        shapes = {self.sources[0].shape[:2], self.target.shape[:2]}
        if self.mask is not None and shapes != {self.mask.shape}:
            raise RequestError(f"the mask is {self.mask.shape}, source and target are {sorted(shapes)}: all must agree")


def pair_records(pair: Pair, name: str) -> list[Record]:
    """The records of a pair: sources, mask, target. PNG throughout, so that no byte of a pixel is lost.

    Args:
        pair: what to store.
        name: what the records call their set.
    """
    captions = pair.source_captions or ((),) * len(pair.sources)
    sources = [
        make_record(_png(pixels), said, name, pair.licence, {"role": "source"})
        for pixels, said in zip(pair.sources, captions, strict=True)
    ]
    masks = [] if pair.mask is None else [make_record(_png(pair.mask), (), name, pair.licence, {"role": "mask"})]
    edit = {
        "kind": pair.kind,
        "instructions": [{"text": said.text, "language": said.language} for said in pair.instructions],
        "sources": [record.id for record in sources],
        "mask": masks[0].id if masks else None,
        "details": dict(pair.details),
    }
    metadata = {"role": "target", "edit": edit}
    return [*sources, *masks, make_record(_png(pair.target), pair.captions, name, pair.licence, metadata)]


def pairs_of(records: Iterable[Record]) -> Iterator[Pair | Reject]:
    """The pairs among the records of a set, in the order of their targets; a reject for each that is not whole.

    Holds the bytes (not the pixels) of every record that it has seen, so give it a shard, or a few, at a time.

    Args:
        records: in any order in which a target comes after its sources and its mask. What belongs to no pair is passed
            over.
    """
    seen: dict[str, Record] = {}
    for record in records:
        seen[record.id] = record
        edit = record.metadata.get("edit")
        if isinstance(edit, Mapping):
            yield _pair(record, edit, seen)


def _pair(target: Record, edit: Mapping[str, Json], seen: Mapping[str, Record]) -> Pair | Reject:
    try:
        ids = [*edit["sources"], *([edit["mask"]] if edit["mask"] else [])]
        if lost := [each for each in ids if each not in seen]:
            return Reject(
                target.source, "missing", f"pictures of this pair are not here: {', '.join(lost)}", id=target.id
            )
        sources = [seen[each] for each in edit["sources"]]
        mask = picture_of(seen[edit["mask"]])[:, :, 0] > 127 if edit["mask"] else None
        return Pair(
            edit["kind"],
            tuple(picture_of(source) for source in sources),
            picture_of(target),
            tuple(Caption(said["text"], "synthetic", said["language"]) for said in edit["instructions"]),
            target.captions,
            tuple(source.captions for source in sources),
            mask,
            target.licence,
            edit["details"],
        )
    except (LookupError, TypeError, RequestError) as error:
        return Reject(target.source, "bad_caption", f"this is no pair: {error}"[:300], id=target.id)


def _png(pixels: Pixels | Mask) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
