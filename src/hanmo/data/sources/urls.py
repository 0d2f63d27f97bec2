"""A list of URLs as a source: fetched once, politely, into a file of answers; read from there as often as wanted.

    fetch_list(urls, Path("answers.sqlite"), FetchConfig(), random.Random(0))     asks the network; again, it goes on
    collect([UrlSource(urls, Path("answers.sqlite"), "my set")], folder)          asks nobody

A source must read the same twice, and the network does not; so fetching and reading are two steps, and what a host
said stands in the answers: its pictures, and of each failure the reason, which becomes a reject. Records come in the
order of the list, however the answers came. A URL that stands in the list twice is asked once and gives two items, of
which `collect` keeps one. It does not know licences that the list does not name.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from hanmo.data.limits import Limits
from hanmo.data.operator import digest, plain
from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.sidecar import Sidecar, joined, to_record
from hanmo.data.sources.url_list import Row, UrlList
from hanmo.data.web.answers import Answers
from hanmo.data.web.config import FetchConfig
from hanmo.data.web.polite import Fetched, fetch
from hanmo.errors import RequestError


@dataclass(frozen=True)
class UrlSource:
    """The pictures of a list of URLs; a `Source`.

    Args:
        urls: the list.
        answers: the file that `fetch_list` wrote.
        name: what records call the set; "" takes the list's name.
        licence: of rows that name none.
        limits: larger pictures are rejected.
    """

    urls: UrlList
    answers: Path
    name: str = ""
    licence: str = "unknown"
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """See the class."""
        if not self.name:
            object.__setattr__(self, "name", self.urls.file.stem)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        with Answers(self.answers) as answers:
            if not answers.finished(_fingerprint(self.urls)):
                raise RequestError(
                    f"{self.urls.file} was not fetched to its end into {self.answers}, or has changed since: "
                    "fetch it (again); what was fetched is kept"
                )
            for row in self.urls.rows():
                yield self._item(row, answers) if isinstance(row, Row) else row

    def _item(self, row: Row, answers: Answers) -> Record | Reject:
        kept = answers[row.url]
        if kept.kind is not None:
            return Reject(row.where, kept.kind, f"{row.url[:300]}: {kept.reason}")
        found = {"url": row.url} if kept.final == row.url else {"url": row.url, "final_url": kept.final}
        sidecar = joined(row.sidecar, Sidecar(metadata=found))
        return to_record(kept.image, sidecar, self.name, self.licence, row.where, self.limits)


def fetch_list(
    urls: UrlList, answers: Path, config: FetchConfig, generator: random.Random, again: Collection[str] = ()
) -> Fetched:
    """Ask for every URL of a list that has no answer yet; stopped or killed and called again, it goes on.

    Args:
        urls: the list.
        answers: where answers are kept; made where it is missing.
        config: how; other numbers than last time are fine.
        generator: see `fetch`.
        again: kinds of failures that are asked again, such as "unreachable" after a broken connection of ours. Sets
            that were collected before are then of other answers, and must be collected anew.

    Raises:
        RequestError: the list is not there.
        OutputError: the answers cannot be written.
    """
    name = _fingerprint(urls)
    with Answers(answers, write=True) as kept:
        kept.forget(again)
        wanted = (row.url for row in urls.rows() if isinstance(row, Row))
        done = fetch(wanted, kept, config, generator)
        kept.finish(name)
    return done


def _fingerprint(urls: UrlList) -> str:
    """Names a list by its bytes and by how it is read."""
    try:
        with urls.file.open("rb") as file:
            data = hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError as error:
        raise RequestError(f"{urls.file} cannot be read: {error.strerror or error}") from None
    return digest([data, plain(replace(urls, file=Path(urls.file.suffix)))])
