"""Stage 5 as operators (report section 3.2: image quality, resolution of 640p, aesthetics, abnormal elements).

    resolution     as in stage 1, now against 640p
    image_quality  noise, blocks, jpeg, contrast, exposure, sharpness     at full resolution, see `image_quality`
    aesthetics     score, as its head was trained      about 1 to 10 with the published ones
    codes          count 0..., share 0 ... 1           QR, bar and other codes; formats and boxes in the metadata
    watermark      repeated, aslant, across, signed, faint     what can be read of marks, see `watermark`
    watermark_classifier   probability 0 ... 1         what a published detector says

`aesthetics` and `watermark_classifier` need networks that do not lie in the package; their config names them. The
contents of codes are not kept: they are addresses and names of people. What no operator here knows: logos and marks
without letters (but for the classifier), collages, borders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image

from hanmo.data.filters.aesthetic_head import linear_head
from hanmo.data.filters.image_quality import measure_quality
from hanmo.data.filters.published import classify, embed, labels_of
from hanmo.data.filters.quality import to_grey
from hanmo.data.filters.stage1_files import Resolution
from hanmo.data.filters.watermark import find_marks
from hanmo.data.look import Pixels, picture_of
from hanmo.data.ocr import OCR, Line
from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Json, Record
from hanmo.errors import ConfigError, WeightsError


@dataclass(frozen=True)
class ImageQualityConfig:
    """Nothing to choose."""


@dataclass(frozen=True)
class ImageQuality:
    """Grain, block noise, compression, contrast, exposure, sharpness."""

    config: ImageQualityConfig = ImageQualityConfig()
    name = "image_quality"
    version = 1
    scores = ("noise", "blocks", "jpeg", "contrast", "exposure", "sharpness")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        return Measured(asdict(measure_quality(picture_of(record), record.image)))


# --- aesthetics -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AestheticsConfig:
    """Which networks judge.

    Args:
        head: a file, .safetensors or .pth, with one linear layer: `weight` [1, D] and `bias` [1].
        embedder: folder or hub id of the CLIP whose embeddings of length 1 the head was trained on.
        revision: of the embedder on the hub.
        device: where torch computes.
    """

    head: Path
    embedder: str = "openai/clip-vit-large-patch14"
    revision: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class Aesthetics:
    """What a linear head says of a picture's CLIP embedding."""

    config: AestheticsConfig
    name = "aesthetics"
    version = 1
    scores = ("score",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        config = self.config
        weight, bias = linear_head(config.head)
        vector = embed(picture_of(record), config.embedder, config.revision, config.device)
        if weight.shape != vector.shape:
            raise WeightsError(
                f"the head {config.head} takes {weight.size} dimensions, but {config.embedder} gives {vector.size}: "
                "give the head that was trained on this embedder"
            )
        return Measured({"score": float(weight @ vector) + bias})


# --- abnormal elements ------------------------------------------------------------------------------


@dataclass(frozen=True)
class CodesConfig:
    """Which codes are looked for.

    Args:
        formats: zxing-cpp's names; () for all that it reads.

    Raises:
        ConfigError: a name that it does not know.
    """

    formats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """See the class."""
        for name in self.formats:
            try:
                zxingcpp.barcode_format_from_str(name)
            except ValueError as error:
                raise ConfigError(
                    f"zxing-cpp reads no code named {name!r}; it knows QRCode, EAN13, Code128, ..."
                ) from error


@dataclass(frozen=True)
class Codes:
    """QR codes, bar codes and their kin, in any turn, light on dark too. Only those that can be read are counted."""

    config: CodesConfig = CodesConfig()
    name = "codes"
    version = 1
    scores = ("count", "share")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        picture = picture_of(record)
        found = self._read(picture)
        height, width = picture.shape[:2]
        corners = [[(point.x, point.y) for point in _corners(code.position)] for code in found]
        share = min(1.0, sum(map(_area, corners)) / (height * width))
        seen: list[Json] = [
            {"format": str(code.format), "corners": [list(corner) for corner in four]}
            for code, four in zip(found, corners, strict=True)
        ]
        return Measured({"count": float(len(found)), "share": share}, {"codes": seen} if seen else {})

    def _read(self, picture: Pixels) -> list[Any]:
        grey = to_grey(picture)
        if not self.config.formats:
            return list(zxingcpp.read_barcodes(grey))
        return list(
            zxingcpp.read_barcodes(grey, formats=zxingcpp.barcode_formats_from_str(",".join(self.config.formats)))
        )


def _corners(position: Any) -> tuple[Any, Any, Any, Any]:
    return position.top_left, position.top_right, position.bottom_right, position.bottom_left


def _area(corners: list[tuple[int, int]]) -> float:
    following = [*corners[1:], corners[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(corners, following, strict=True))) / 2


@dataclass(frozen=True)
class WatermarkConfig:
    """How the reader of text looks.

    Args:
        small: pixels of the longer side at which a picture is read a second time, for words as large as itself.
    """

    small: int = 192


@dataclass(frozen=True)
class Watermark:
    """Marks that can be read: tiled, aslant, across the picture, signatures."""

    config: WatermarkConfig = field(default_factory=WatermarkConfig)
    name = "watermark"
    version = 1
    scores = ("repeated", "aslant", "across", "signed", "faint")

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        picture = picture_of(record)
        marks = find_marks(picture, read_twice(Image.fromarray(picture), self.config.small))
        values = {name: float(getattr(marks, name)) for name in self.scores}
        return Measured(values, {"texts": list(marks.texts[:20])} if marks.texts else {})


def read_twice(picture: Image.Image, small: int) -> list[Line]:
    """The lines of a picture at full size and, where it is larger, at `small` pixels; boxes in the picture's pixels."""
    lines = _reader().read(picture)
    ratio = max(picture.size) / small
    if ratio <= 1:
        return lines
    size = (max(1, round(picture.width / ratio)), max(1, round(picture.height / ratio)))
    again = _reader().read(picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0))
    across, down = picture.width / size[0], picture.height / size[1]
    for line in again:
        left, top, right, bottom = line.box
        box = (int(left * across), int(top * down), int(right * across), int(bottom * down))
        lines.append(Line(line.text, box, line.score))
    return lines


@cache
def _reader() -> OCR:
    return OCR()


@dataclass(frozen=True)
class WatermarkClassifierConfig:
    """Which published detector judges.

    Args:
        model: folder or hub id of a picture classifier.
        label: the label whose probability is the score.
        revision: of the model on the hub.
        device: where torch computes.
    """

    model: str = "amrul-hzz/watermark_detector"
    label: str = "watermark"
    revision: str = ""
    device: str = "cpu"


@dataclass(frozen=True)
class WatermarkClassifier:
    """The probability that a published picture classifier gives to one of its labels."""

    config: WatermarkClassifierConfig = WatermarkClassifierConfig()
    name = "watermark_classifier"
    version = 1
    scores = ("probability",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        config = self.config
        known = labels_of(config.model, config.revision, config.device)
        if config.label not in known:
            raise ConfigError(f"{config.model!r} has no label {config.label!r}; it has {', '.join(known)}")
        shares = classify(picture_of(record), config.model, config.revision, config.device)
        return Measured({"probability": shares[config.label]})


OPERATORS: Mapping[str, type[Operator]] = {
    "resolution": Resolution,
    "image_quality": ImageQuality,
    "aesthetics": Aesthetics,
    "codes": Codes,
    "watermark": Watermark,
    "watermark_classifier": WatermarkClassifier,
}
