"""A picture of a text on a thing in a scene (report section 3.4, compositional rendering in contextual scenes).

The text is printed, painted, carved, stitched or lit on a thing before any light falls on it; then everything is
lit and seen through one camera. The outcome says where the text is, how much of a letter is hidden, and how it
stands out in the finished picture; a scene whose text cannot be read is refused with the reason.
This module does not know files of pictures, shards, or pictures of the user's (see `photo.py`).
H W: rows and columns.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph
from hanmo.data.synthesize.inking import Type
from hanmo.data.synthesize.layout import Design
from hanmo.data.synthesize.paragraph import NoRoom
from hanmo.data.synthesize.passages import Passage
from hanmo.data.synthesize.scenes import backdrops, props, staging
from hanmo.data.synthesize.scenes.camera import Camera, Plane
from hanmo.data.synthesize.scenes.captions import Facts, chinese, english
from hanmo.data.synthesize.scenes.lights import MOODS, light_of, pattern_of
from hanmo.data.synthesize.scenes.measure import Quad, contrast, hidden, in_parts, quad_of
from hanmo.data.synthesize.scenes.render import Layer, Thing, developed, layers, stacked
from hanmo.data.synthesize.scenes.style import SceneConfig, SceneStyle, choose_scene
from hanmo.data.synthesize.scenes.surface import Colors, linear
from hanmo.data.synthesize.scenes.writing import Written, write
from hanmo.errors import RequestError

_OVERSAMPLE = 1.5
_SHOWN = 0.002  # the share of the picture from which on a prop is worth a word
_BACKDROPS = {
    "night": backdrops.night,
    "park": backdrops.park,
    "room": backdrops.room,
    "sky": backdrops.sky,
    "sea": backdrops.sea,
}
_PROPS: dict[str, props.Prop] = {
    "leaves": props.leaves,
    "pen": props.pen,
    "pencil": props.pencil,
    "cable": props.cable,
    "coin": props.coin,
    "finger": props.finger,
}


@dataclass(frozen=True)
class SceneLine:
    """One line as it was written (a column, if vertical): its exact text and where it is seen."""

    text: str
    quad: Quad


@dataclass(frozen=True)
class Scene:
    """A picture and what is written where in it.

    Attributes:
        picture: RGB.
        quad: Around all of the text: upper left, upper right, lower right, lower left as one reads it, in pixels.
        lines: In reading order, the title's first.
        title: As written; empty where there is none.
        body: As written: one text, or several that each begin a new line.
        where_en: What the text stands on, and where that is.
        where_zh: The same in Chinese.
        caption_en: Quotes title and body verbatim, tells the thing, its place, how it is written, the light.
        caption_zh: The same in Chinese.
        style: Everything that was chosen.
        contrast: The lowest ratio of luminance between letters and what surrounds them in the picture, 1 to 21.
        hidden: The largest share of any letter that something hides, 0 to 1.
        left_out: How many sentences of the passage did not fit and were cut.
    """

    picture: Image.Image
    quad: Quad
    lines: tuple[SceneLine, ...]
    title: str
    body: tuple[str, ...]
    where_en: str
    where_zh: str
    caption_en: str
    caption_zh: str
    style: SceneStyle
    contrast: float
    hidden: float
    left_out: int


@dataclass(frozen=True)
class Illegible:
    """The outcome of a scene whose text does not stand out: the ratio that it reached and the one that was asked."""

    text: str
    contrast: float
    readable: float

    def __str__(self) -> str:
        """One line for a rejects table."""
        return f"{self.text!r} stands out by {self.contrast:.2f} in places, less than {self.readable}; it was dropped"


Outcome = Scene | MissingGlyph | NoRoom | Illegible


def sample_scene(
    rng: random.Random, passages: Sequence[Passage], faces: Sequence[FontFace], config: SceneConfig | None = None
) -> Outcome:
    """A scene with one of `passages` in one of `faces`, or why there is none.

    A look that leaves no room, or in which the text cannot be read, is drawn anew, `config.tries` times at most.

    Raises:
        RequestError: No passage, no face for the passage's script, or Pillow lacks libraqm.
    """
    config = config or SceneConfig()
    if not passages:
        raise RequestError("there is no passage to write; give one at least")
    passage = rng.choice(passages)
    outcome: Outcome | None = None
    for _ in range(config.tries):
        outcome = draw_scene(passage, choose_scene(rng, passage, faces, config), config)
        if isinstance(outcome, Scene | MissingGlyph):
            break
    if outcome is None:
        raise ValueError(config)  # a fault of ours: the config allows one try at least
    return outcome


def draw_scene(passage: Passage, style: SceneStyle, config: SceneConfig | None = None) -> Outcome:
    """The picture of `passage` in `style`.

    Raises:
        RequestError: Pillow was built without libraqm, which shapes the text.
    """
    config = config or SceneConfig()
    wide, tall = (round(size * _OVERSAMPLE) for size in (config.width, config.height))
    camera, plane = staging.camera_and_plane(style, wide, tall)
    area = staging.blank(plane)
    written = _written(passage, style, area, config)
    if not isinstance(written, Written):
        return written or NoRoom(passage.sentences[0], area[1], area[0])
    if style.place == "itself":
        full = staging.visible(camera, plane, plane.unit)
        written, plane = _onto(written, plane, full), full
    noise = np.random.default_rng([style.seed, 2])
    face = staging.carried(noise, style, plane)
    face = style.way.mark(
        np.random.default_rng([style.seed, 3]), face, written.ink, float(written.size), linear(style.ink.rgb)
    )
    thing = staging.as_thing(style, plane, face)
    fixed = staging.before(noise, style, plane)
    laid, share = _laid(style, camera, plane, written, fixed, config)
    back = staging.behind(noise, style, camera, plane)
    picture, seen = _seen(style, camera, [*back, thing, *fixed, *laid.values()])
    place = seen[len(back)].place
    # A caption tells only of what is within the picture.
    shown = tuple(
        name for name, layer in zip(laid, seen[len(seen) - len(laid) :], strict=True) if layer.alpha.mean() > _SHOWN
    )
    finish = np.random.default_rng([style.seed, 5])
    pixels = developed(
        finish, picture, config.width, config.height, finish.uniform(0.003, 0.011), finish.uniform(0.1, 0.3), 0.5
    )
    ratio = contrast(pixels, written.ink, in_parts(written.lines, max(2, written.size // 12)), place, 1 / _OVERSAMPLE)
    if ratio < config.readable:
        return Illegible(" ".join(written.body), ratio, config.readable)
    facts = Facts(
        written.title,
        written.body,
        style,
        shown,
        len(written.lines),
        share,
    )
    pad = max(2, written.size // 16)
    boxes = [(box[0] - pad, box[1] - pad, box[2] + pad, box[3] + pad) for _, box in written.lines]
    whole = tuple(
        function(column) for function, column in zip((min, min, max, max), zip(*boxes, strict=True), strict=True)
    )
    scale = 1 / _OVERSAMPLE
    where_en, caption_en = english(facts)
    where_zh, caption_zh = chinese(facts)
    return Scene(
        picture=Image.fromarray(pixels),
        quad=quad_of(camera, plane, (whole[0], whole[1], whole[2], whole[3]), face.bulge, scale),
        lines=tuple(
            SceneLine(text, quad_of(camera, plane, box, face.bulge, scale))
            for (text, _), box in zip(written.lines, boxes, strict=True)
        ),
        title=written.title,
        body=written.body,
        where_en=where_en,
        where_zh=where_zh,
        caption_en=caption_en,
        caption_zh=caption_zh,
        style=style,
        contrast=ratio,
        hidden=share,
        left_out=written.left_out,
    )


def _written(
    passage: Passage, style: SceneStyle, area: tuple[int, int], config: SceneConfig
) -> Written | MissingGlyph | None:
    rows, columns = area
    border = {"frame": 0.035, "bezel": 0.022, "screws": 0.02}.get(style.fitting, 0.0)
    unit = min(round(config.width * _OVERSAMPLE), round(config.height * _OVERSAMPLE))
    margin = round(min(rows, columns) * (style.margin + 0.05 * style.border) + border * unit)
    design = Design(
        width=columns,
        height=rows,
        margin=margin,
        align=style.align,
        vertical=style.vertical,
        leading=1.55 if passage.script == "zh" else 1.34,
        title_scale=1.5,
        middle=style.align == "centre" or style.seed % 2 == 0,
    )
    type_ = Type(style.face, style.title_face, design)
    sizes = (round(config.smallest * _OVERSAMPLE), round(min(rows, columns) * (0.6 if style.stacked else 0.11)))
    return write(passage, type_, sizes, title=style.title, stacked=style.stacked)


def _onto(written: Written, small: Plane, full: Plane) -> Written:
    """The text of a small plane on the full one that contains it."""
    rows, columns = staging.blank(full)
    corner = small.points(np.zeros((1, 2), np.float32))[0] - full.origin
    left = round((float(corner @ full.right) + full.width / 2) * full.unit)
    top = round((float(corner @ full.down) + full.height / 2) * full.unit)
    ink = np.zeros((rows, columns), np.float32)
    high, wide = written.ink.shape
    ink[top : top + high, left : left + wide] = written.ink[: rows - top, : columns - left]

    def moved(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        return box[0] + left, box[1] + top, box[2] + left, box[3] + top

    return replace(
        written,
        ink=ink,
        lines=tuple((text, moved(box)) for text, box in written.lines),
        letters=tuple(map(moved, written.letters)),
    )


def _laid(
    style: SceneStyle, camera: Camera, plane: Plane, written: Written, fixed: list[Thing], config: SceneConfig
) -> tuple[dict[str, Thing], float]:
    """The props where they hide no letter more than is allowed, and how much everything in front does hide."""
    noise = np.random.default_rng([style.seed, 4])
    kept: dict[str, Thing] = {}
    for name in style.props:
        face = _PROPS[name](noise, plane.unit)
        for _ in range(6):
            candidate = staging.prop(noise, name, face, style, plane)
            if hidden(camera, plane, written.ink, written.letters, [*kept.values(), candidate]) <= config.hide:
                kept[name] = candidate
                break
    return kept, hidden(camera, plane, written.ink, written.letters, [*fixed, *kept.values()])


def _seen(style: SceneStyle, camera: Camera, things: list[Thing]) -> tuple[Colors, list[Layer]]:
    """The scene before it is developed, and each thing as it is seen."""
    noise = np.random.default_rng([style.seed, 6])
    mood = MOODS[style.mood]
    light = light_of(noise, mood)
    side = min(camera.width, camera.height)
    seen = layers(camera, things, light, pattern_of(noise, mood, light), side * noise.uniform(0.01, 0.02))
    far = np.zeros((camera.height, camera.width, 3), np.float32)
    if style.backdrop:
        dim = 0.5 if style.backdrop == "night" else 0.75
        far = _BACKDROPS[style.backdrop](noise, camera.height, camera.width)
        far = (far * (dim + 0.4 * (light.lamp + light.sky) * (style.backdrop != "night"))).astype(np.float32)
    # Exposed for what is there, not for what is written on it.
    falling = light.sky + light.lamp * np.float32(0.45 if mood.pattern else 0.7)
    tints = [style.tint, style.ink, *([style.ground_tint] if style.ground_tint else [])]
    thrown = np.mean([linear(tint.rgb) for tint in tints], axis=0) + 0.08
    gain = np.float32(np.clip(1.15 * mood.key / float((falling * thrown).mean()), 0.6, 1.45))
    return stacked(far, seen) * gain, seen
