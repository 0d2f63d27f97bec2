"""Data sets of a hub as a source: their Parquet files, fetched one after the other as they are read.

    hub_source("owner/name", licence="cc-by-4.0")     asks the hub which files there are, at which commit
    hub_source("folder/of/parquet")                   the same for a folder on this machine

The client is `huggingface_hub`, which is there for checkpoints; the package `datasets` would bring pandas, dill and
more for what `sources.parquet` does already. So only data sets that are Parquet are read; for others the hub usually
keeps a converted branch, "refs/convert/parquet". A branch moves, and a source must read the same twice: so the commit
is asked for once, and stands in the source. Files stay in the client's cache. No code of a data set is ever run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hanmo.data.limits import Limits
from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.sources.parquet import ParquetSource
from hanmo.errors import RequestError

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True)
class HubSource:
    """The rows of a data set's Parquet files; a `Source`. `hub_source` makes one.

    Args:
        dataset: an id on the hub, or a folder.
        commit: which state of it; "" for a folder.
        files: names within it, read in this order.
        name: what records call the set.
        image: the column with pictures.
        captions: columns with captions, in this order.
        metadata: columns that become metadata.
        licence_column: the column that names each picture's licence; "" where there is none.
        licence: of rows that name none.
        language: of the captions.
        limits: larger pictures are rejected.
    """

    dataset: str
    commit: str
    files: tuple[str, ...]
    name: str
    image: str = "image"
    captions: tuple[str, ...] = ("caption",)
    metadata: tuple[str, ...] = ()
    licence_column: str = ""
    licence: str = "unknown"
    language: str = "und"
    limits: Limits = field(default_factory=Limits)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; each file is fetched when it is reached.

        Raises:
            RequestError: at the first item of a file that cannot be fetched or lacks the columns: what the network does
                not bring today is no fault of a record, so nothing is rejected; collect again, and it goes on.
        """
        if not self.files:
            raise RequestError(f"{self.dataset} has no Parquet file: see the branch refs/convert/parquet of that set")
        same = {item.name: getattr(self, item.name) for item in fields(ParquetSource) if item.name != "files"}
        for file in self.files:
            for item in ParquetSource(files=(self._path(file),), **same):
                yield _placed(item, file)

    def _path(self, file: str) -> Path:
        if not self.commit:
            return Path(self.dataset) / file
        from huggingface_hub import hf_hub_download

        try:
            return Path(hf_hub_download(self.dataset, file, repo_type="dataset", revision=self.commit))
        except Exception as error:  # the client, and each HTTP library under it, has its own classes
            raise _refused(f"{file} of the data set {self.dataset}", error) from error


def hub_source(
    dataset: str | Path, revision: str = "main", pattern: str = "*.parquet", name: str = "", **columns: Any
) -> HubSource:
    """A source of a data set as it is now.

    Args:
        dataset: a folder, or an id such as "owner/name".
        revision: branch, tag or commit on the hub; of a folder it does not count.
        pattern: which files; "data/train-*.parquet" takes one split.
        name: what records call the set; "" takes the last part of the id.
        columns: further fields of `HubSource`.

    Raises:
        RequestError: no such folder or data set, no network, or no file of the pattern.
    """
    folder = Path(dataset).expanduser()
    if folder.is_dir():
        there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        commit, where = "", str(folder)
    elif isinstance(dataset, str) and _ID.fullmatch(dataset):
        commit, there = _ask(dataset, revision)
        where = dataset
    else:
        raise RequestError(f"{str(dataset)!r} is neither a folder here nor an id such as owner/name of a hub")
    files = tuple(sorted(file for file in there if file.endswith(".parquet") and fnmatchcase(file, pattern)))
    if not files:
        shown = ", ".join(sorted(there)[:5]) or "nothing"
        raise RequestError(
            f"{where} has no Parquet file like {pattern!r} (it has {shown}): try the revision refs/convert/parquet"
        )
    return HubSource(where, commit, files, name or where.rstrip("/").rpartition("/")[2], **columns)


def _ask(dataset: str, revision: str) -> tuple[str, list[str]]:
    """The commit that a revision means now, and its files."""
    from huggingface_hub import HfApi

    try:
        info = HfApi().dataset_info(dataset, revision=revision)
    except Exception as error:
        raise _refused(f"the data set {dataset} at revision {revision}", error) from error
    return str(info.sha), [str(sibling.rfilename) for sibling in info.siblings or []]


def _refused(what: str, error: Exception) -> RequestError:
    names = {cls.__name__ for cls in type(error).__mro__}
    if "GatedRepoError" in names:
        why = "its owner restricts access: accept the terms on the hub and log in"
    elif "RevisionNotFoundError" in names:
        why = "there is no such revision: name a branch, tag or commit"
    elif names & {"LocalEntryNotFoundError", "ConnectError", "ConnectionError", "TransportError"}:
        why = "the hub cannot be reached from here: go online, or give a folder of Parquet files"
    elif names & {"RepositoryNotFoundError", "EntryNotFoundError"}:
        why = "it is not there, or is private: check the spelling, or log in"
    else:
        why = " ".join(str(error).split())[:200] or type(error).__name__
    return RequestError(f"{what} could not be had: {why}")


def _placed(item: Record | Reject, file: str) -> Record | Reject:
    """The same item, whose place names the file with its folders: those of two splits may be called the same."""
    short = file.rpartition("/")[2]
    if isinstance(item, Reject):
        return replace(item, where=file + item.where.removeprefix(short))
    where = file + str(item.metadata["where"]).removeprefix(short)
    return replace(item, metadata={**item.metadata, "where": where})
