"""Scenes of objects and letters, drawn before and after an edit (report section 3.4 and section 4.2, editing).

A scene is a ground, things in some of its slots, and perhaps a line of text. Two scenes that share a part share the
very object (`is`), and that is how `changed` knows the mask: the pixels that a changed part covers in either picture,
its shadow included; of a ground, the pixels that nothing hides wholly. White (True) is changed. Outside, both
pictures are the same byte for byte, since `sprites.lay` writes nowhere else. It does not know words or chance.
H W: rows and columns of a picture. Colours are 0-255; lengths are pixels unless they are called shares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont

from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.grounds import RGB
from hanmo.data.synthesize.scene_grounds import Ground, paint_ground
from hanmo.data.synthesize.sprites import Cutout, Layer, covered, fitted, lay, shadow

Pixels = UInt8[np.ndarray, "H W 3"]
Mask = Bool[np.ndarray, "H W"]


@dataclass(frozen=True)
class Slot:
    """A place for one thing.

    Attributes:
        name: its key in `PLACES` of `scene_words`.
        x: its middle, a share of the picture's width.
        y: its middle, a share of the room that the text leaves.
    """

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """Slots that go together, and the side of the square that each has, as a share of the picture's smaller side."""

    slots: tuple[Slot, ...]
    side: float


LAYOUTS: Mapping[str, Layout] = {
    "two": Layout((Slot("left", 0.28, 0.5), Slot("right", 0.72, 0.5)), 0.40),
    "three": Layout((Slot("left", 0.19, 0.5), Slot("middle", 0.5, 0.5), Slot("right", 0.81, 0.5)), 0.30),
    "four": Layout(
        (
            Slot("top left", 0.28, 0.28),
            Slot("top right", 0.72, 0.28),
            Slot("bottom left", 0.28, 0.75),
            Slot("bottom right", 0.72, 0.75),
        ),
        0.33,
    ),
    "six": Layout(
        (
            Slot("top left", 0.19, 0.28),
            Slot("top middle", 0.5, 0.28),
            Slot("top right", 0.81, 0.28),
            Slot("bottom left", 0.19, 0.74),
            Slot("bottom middle", 0.5, 0.74),
            Slot("bottom right", 0.81, 0.74),
        ),
        0.27,
    ),
}


@dataclass(frozen=True, eq=False)
class Look:
    """What a thing is, and its picture.

    Attributes:
        key: what it is, the same in every style: "star", or a code point.
        en: its English name.
        counter: its Chinese counting word.
        zh: its Chinese name.
        color: a key of `colors.COLORS`; "" where the picture has colours of its own.
        tone: its mean colour, by which grounds are chosen.
        style: a key of `scene_words.STYLES`.
        cutout: the picture.
        licence: an SPDX identifier.
        attribution: whom to name; "" for nobody.
    """

    key: str
    en: str
    counter: str
    zh: str
    color: str
    tone: RGB
    style: str
    cutout: Cutout
    licence: str
    attribution: str = ""


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing in its slot.

    Attributes:
        look: what it is.
        slot: where it is.
        scale: its size as a share of the slot's, 0 to 1.
        shift: by how much it is off the middle, across and down, as shares of the slot's side.
    """

    look: Look
    slot: Slot
    scale: float
    shift: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Lettering:
    """A line of text above or below the things.

    Attributes:
        text: what is written.
        color: a key of `colors.COLORS`, or any name.
        rgb: the colour.
        font: "sans" or "serif".
        top: whether it stands above.
    """

    text: str
    color: str
    rgb: RGB
    font: str
    top: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """A ground, things, and perhaps a text.

    Attributes:
        width: pixels.
        height: pixels.
        ground: what it stands on.
        layout: a key of `LAYOUTS`.
        things: at most one for each slot.
        lettering: the text, or None.
    """

    width: int
    height: int
    ground: Ground
    layout: str
    things: tuple[Thing, ...]
    lettering: Lettering | None = None


BAND = 0.26
"""Share of the picture's height that a text takes."""


def draw_scene(scene: Scene) -> Pixels:
    """The picture of a scene."""
    picture = paint_ground(scene.ground, scene.width, scene.height)
    for layer in _layers(scene, scene.things, scene.lettering):
        lay(picture, layer)
    return picture


def changed(source: Scene, target: Scene) -> Mask:
    """Where two scenes of one size differ: see the head of this file."""
    shape = (source.height, source.width)
    mask: Mask = np.zeros(shape, dtype=bool)
    if source.ground != target.ground:
        hidden = [covered(shape, _layers(one, one.things, one.lettering), 255) for one in (source, target)]
        mask = ~(hidden[0] & hidden[1])
    own, other = _apart(source, target), _apart(target, source)
    # Of a thing that only changes its colour, the shadow stays: the same layer is no change.
    layers = [layer for layer in own if not any(_same(layer, one) for one in other)]
    layers += [layer for layer in other if not any(_same(layer, one) for one in own)]
    mask |= covered(shape, tuple(layers))
    return mask


def _apart(one: Scene, other: Scene) -> tuple[Layer, ...]:
    """The layers of those parts of a scene that another does not have."""
    things = tuple(thing for thing in one.things if not any(thing is same for same in other.things))
    return _layers(one, things, None if one.lettering is other.lettering else one.lettering)


def _same(one: Layer, other: Layer) -> bool:
    return (one.x, one.y) == (other.x, other.y) and np.array_equal(one.cutout, other.cutout)


def _layers(scene: Scene, things: tuple[Thing, ...], lettering: Lettering | None) -> tuple[Layer, ...]:
    """Some parts of a scene, where they stand in it: for each thing its shadow and itself, then the text."""
    layers: list[Layer] = []
    for thing in things:
        layers.extend(_thing(scene, thing))
    if lettering is not None:
        layers.append(_text(scene, lettering))
    return tuple(layers)


def _thing(scene: Scene, thing: Thing) -> tuple[Layer, Layer]:
    slot = LAYOUTS[scene.layout].side * min(scene.width, scene.height)
    cutout = fitted(thing.look.cutout, max(4, round(slot * thing.scale)))
    high, wide = cutout.shape[:2]
    above = BAND if scene.lettering is not None and scene.lettering.top else 0.0
    room = 1.0 - (BAND if scene.lettering is not None else 0.0)
    x = round(thing.slot.x * scene.width + thing.shift[0] * slot - wide / 2)
    y = round((above + thing.slot.y * room) * scene.height + thing.shift[1] * slot - high / 2)
    dark, border = shadow(cutout, slot * 0.045, 0.30)
    return Layer(dark, x - border, y - border + max(1, round(slot * 0.055))), Layer(cutout, x, y)


def _text(scene: Scene, lettering: Lettering) -> Layer:
    wide, high = round(scene.width * 0.84), round(scene.height * BAND * 0.62)
    ink = _ink(lettering.text, lettering.font, high * 4)
    scale = min(wide / ink.width, high / ink.height)
    ink = ink.resize((max(1, round(ink.width * scale)), max(1, round(ink.height * scale))), Image.Resampling.LANCZOS)
    cutout = np.zeros((ink.height, ink.width, 4), dtype=np.uint8)
    cutout[:, :, :3] = lettering.rgb
    cutout[:, :, 3] = np.asarray(ink)
    middle = scene.height * (BAND * 0.54 if lettering.top else 1.0 - BAND * 0.54)
    return Layer(cutout, (scene.width - ink.width) // 2, round(middle - ink.height / 2))


@cache
def _ink(text: str, font: str, size: int) -> Image.Image:
    """The letters, white on black, cut to the line's height so that words without tails are not larger."""
    face = FACES["zh", font]  # one design for both scripts
    path = font_path("zh", font)
    letters = ImageFont.truetype(str(path), size, index=face.index if path.suffix.lower() == ".ttc" else 0)
    left, top, right, bottom = (int(v) for v in letters.getbbox(text, anchor="ls"))
    _, over, _, under = (int(v) for v in letters.getbbox("H国", anchor="ls"))
    top, bottom = min(top, over), max(bottom, under)
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=letters, anchor="ls")
    return image
