"""A set with the captions that a model gave it (report section 3.3): pictures for a run, and its outcomes as a source.

Captions that a record has stay behind the new one, so that stage 3 can tell raw pictures from recaptioned and fused
ones. How well a caption quotes what OCR has read is the score `annotation.quoting`, 0 to 1; text that was read in the
picture comes from stage 4's metadata, and where there is none the score is missing. It asks no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hanmo.data.annotate.journal import read_outcomes
from hanmo.data.annotate.one import Item
from hanmo.data.annotate.outcome import Outcome
from hanmo.data.record import Caption, Record, with_scores
from hanmo.data.rejects import Reject
from hanmo.data.shards import read_shard
from hanmo.pipeline.instructions import Language

QUOTING = "annotation.quoting"
"""The score's name."""
_CUT = 80
"""Length of a line that stage 4 may have cut."""


def items_of(shards: Sequence[Path]) -> Iterator[Item]:
    """What `annotate_all` asks about: every picture of some shards, with the text that stage 4 read in it."""
    for shard in shards:
        for record in read_shard(shard):
            found = record.metadata.get("text_split")
            lines = found.get("lines") if isinstance(found, dict) else None
            read = tuple(line for line in lines if len(line) < _CUT) if isinstance(lines, list) else None
            yield Item(record.id, record.image, read)


@dataclass(frozen=True)
class CaptionedSource:
    """The records of some shards, annotated; a `Source`.

    A picture that was broken or whose model refused keeps the captions that it had: what to do with it is for stage 3.

    Args:
        shards: in this order.
        journal: of the run that asked.
        digest: of the journal's content, so that a set of other answers is another set.
        language: of the model's captions.
        name: unused: records keep the source that they are from.
    """

    shards: tuple[Path, ...]
    journal: Path
    digest: str
    language: Language = "en"
    name: str = "annotated"

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`.

        Raises:
            RequestError: the journal cannot be read.
        """
        outcomes = read_outcomes(self.journal)
        for shard in self.shards:
            for record in read_shard(shard):
                outcome = outcomes.get(record.id)
                yield record if outcome is None else captioned(record, outcome, self.language)


def captioned(record: Record, outcome: Outcome, language: Language) -> Record:
    """A record with what a model said of it; unchanged where that is nothing.

    Args:
        record: whose id the outcome has.
        outcome: of `annotate`.
        language: of the caption.
    """
    said, quoting = outcome.annotation, outcome.quoting
    if said is None:
        return record
    known = {"type": said.type, "style": said.style, "watermarks": list(said.watermarks), "abnormal": said.abnormal}
    if quoting is not None and quoting.translated:
        known["translated"] = list(quoting.translated)
    first = Caption(said.caption, "recaption", language)
    others = tuple(one for one in record.captions if one != first)
    scores = {} if quoting is None else {QUOTING: float(quoting.score)}
    return with_scores(replace(record, captions=(first, *others)), scores, {"annotation": known}, ())
