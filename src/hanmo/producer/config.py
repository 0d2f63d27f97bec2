"""What producers make, as frozen dataclasses that travel as JSON (report section 4.1.1).

    [encode]   how a picture and its words become a sample: part of every sample's identity
    [choose]   which records become samples: changing it makes no sample stale

A running link hands the newest ones to its producers (`link.Meta.config`). It does not know models.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from hanmo.config import from_mapping
from hanmo.data.buckets import buckets
from hanmo.data.operator import Threshold
from hanmo.data.taxonomy import DOMAINS
from hanmo.errors import ConfigError
from hanmo.pipeline.geometry import Size
from hanmo.weights.preferences import GRID

GIVEN = ("text", *DOMAINS)
"""Tags that producers find themselves (`tags`)."""


@dataclass(frozen=True)
class EncodeConfig:
    """How a picture and its words become a sample.

    Args:
        resolution: whose nine sizes targets are put into: 256, 640 or 1328.
        resolutions: several instead of one: a picture becomes a sample of each that it is large enough for.
        sizes: other sizes instead, (width, height) in pixels, multiples of 16, such as a small model's. With
            `resolutions` beside them, each belongs to the one whose square has most nearly as many pixels.
        enlarge: how much a picture may be enlarged to cover its size; beyond that it is no sample. 1 is not at all.
        precision: of the stored numbers.
        repaint: what is said for reconstruction (the report's I2I), where the target is the source.
        empty_edits: also ask for the empty prompt of each edit and reconstruction, so that training may drop their
            captions (`mix.edit_dropout`); it is stored beside the sample, and costs about as much as another caption.

    Raises:
        ConfigError: a size that cannot be trained, a factor below 1, or resolutions that are given twice or have no
            size.
    """

    resolution: int = 256
    resolutions: tuple[int, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    enlarge: float = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    repaint: str = "Keep the picture exactly as it is."
    empty_edits: bool = False

    def __post_init__(self) -> None:
        """See the class."""
        for size in self.sizes:
            if len(size) != 2 or any(side < GRID or side % GRID for side in size):
                raise ConfigError(f"encode.sizes has {list(size)}; give [width, height], multiples of {GRID}")
        if not self.enlarge >= 1.0:
            raise ConfigError(f"encode.enlarge is {self.enlarge}; it must be 1 (not at all) or more")
        if not self.resolutions:
            return
        said = f"encode.resolutions is {list(self.resolutions)}"
        if list(self.resolutions) != sorted({*self.resolutions}) or self.resolutions[0] < 1:
            raise ConfigError(f"{said}; name each once, the smallest first")
        if self.resolution != 256:
            raise ConfigError(f"{said} beside encode.resolution = {self.resolution}; give one of the two")
        if self.sizes and not all(self.levels):
            raise ConfigError(f"{said}, but encode.sizes holds {[list(size) for size in self.sizes]}: one has no size")

    @property
    def levels(self) -> tuple[tuple[Size, ...], ...]:
        """The sizes of each resolution, the smallest first; a target is put into one size of each.

        Raises:
            RequestError: a resolution that has no sizes.
        """
        if not self.sizes:
            named = self.resolutions or (self.resolution,)
            return tuple(tuple(bucket.size for bucket in buckets(one)) for one in named)
        if not self.resolutions:
            return (self.sizes,)
        nearest = {size: min(self.resolutions, key=lambda one: _apart(size, one)) for size in self.sizes}
        return tuple(tuple(size for size in self.sizes if nearest[size] == one) for one in self.resolutions)

    def to_json(self) -> dict[str, Any]:
        """What the identity of samples hashes; keys that came later are left out at their defaults.

        So a store that was made before there was such a key is not stale.
        """
        known: dict[str, Any] = {**vars(self), "sizes": [list(size) for size in self.sizes]}
        for later in ("empty_edits", "resolutions"):
            if not known[later]:
                del known[later]
        if self.resolutions:
            known["resolutions"] = list(self.resolutions)
        return known


def _apart(size: Size, resolution: int) -> float:
    """How far the pixels of a size are from those of a resolution's square, as a ratio's logarithm."""
    return abs(math.log(size[0] * size[1] / resolution**2))


@dataclass(frozen=True)
class ChooseConfig:
    """Which records become samples.

    Args:
        tasks: of which samples are made: a captioned picture gives t2i, a pair ti2i, any of these pictures i2i.
        captions: every caption (instruction) of a picture (pair) a sample of its own, or the first alone.
        described: a pair whose target has captions gives t2i, too.
        use: operators of the data engine that look at each record first.
        config: their tables.
        thresholds: operator -> score -> threshold.
        tags: tag -> operator -> score -> threshold: a record that has all these scores, each within its threshold, has
            the tag (`tags`). Scores are those that `hanmo data run` kept and those of `use`.

    Raises:
        ConfigError: no task, a tag without scores, or one that producers give themselves.
    """

    tasks: tuple[Literal["t2i", "ti2i", "i2i"], ...] = ("t2i", "ti2i")
    captions: Literal["all", "first"] = "all"
    described: bool = False
    use: tuple[str, ...] = ()
    config: dict[str, dict[str, Any]] = field(default_factory=dict)
    thresholds: dict[str, dict[str, Threshold]] = field(default_factory=dict)
    tags: dict[str, dict[str, dict[str, Threshold]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See the class."""
        if not self.tasks:
            raise ConfigError("choose.tasks is empty; name one or more of t2i, ti2i, i2i")
        for tag, rule in self.tags.items():
            if tag in GIVEN:
                raise ConfigError(f"choose.tags.{tag}: producers say themselves what is {tag!r}; choose another word")
            if not any(rule.values()):
                raise ConfigError(f"choose.tags.{tag} names no score; give OPERATOR.SCORE = {{ low = ... }}")


@dataclass(frozen=True)
class ProducerConfig:
    """Everything that producers are told."""

    encode: EncodeConfig = field(default_factory=EncodeConfig)
    choose: ChooseConfig = field(default_factory=ChooseConfig)

    def to_json(self) -> dict[str, Any]:
        """As a link's meta carries it."""
        known: dict[str, Any] = asdict(self)
        known["encode"] = self.encode.to_json()
        known["choose"]["tasks"], known["choose"]["use"] = list(self.choose.tasks), list(self.choose.use)
        if not self.choose.tags:  # so that sets which went through before there were any are not looked at again
            del known["choose"]["tags"]
        return known


def producer_config(known: Mapping[str, Any]) -> ProducerConfig:
    """The configuration that `to_json` wrote, or that a recipe's tables say.

    Raises:
        ConfigError: an unknown key or a wrong value; the message names it.
    """
    choose = dict(known.get("choose", {}))
    config = choose.pop("config", {})  # operators' tables, which each operator's own class checks
    given = {**known, "choose": choose}
    built = from_mapping(given, ProducerConfig)
    return ProducerConfig(built.encode, _with_config(built.choose, config))


def _with_config(choose: ChooseConfig, config: Mapping[str, Mapping[str, Any]]) -> ChooseConfig:
    tables = {name: dict(table) for name, table in config.items()}
    return replace(choose, config=tables)
