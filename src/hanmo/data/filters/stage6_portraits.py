"""Stage 6 as operators: portraits and categories (report section 3.2: rebalancing, portrait captions, mosaic and blur).

    faces             count 0...              faces that YuNet finds
                      largest 0 ... 1         the largest one's share of the picture
                      sharpness 0 ... 1       of the face that is least sharp against the rest; 1 without a face
                      mosaic 0 ... 1          of the face that is most on a grid; 0 without a face
    category          portrait, text, general   1 for the one that it is, 0 for the others
    portrait_caption  described 0 ... 1       how much the best caption says of the person; 1 without one

`category` and `portrait_caption` read what operators of earlier stages found, so they stand in a stage after `faces`
(an operator never sees its neighbours of the same stage). Filling thin categories is `hanmo.data.retrieval`. It does
not know who somebody is, and keeps nothing by which a person could be recognised: boxes and shares only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hanmo.data.filters.category import CategoryConfig, category_of, describes_person
from hanmo.data.filters.faces import Face, find_faces, mosaic, sharpness_ratio
from hanmo.data.filters.quality import to_grey
from hanmo.data.look import picture_of
from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Record
from hanmo.errors import ConfigError

_BESIDE = 0.25
"""Share of the largest face's area from which another face is looked at: those far behind are soft by nature."""


@dataclass(frozen=True)
class FacesConfig:
    """How faces are found.

    Args:
        model: YuNet as a file, a folder or a hub id.
        score: of the detector, from which something is a face; between 0 and 1.
        longest: pixels of the longer side at which is looked.

    Raises:
        ConfigError: a score or a side out of range.
    """

    model: str = "opencv/face_detection_yunet"
    score: float = 0.7
    longest: int = 640

    def __post_init__(self) -> None:
        """See the class."""
        if not 0 < self.score < 1:
            raise ConfigError(f"the detector's score is {self.score}; it must lie between 0 and 1")
        if self.longest < 64:
            raise ConfigError(f"faces are looked for at {self.longest} pixels; give 64 or more")


@dataclass(frozen=True)
class Faces:
    """How many faces there are, how large, and whether one was made unrecognisable."""

    config: FacesConfig = field(default_factory=FacesConfig)
    name = "faces"
    version = 1
    scores = ("count", "largest", "sharpness", "mosaic")

    def measure(self, record: Record) -> Measured:
        """See `Operator`. Metadata: the boxes, largest face first."""
        picture = picture_of(record)
        faces = find_faces(picture, self.config.model, self.config.score, self.config.longest)
        if not faces:
            return Measured({"count": 0.0, "largest": 0.0, "sharpness": 1.0, "mosaic": 0.0})
        grey = to_grey(picture)
        near = [face.box for face in faces if _area(face) >= _BESIDE * _area(faces[0])]
        return Measured(
            {
                "count": float(len(faces)),
                "largest": _area(faces[0]) / grey.size,
                "sharpness": min(sharpness_ratio(grey, box) for box in near),
                "mosaic": max(mosaic(grey, box) for box in near),
            },
            {"boxes": [list(face.box) for face in faces]},
        )


@dataclass(frozen=True)
class Categories:
    """General, portrait or text rendering."""

    config: CategoryConfig = field(default_factory=CategoryConfig)
    name = "category"
    version = 1
    scores = ("general", "portrait", "text")

    def measure(self, record: Record) -> Measured:
        """See `Operator`. Metadata: the category and by what it is known."""
        known = category_of(record, self.config)
        values = {name: float(name == known.category) for name in self.scores}
        return Measured(values, {"category": known.category, "by": known.by})


@dataclass(frozen=True)
class PortraitCaption:
    """How much the best of a record's captions says of the person; a record that is no portrait has none."""

    config: CategoryConfig = field(default_factory=CategoryConfig)
    name = "portrait_caption"
    version = 1
    scores = ("described",)

    def measure(self, record: Record) -> Measured:
        """See `Operator`."""
        if category_of(record, self.config).category != "portrait":
            return Measured({"described": 1.0})
        return Measured({"described": max((describes_person(c.text) for c in record.captions), default=0.0)})


def _area(face: Face) -> int:
    left, top, right, bottom = face.box
    return (right - left) * (bottom - top)


OPERATORS: Mapping[str, type[Operator]] = {
    "faces": Faces,
    "category": Categories,
    "portrait_caption": PortraitCaption,
}
