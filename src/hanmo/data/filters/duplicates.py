"""Pictures that are there already: the same file, and nearly the same picture (report section 3.2, stage 1).

A file is known by the hash of its bytes. A picture is known by its `Look`: 64 bits of structure, which survive another
format, another quality and another size, and its mean colour, which tells apart a red card and a blue one of the
same drawing. Two looks are near when at most `REACH` bits differ and no channel of the mean colour differs by more
than `COLOR` levels.

`LookIndex` answers which earlier picture is near, exactly and not approximately: by the pigeonhole principle, two
hashes that differ in 7 bits or fewer differ in at most one bit within one of their four 16-bit quarters, so a look-up
of 17 keys in each of four tables finds them all (multi-index hashing). Tables are sorted runs whose sizes double, as
in a log-structured store; they hold 27 bytes for each look, and its id. It does not know files, records or thresholds.
Letters: N looks in an index, B looks of a batch.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int16, Int64, Shaped, UInt8, UInt16, UInt32, UInt64
from PIL import Image

from hanmo.errors import RequestError
from hanmo.weights.files import atomic_file

REACH = 7
"""Most bits by which two looks may differ and still be found."""
COLOR = 8
"""Most levels, in 255, by which a channel's mean may differ: compression moves it by one or two."""
LONGEST_ID = 256

_SIDE = 32
_GAP = 4.0  # times _SIDE, below which a size is never reached by plain means
_TAIL = 2048  # newest looks, compared one by one; when full they become a table
_BLOCK = 256  # arrivals that are looked up together
_CANDIDATES = 1 << 20  # compared at once
_NEAR_KEYS = np.array([0, *(1 << bit for bit in range(16))], dtype=np.uint16)  # what a key of distance <= 1 is XORed by


@dataclass(frozen=True)
class Look:
    """What a picture looks like, in 11 bytes.

    Attributes:
        bits: 64 bits of structure.
        color: mean red, green and blue, 0-255.
    """

    bits: int
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Near:
    """An earlier picture that looks the same, and by how many bits (0 to 7) it differs."""

    id: str
    distance: int


def look(picture: UInt8[np.ndarray, "H W 3"]) -> Look:
    """The look of a picture.

    Grey (Rec. 601) is brought to 32x32 by cubic weights (plain means shift thin strokes when the size changes by a
    little; a large picture is first reduced by them to four times that size or more, where they do no harm) and
    transformed by a cosine transform (DCT-II) of whole numbers, so that every machine gives the same bits.
    Of the coefficients, the 64 of lowest frequency but the mean, in the order of u + v, then v, each give one bit:
    whether it is above their median by more than a hundredth of their largest size.
    Without that margin, coefficients that are nearly zero (of drawings with much symmetry, or little in them) would
    fall to either side by the noise of compression. A picture of one colour has no bit set.

    Args:
        picture: sRGB, 0-255, upright, H and W at least 1.
    """
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, reducing_gap=_GAP)
    grey = np.asarray(small, dtype=np.int64)
    values = (_BASIS @ grey @ _BASIS.T)[_ORDER]
    margin = np.abs(values).max() // 100
    ordered = np.sort(values)
    above = 2 * values > ordered[31] + ordered[32] + 2 * margin
    bits = int.from_bytes(np.packbits(above).tobytes(), "big")
    size = image.width * image.height
    sums = cv2.sumElems(picture)[:3]  # whole numbers, exact
    red, green, blue = ((2 * int(total) + size) // (2 * size) for total in sums)
    return Look(bits, (red, green, blue))


def distance(first: Look, second: Look) -> int:
    """How many of the 64 bits differ."""
    return (first.bits ^ second.bits).bit_count()


class LookIndex:
    """Looks in order of arrival, of any number, and which earlier one a look is near to.

    Nothing depends on chance, on threads, or on how arrivals are cut into batches.
    """

    def __init__(self) -> None:
        self._tables: list[_Table] = []
        self._tail = _Looks.of([])
        self._ids = np.empty(0, dtype="S32")
        self._count = 0

    def __len__(self) -> int:
        """How many different looks are held; of equal ones only the first is, since no other can ever be the answer."""
        return self._count

    def nearest(self, look: Look) -> Near | None:
        """What is nearest among all held: by bits, then by colour, then the earliest. None when nothing is near."""
        return self._near(int(self._search(_Looks.of([look]))[0]))

    def add(self, looks: Sequence[Look], ids: Sequence[str]) -> list[Near | None]:
        """Add looks in order, and say of each what `nearest` said just before it was added.

        All are added, near ones too, so that an answer does not depend on a limit that is chosen later.

        Args:
            looks: of pictures.
            ids: of as many pictures; ASCII, 1 to `LONGEST_ID` characters.

        Raises:
            RequestError: ids that cannot be kept, or another number of them than of looks.
        """
        _check_ids(ids, len(looks))
        answers: list[Near | None] = []
        for start in range(0, len(looks), _BLOCK):
            answers += self._add(_Looks.of(looks[start : start + _BLOCK]), ids[start : start + _BLOCK])
        return answers

    def save(self, path: Path) -> None:
        """Write everything to one file, which takes the place of `path` when it is whole.

        Raises:
            OutputError: it cannot be written.
        """
        held = _Looks.join([*(table.looks for table in self._tables), self._tail])
        with atomic_file(path) as file:
            np.savez(file, bits=held.bits, color=held.color, ids=self._ids[: self._count])

    @classmethod
    def load(cls, path: Path) -> LookIndex:
        """Read what `save` wrote; answers go on as if there had been no break.

        Raises:
            RequestError: there is no such file, or it is another or a damaged one.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                bits, color, ids = file["bits"], file["color"], file["ids"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise RequestError(
                f"{path} is no index of looks ({error}): give a file that LookIndex.save wrote"
            ) from None
        shapes = (bits.shape, color.shape, ids.shape)
        kinds = (bits.dtype, color.dtype, ids.dtype.kind)
        if shapes != ((ids.size,), (ids.size, 3), (ids.size,)) or kinds != (np.uint64, np.uint8, "S"):
            raise RequestError(f"{path} is no index of looks: give a file that LookIndex.save wrote")
        held = _Looks(bits, color)
        index = cls()
        index._ids, index._count = ids, ids.size
        for start in range(0, ids.size, _TAIL):
            index._append(held.part(slice(start, start + _TAIL)))
        return index

    def _add(self, batch: _Looks, ids: Sequence[str]) -> list[Near | None]:
        within = _keys(batch, batch, self._count)
        within[np.triu_indices(len(batch.bits))] = _NONE  # itself, and what came later
        keys = np.minimum(self._search(batch), within.min(axis=1))
        answers = [self._near(int(key), ids) for key in keys]
        fresh = keys >> _PLACE != 0
        self._keep_ids(np.array([name.encode() for name in ids])[fresh])
        self._append(batch.part(fresh))
        return answers

    def _search(self, batch: _Looks) -> Int64[np.ndarray, " B"]:
        """The key of what is nearest to each look: its rank, then its place."""
        keys = np.full(len(batch.bits), _NONE)
        start = 0
        for table in self._tables:
            np.minimum(keys, table.search(batch, start), out=keys)
            start += len(table.looks.bits)
        if len(self._tail.bits):
            np.minimum(keys, _keys(batch, self._tail, start).min(axis=1), out=keys)
        return keys

    def _near(self, key: int, arriving: Sequence[str] = ()) -> Near | None:
        if key == _NONE:
            return None
        place = key & ((1 << _PLACE) - 1)
        name = self._ids[place].decode() if place < self._count else arriving[place - self._count]
        return Near(name, key >> _PLACE >> _COLOR_BITS)

    def _keep_ids(self, ids: Shaped[np.ndarray, " B"]) -> None:
        end = self._count + len(ids)
        kind = max(self._ids.dtype, ids.dtype, key=lambda kind: kind.itemsize)
        if end > len(self._ids) or kind != self._ids.dtype:
            grown = np.empty(max(end, len(self._ids) * 5 // 4), dtype=kind)
            grown[: self._count] = self._ids[: self._count]
            self._ids = grown
        self._ids[self._count : end] = ids
        self._count = end

    def _append(self, looks: _Looks) -> None:
        self._tail = _Looks.join([self._tail, looks])
        while len(self._tail.bits) >= _TAIL:
            self._tables.append(_Table(self._tail.part(slice(None, _TAIL))))
            self._tail = self._tail.part(slice(_TAIL, None))
            while len(self._tables) > 1 and self._tables[-1].size == self._tables[-2].size:
                newer, older = self._tables.pop(), self._tables.pop()
                self._tables.append(_Table(_Looks.join([older.looks, newer.looks])))


def _check_ids(ids: Sequence[str], count: int) -> None:
    if len(ids) != count:
        raise RequestError(f"{count} looks came with {len(ids)} ids: give one id for each")
    for name in ids:
        if not (name.isascii() and name.isprintable() and 1 <= len(name) <= LONGEST_ID):
            raise RequestError(
                f"the id {name[:80]!r} cannot be kept: give 1 to {LONGEST_ID} printable ASCII characters"
            )


# --- many looks at once -----------------------------------------------------------------------------
# A key is one number that orders answers: bits that differ, then levels of colour, then place of arrival.

_PLACE = 40
_COLOR_BITS = 4
_NONE = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class _Looks:
    bits: UInt64[np.ndarray, " N"]
    color: UInt8[np.ndarray, "N 3"]

    @staticmethod
    def of(looks: Sequence[Look]) -> _Looks:
        bits = np.array([look.bits for look in looks], dtype=np.uint64)
        return _Looks(bits, np.array([look.color for look in looks], dtype=np.uint8).reshape(-1, 3))

    @staticmethod
    def join(parts: Sequence[_Looks]) -> _Looks:
        return _Looks(np.concatenate([part.bits for part in parts]), np.concatenate([part.color for part in parts]))

    def part(self, which: slice | Shaped[np.ndarray, " ..."]) -> _Looks:
        return _Looks(self.bits[which], self.color[which])


def _ranks(bits: UInt64[np.ndarray, " ..."], color: Int16[np.ndarray, "... 3"]) -> Int64[np.ndarray, " ..."]:
    """Of pairs, by the bits in which they differ and the differences of their colours; _NONE where not near."""
    differing = np.bitwise_count(bits).astype(np.int64)
    levels = np.abs(color).max(axis=-1).astype(np.int64)
    return np.where((differing <= REACH) & (levels <= COLOR), differing << _COLOR_BITS | levels, _NONE)


def _keys(batch: _Looks, others: _Looks, start: int) -> Int64[np.ndarray, "B N"]:
    """Every look against every other, whose places are counted from `start`."""
    keys = np.full((len(batch.bits), len(others.bits)), _NONE)
    apart = batch.bits[:, None] ^ others.bits[None]
    rows, columns = np.nonzero(np.bitwise_count(apart) <= REACH)
    color = batch.color[rows].astype(np.int16) - others.color[columns].astype(np.int16)
    ranks = _ranks(apart[rows, columns], color)
    keys[rows, columns] = np.where(ranks == _NONE, _NONE, ranks << _PLACE | (start + columns))
    return keys


class _Table:
    """Looks that do not change any more, sorted by each 16-bit quarter of their bits."""

    def __init__(self, looks: _Looks) -> None:
        self.looks = looks
        self.size = len(looks.bits)
        self._orders: list[UInt32[np.ndarray, " N"]] = []
        self._starts: list[Int64[np.ndarray, " keys+1"]] = []
        for quarter in _quarters(looks.bits):
            self._orders.append(np.argsort(quarter, kind="stable").astype(np.uint32))
            counts = np.bincount(quarter, minlength=1 << 16)
            self._starts.append(np.concatenate([[0], np.cumsum(counts)]))

    def search(self, batch: _Looks, start: int) -> Int64[np.ndarray, " B"]:
        """The smallest key of each look of a batch; places are counted from `start`."""
        best = np.full(len(batch.bits), _NONE)
        for quarter, order, starts in zip(_quarters(batch.bits), self._orders, self._starts, strict=True):
            wanted = quarter[:, None] ^ _NEAR_KEYS[None]
            first = starts[wanted].ravel()
            lengths = starts[wanted.astype(np.int64) + 1].ravel() - first
            for part in _portions(lengths):
                owners = np.repeat(np.arange(len(lengths))[part] // len(_NEAR_KEYS), lengths[part])
                before = np.cumsum(lengths[part]) - lengths[part]
                found = order[np.arange(len(owners)) + np.repeat(first[part] - before, lengths[part])]
                self._improve(best, batch, owners, found, start)
        return best

    def _improve(
        self,
        best: Int64[np.ndarray, " B"],
        batch: _Looks,
        owners: Int64[np.ndarray, " C"],
        found: UInt32[np.ndarray, " C"],
        start: int,
    ) -> None:
        """Lower the keys in `best` where one of the candidates `found`, each for the look `owners`, is nearer."""
        apart = batch.bits[owners] ^ self.looks.bits[found]
        close = np.flatnonzero(np.bitwise_count(apart) <= REACH)
        owners, found = owners[close], found[close]
        color = batch.color[owners].astype(np.int16) - self.looks.color[found].astype(np.int16)
        ranks = _ranks(apart[close], color)
        near = ranks != _NONE
        np.minimum.at(best, owners[near], ranks[near] << _PLACE | (start + found[near].astype(np.int64)))


def _quarters(bits: UInt64[np.ndarray, " N"]) -> list[UInt16[np.ndarray, " N"]]:
    return [(bits >> np.uint64(16 * quarter)).astype(np.uint16) for quarter in range(4)]


def _portions(lengths: Int64[np.ndarray, " L"]) -> Iterator[slice]:
    """Consecutive parts with about a million candidates each: what bounds the memory of a search."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        done = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + _CANDIDATES, side="right")))
        yield slice(start, end)
        start = end


# --- the transform ----------------------------------------------------------------------------------


def _basis() -> Int64[np.ndarray, "frequencies side"]:
    """Cosines of the 11 lowest frequencies, times 1024, rounded: the rows but the first sum to zero exactly."""
    frequency, place = np.arange(11)[:, None], np.arange(_SIDE)[None]
    cosines = np.cos(np.pi * (2 * place + 1) * frequency / (2 * _SIDE))
    rounded: Int64[np.ndarray, "frequencies side"] = np.rint(1024 * cosines).astype(np.int64)
    return rounded


def _order() -> tuple[Int64[np.ndarray, " 64"], Int64[np.ndarray, " 64"]]:
    """The 64 lowest pairs of frequencies but (0, 0)."""
    pairs = sorted(((u, v) for u in range(11) for v in range(11)), key=lambda pair: (sum(pair), pair[1]))[1:65]
    return np.array([u for u, _ in pairs]), np.array([v for _, v in pairs])


_BASIS = _basis()
_ORDER = _order()
