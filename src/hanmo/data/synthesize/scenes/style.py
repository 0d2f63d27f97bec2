"""Which scene a text gets (report section 3.4, compositional rendering): every choice, from one generator.

This module does not know pixels or captions. Sizes are shares of the picture's short side, angles are degrees.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hanmo.data.synthesize.coverage import FontFace, bold_sibling
from hanmo.data.synthesize.grounds import Color, luminance
from hanmo.data.synthesize.paragraph_style import can_stand, choose_face
from hanmo.data.synthesize.passages import VERSE, Passage
from hanmo.data.synthesize.scenes.lights import MOODS
from hanmo.data.synthesize.scenes.places import PINBOARDS, TABLES, WALLS, Ground
from hanmo.data.synthesize.scenes.stock import CARRIERS, Carrier
from hanmo.data.synthesize.scenes.ways import Way
from hanmo.errors import ConfigError

_FEW = {"en": 90, "zh": 34}  # characters that a sign takes
_AFTER_DARK = ("lamp", "night")
_OUTDOORS = ("park", "sky", "sea")
_OFTEN = {"window": 3, "leaves": 3, "sun": 2, "blinds": 2, "lamp": 2}  # light that tells of a place
_INK_CONTRAST = 3.0


@dataclass(frozen=True)
class SceneConfig:
    """What scenes look like.

    Attributes:
        width: of the picture, pixels, 256 to 1328.
        height: of the picture, pixels, 256 to 1328.
        smallest: letters are set no smaller, pixels per em before perspective, 10 to 64.
        slant: how far the camera may stand aside, degrees, 0 to 50.
        props: the share of scenes with leaves, pens and the like, which may hide a part.
        hide: how much of a letter they may hide, 0 to 1; they are moved or left out before they hide more.
        readable: the least ratio of luminance between letters and what surrounds them, 1.2 to 21, measured in the
            finished picture in every part of every line.
        tries: how many looks are tried before a scene is given up, 1 to 20.
    """

    width: int = 512
    height: int = 512
    smallest: int = 16
    slant: float = 34.0
    props: float = 0.55
    hide: float = 0.1
    readable: float = 1.8
    tries: int = 4

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        for key, least, most in (
            ("width", 256, 1328),
            ("height", 256, 1328),
            ("smallest", 10, 64),
            ("slant", 0.0, 50.0),
            ("props", 0.0, 1.0),
            ("hide", 0.0, 1.0),
            ("readable", 1.2, 21.0),
            ("tries", 1, 20),
        ):
            if not least <= getattr(self, key) <= most:
                raise ConfigError(f"scenes.{key} is {getattr(self, key)}; it must lie between {least} and {most}")


@dataclass(frozen=True)
class SceneStyle:
    """The look of one scene.

    Attributes:
        face: of the text.
        title_face: of its title.
        carrier: The thing that carries the text, a key of `stock.CARRIERS`.
        tint: Its colour.
        way: How the text is written on it.
        ink: In which colour.
        place: "wall", "table", "stand" or "itself".
        fitting: How it is held or bordered.
        ground: What is behind or under it; None outdoors and for a wall that carries the text itself.
        ground_tint: The colour of that.
        backdrop: What is far behind, a name of a function in `backdrops.py`; empty where nothing is.
        mood: The light, a key of `lights.MOODS`.
        props: What lies about.
        yaw: of the camera.
        pitch: of the camera.
        roll: of the camera.
        focal: of the camera.
        turn: By how much the thing is turned in its plane.
        cover: How much of the picture the thing takes.
        ratio: Its width over its height.
        margin: What stays free around the text, a share of the thing's shorter side.
        border: Whether a line runs along the thing's edge.
        align: of the text.
        vertical: Whether the text stands in columns.
        title: Whether the passage's title is written.
        stacked: Whether each sentence begins a new line.
        seed: of everything that is noise.
        wording: Which of the captions' wordings is taken.
    """

    face: FontFace
    title_face: FontFace
    carrier: str
    tint: Color
    way: Way
    ink: Color
    place: str
    fitting: str
    ground: Ground | None
    ground_tint: Color | None
    backdrop: str
    mood: str
    props: tuple[str, ...]
    yaw: float
    pitch: float
    roll: float
    focal: float
    turn: float
    cover: float
    ratio: float
    margin: float
    border: bool
    align: str
    vertical: bool
    title: bool
    stacked: bool
    seed: int
    wording: int


def choose_scene(rng: random.Random, passage: Passage, faces: Sequence[FontFace], config: SceneConfig) -> SceneStyle:
    """A look for `passage`.

    Raises:
        RequestError: None of `faces` is made for the passage's script.
    """
    length = sum(map(len, passage.sentences))
    few = length <= _FEW[passage.script]
    name = rng.choice([key for key, one in CARRIERS.items() if few or one.long])
    carrier = CARRIERS[name]
    face = choose_face(rng, passage, faces)
    if few and not carrier.long:
        # Tubes are thin; most signs are not.
        face = bold_sibling(face, tuple(faces)) if name != "neon" and rng.random() < 0.75 else face
    tint, way, ink = _colors(rng, carrier)
    place = rng.choice(carrier.places)
    fitting = rng.choice([one for one in carrier.fittings if _fits(one, place)])
    moods = carrier.moods or tuple(key for key in MOODS if key not in ("night", "blinds" if place == "stand" else ""))
    mood = rng.choices(moods, [_OFTEN.get(one, 1) for one in moods])[0]
    ground, backdrop = _surroundings(rng, name, place, fitting, mood)
    slant = config.slant
    yaw = rng.uniform(-slant, slant)
    pitch = rng.uniform(-0.35, 0.3) * slant
    if place == "table":
        yaw, pitch = rng.uniform(-0.5, 0.5) * slant, rng.uniform(0.15, 1.0) * slant
    elif place == "stand":
        pitch = rng.uniform(-0.4, -0.12) * slant if ground else rng.uniform(-0.1, 0.35) * slant
    stands = passage.script == "zh" and all(map(can_stand, (*passage.sentences, passage.title)))
    ratio = rng.uniform(*carrier.ratio)
    return SceneStyle(
        face=face,
        title_face=bold_sibling(face, tuple(faces)),
        carrier=name,
        tint=tint,
        way=way,
        ink=ink,
        place=place,
        fitting=fitting,
        ground=ground,
        ground_tint=_apart(rng, ground, tint) if ground else None,
        backdrop=backdrop,
        mood=mood,
        props=_props(rng, name, place, config),
        yaw=yaw,
        pitch=pitch,
        roll=rng.gauss(0.0, 1.2),
        focal=rng.uniform(1.3, 2.4),
        turn=rng.uniform(-12.0, 12.0) if place == "table" else rng.gauss(0.0, 0.6) if place == "wall" else 0.0,
        cover=rng.uniform(0.74, 0.98),
        ratio=ratio,
        margin=carrier.margin * rng.uniform(0.6, 1.0),
        border=carrier.border and fitting in ("", "screws", "rod") and rng.random() < 0.5,
        align="left" if length > _FEW[passage.script] else rng.choice(("centre", "centre", "centre", "left")),
        vertical=stands and ratio < 1.5 and rng.random() < 0.3,
        title=bool(passage.title) and (carrier.long or not few) and rng.random() < 0.7,
        stacked=few or passage.kind == VERSE,
        seed=rng.getrandbits(32),
        wording=rng.getrandbits(16),
    )


def contrast(first: Color, second: Color) -> float:
    """The ratio of luminance of two colours, 1 to 21."""
    low, high = sorted(float(one) for one in luminance(np.array([first.rgb, second.rgb], np.uint8)))
    return (high + 0.05) / (low + 0.05)


def _colors(rng: random.Random, carrier: Carrier) -> tuple[Color, Way, Color]:
    """The thing's colour, a way to write on it, and an ink that stands out from it."""
    pairs = [
        (tint, way, ink)
        for tint in carrier.tints
        for way in carrier.ways
        for ink in way.inks
        if contrast(tint, ink) >= _INK_CONTRAST and tint.en != ink.en
    ]
    tint = rng.choice(sorted({one[0] for one in pairs}, key=lambda color: color.en))
    way = rng.choice([way for way in carrier.ways if any(one[:2] == (tint, way) for one in pairs)])
    return tint, way, rng.choice([one[2] for one in pairs if one[:2] == (tint, way)])


def _apart(rng: random.Random, ground: Ground, tint: Color) -> Color:
    """A colour of the ground that is not the thing's own, where there is one."""
    return rng.choice([one for one in ground.tints if contrast(one, tint) >= 1.3] or ground.tints)


def _fits(fitting: str, place: str) -> bool:
    match fitting:
        case "posts":
            return place == "stand"
        case "pins":
            return place == "wall"
        case _:
            return True


def _surroundings(rng: random.Random, name: str, place: str, fitting: str, mood: str) -> tuple[Ground | None, str]:
    match place:
        case "itself":
            return None, ""
        case "wall":
            return rng.choice(PINBOARDS if fitting == "pins" else WALLS), ""
        case "table":
            return rng.choice(TABLES), ""
        case _ if fitting == "posts" or name == "enamel":
            return None, "night" if mood in _AFTER_DARK else rng.choice(_OUTDOORS)
        case _:
            return rng.choice((*TABLES[:2], *TABLES[:2], TABLES[2])), "night" if mood == "night" else rng.choice(
                ("room", "night")
            ) if mood == "lamp" else "room"


def _props(rng: random.Random, name: str, place: str, config: SceneConfig) -> tuple[str, ...]:
    if rng.random() >= config.props:
        return ()
    match place:
        case "table":
            stock: tuple[str, ...] = ("pen", "pencil", "leaves", "cable", "coin")
            if name in ("paper", "card", "crumpled"):
                stock += ("finger",)
            return tuple(rng.sample(stock, rng.choice((1, 1, 2))))
        case "wall" | "itself":
            return (rng.choice(("leaves", "leaves", "cable")),)
        case _:
            return ("leaves",)
