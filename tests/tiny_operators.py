"""Operators of a module of one's own, as a recipe names them (`run.modules`): real measures of tiny pictures.

They lie in a module of their own because worker processes import them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_pictures import Brightness, Fatal

from hanmo.data.filters.duplicates import LookIndex, look
from hanmo.data.filters.quality import measure
from hanmo.data.look import picture_of
from hanmo.data.operator import Measured, Operator, digest
from hanmo.data.record import Record
from hanmo.data.shards import read_shard


@dataclass(frozen=True)
class SideConfig:
    scale: float = 1.0


@dataclass(frozen=True)
class Side:
    """Pixels of the shorter side."""

    config: SideConfig = SideConfig()
    name: str = "resolution"
    version: int = 1
    scores: tuple[str, ...] = ("side",)

    def measure(self, record: Record) -> Measured:
        return Measured({"side": min(picture_of(record).shape[:2]) * self.config.scale})


@dataclass(frozen=True)
class LooksConfig:
    calls: Path | None = None
    """One byte is appended here for each call, from whatever process."""


@dataclass(frozen=True)
class Looks:
    """Measures of `filters.quality`."""

    config: LooksConfig = LooksConfig()
    name: str = "looks"
    version: int = 1
    scores: tuple[str, ...] = ("clarity", "luma", "saturation", "entropy")

    def measure(self, record: Record) -> Measured:
        if self.config.calls is not None:
            with self.config.calls.open("ab") as file:
                file.write(b".")
        found = measure(picture_of(record))
        return Measured({name: getattr(found, name) for name in self.scores})


@dataclass(frozen=True)
class AlikeWanted:
    reach: int = 7


@dataclass(frozen=True)
class AlikeConfig:
    table: Path
    holds: str
    """A hash of the table."""
    reach: int = 7


@dataclass(frozen=True)
class Alike:
    """Bits by which the nearest earlier picture of the whole set differs; 64 where there is none."""

    config: AlikeConfig
    name: str = "alike"
    version: int = 1
    scores: tuple[str, ...] = ("distance",)

    @staticmethod
    def prepare(config: AlikeWanted, shards: Sequence[Path], folder: Path) -> AlikeConfig:
        path = folder / "table.json"
        if not path.exists():
            index, table = LookIndex(), {}
            for shard in shards:
                for record in read_shard(shard):
                    try:
                        here = look(picture_of(record))
                    except Exception:
                        continue  # no picture, which is another operator's business
                    (near,) = index.add([here], [record.id])
                    table[record.id] = 64 if near is None else near.distance
            path.write_text(json.dumps(table))
        return AlikeConfig(path, digest(json.loads(path.read_text())), config.reach)

    def measure(self, record: Record) -> Measured:
        return Measured({"distance": float(json.loads(self.config.table.read_text()).get(record.id, 64))})


OPERATORS: Mapping[str, type[Operator]] = {
    "resolution": Side,
    "looks": Looks,
    "alike": Alike,
    "brightness": Brightness,
    "fatal": Fatal,
}
