"""Operators of a module of one's own, as a recipe names them (`run.modules`): real measures of tiny pictures.

They lie in a module of their own because worker processes import them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiny_pictures import Brightness, Fatal

from hanmo.data.filters.duplicates import Look, LookIndex, look
from hanmo.data.filters.quality import measure
from hanmo.data.look import picture_of
from hanmo.data.operator import Measured, Operator, digest
from hanmo.data.record import Record
from hanmo.data.scores import fingerprint, read_scores, scores_path


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
class LookConfig:
    """Nothing to choose."""


@dataclass(frozen=True)
class TakeLook:
    """What a picture looks like, for `alike`; no score."""

    config: LookConfig = LookConfig()
    name: str = "look"
    version: int = 1
    scores: tuple[str, ...] = ()

    def measure(self, record: Record) -> Measured:
        found = look(picture_of(record))
        return Measured({}, {"bits": f"{found.bits:x}", "color": list(found.color)})


@dataclass(frozen=True)
class AlikeWanted:
    none: int = 64
    """The distance of a picture to which no earlier one is near."""


@dataclass(frozen=True)
class AlikeConfig:
    table: Path
    holds: str
    """A hash of the table."""
    none: int


@dataclass(frozen=True)
class Alike:
    """Bits by which the nearest earlier picture of the whole set differs."""

    config: AlikeConfig
    name: str = "alike"
    version: int = 1
    scores: tuple[str, ...] = ("distance",)

    @staticmethod
    def prepare(config: AlikeWanted, shards: Sequence[Path], folder: Path, measured: Path) -> AlikeConfig:
        index, table, take = LookIndex(), {}, TakeLook()
        for shard in shards:
            looks = read_scores(scores_path(measured / shard.stem, take), take, fingerprint(shard))
            assert looks is not None, "the stage's other operators measure first"
            for id, found in looks.items():
                if not found.failure:
                    here = Look(int(str(found.metadata["bits"]), 16), tuple(found.metadata["color"]))
                    (near,) = index.add([here], [id])
                    table[id] = config.none if near is None else near.distance
        path = folder / "table.json"
        path.write_text(json.dumps(table))
        return AlikeConfig(path, digest(table), config.none)

    def measure(self, record: Record) -> Measured:
        table = json.loads(self.config.table.read_text())
        return Measured({"distance": float(table.get(record.id, self.config.none))})


OPERATORS: Mapping[str, type[Operator]] = {
    "resolution": Side,
    "looks": Looks,
    "look": TakeLook,
    "alike": Alike,
    "brightness": Brightness,
    "fatal": Fatal,
}
