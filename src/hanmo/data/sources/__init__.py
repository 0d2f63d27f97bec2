"""Where records come from (report section 3.1): files and the network. Each yields records, and rejects for the rest.

    folder     pictures with captions beside them
    tar        WebDataset tars of anybody
    parquet    tables with a column of pictures
    urls       lists of URLs, once they are fetched (`hanmo.data.web`)
    hub        Parquet data sets of a hub
    emoji_art, emoji_sets       emoji out of packages
    cards, paragraphs (and rare), scenes, pages     pictures of text, drawn while they are read
    pairs      edits of scenes, and solids with their depth or another view, drawn while they are read

`tables` says how a recipe names them.

A source reads lazily and in one order, so that two readings agree item by item: `collect` relies on it to go on
after an interruption. What cannot be read is a `Reject`, never an exception in the middle; only a source that is not
there at all raises, before its first item. Sources look at the first bytes of a picture and never decode it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from hanmo.data.record import Record
from hanmo.data.rejects import Reject


@runtime_checkable
class Source(Protocol):
    """A set of pictures; a frozen dataclass whose fields say which."""

    @property
    def name(self) -> str:
        """What a record's `source` says."""

    def __iter__(self) -> Iterator[Record | Reject]:
        """All items, from the first; the same in every reading while the files stay the same.

        Raises:
            RequestError: at the first item, where there is nothing to read at all.
        """
