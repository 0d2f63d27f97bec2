"""WebDataset tars of anybody: the members of one sample follow each other and share their name up to the first dot.

Of a sample it takes the picture (the first member with a picture's extension), `.txt` or `.caption` (one caption)
and `.json` (captions, licence, metadata: see `sidecar`); other members are left out, unread. Where a tar breaks off,
what came before stays, and one reject says where. Uncompressed tars only. It does not know whether a picture can be
decoded.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from hanmo.data.limits import Limits
from hanmo.data.record import FORMATS, Record
from hanmo.data.rejects import Reject
from hanmo.data.shards import tar_members
from hanmo.data.sources.sidecar import Sidecar, bad_caption, from_json, from_text, joined, to_record, too_large
from hanmo.errors import RequestError

_TEXTS = {"txt": from_text, "caption": from_text, "json": from_json}


@dataclass(frozen=True)
class TarSource:
    """The samples of some tars, tar after tar; a `Source`.

    Args:
        tars: paths, read in this order.
        name: what records call the set.
        licence: of pictures whose JSON names none.
        language: of captions that name none.
        limits: larger members are not read.
    """

    tars: tuple[Path, ...]
    name: str
    licence: str = "unknown"
    language: str = "und"
    limits: Limits = field(default_factory=Limits)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`."""
        missing = [str(path) for path in self.tars if not path.is_file()]
        if missing or not self.tars:
            raise RequestError(f"there is no tar {', '.join(missing) or 'given'}: give paths of .tar files")
        for path in self.tars:
            yield from self._tar(path)

    def _tar(self, path: Path) -> Iterator[Record | Reject]:
        here = path.name
        try:
            with tarfile.open(path, "r:") as tar:
                files = (info for info in tar_members(tar) if info.isreg())
                for key, sample in groupby(files, key=lambda info: _split(info.name)[0]):
                    here = f"{path.name}#{key}"
                    yield self._sample(tar, sample, here)
        except (tarfile.TarError, OSError, ValueError) as error:
            yield Reject(here, "damaged", f"from here on {path.name} cannot be read: {error}")

    def _sample(self, tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], where: str) -> Record | Reject:
        """One sample; its members are read as they come, since only one pass is made."""
        image: bytes | None = None
        sidecar, problem = Sidecar(), None
        for info in members:
            extension = _split(info.name)[1]
            is_image = extension in FORMATS and image is None
            if problem is not None or not (is_image or extension in _TEXTS):
                continue
            limit = self.limits.image_bytes if is_image else self.limits.text_bytes
            if info.size > limit:
                problem = too_large(where, info.size, limit)
                continue
            data = _data(tar, info)
            if is_image:
                image = data
                continue
            try:
                sidecar = joined(sidecar, _TEXTS[extension](data, self.language))
            except RequestError as error:
                problem = bad_caption(where, f".{extension}: {error}")
        if problem is not None:
            return problem
        if image is None:
            return Reject(where, "no_picture", f"no member ends in {', '.join('.' + name for name in FORMATS)}")
        return to_record(image, sidecar, self.name, self.licence, where, self.limits)


def _split(name: str) -> tuple[str, str]:
    """A member's sample and its extension: "a/0001.seg.png" -> ("a/0001", "seg.png"), lower case at the end."""
    folder, slash, file = name.rpartition("/")
    stem, _, extension = file.partition(".")
    return folder + slash + stem, extension.lower()


def _data(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    data = b"" if file is None else file.read()
    if len(data) != info.size:
        raise tarfile.ReadError(f"{info.name} is cut off")
    return data
