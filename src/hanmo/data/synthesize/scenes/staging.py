"""From a style to things in space (report section 3.4, compositional rendering).

    camera_and_plane   where the viewer stands, where the thing that carries the text is
    carried            the thing's face with its frame or screws, before anything is written on it
    behind, before     what is around it: the wall, the table, posts, a stand; pins, tape, leaves, pens

This module does not know texts. Lengths in space are shares of the picture's short side. H W: rows, columns.
"""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin

import numpy as np

from hanmo.data.synthesize.scenes import boards, props
from hanmo.data.synthesize.scenes.camera import Camera, Plane, Vector, vector
from hanmo.data.synthesize.scenes.noise import Map, edges, step
from hanmo.data.synthesize.scenes.render import Thing
from hanmo.data.synthesize.scenes.stock import CARRIERS
from hanmo.data.synthesize.scenes.style import SceneStyle
from hanmo.data.synthesize.scenes.surface import Surface, linear, plain

_REACH = 3.5  # walls and tables are built no farther than this from the middle
_THICK = {
    "sign": 0.03,
    "plank": 0.035,
    "painted": 0.03,
    "stone": 0.05,
    "book": 0.05,
    "blackboard": 0.025,
    "screen": 0.025,
    "tablet": 0.014,
    "display": 0.05,
    "plate": 0.008,
    "enamel": 0.006,
    "label": 0.01,
}


def camera_and_plane(style: SceneStyle, width: int, height: int) -> tuple[Camera, Plane]:
    """The view, and the plane of the thing that carries the text, as large as fits the picture."""
    side = min(width, height)
    wide = min(width * style.cover, height * style.cover * style.ratio) / side
    for _ in range(40):
        plane = _plane(style, wide, wide / style.ratio, side)
        camera = Camera(width, height, style.yaw, style.pitch, style.roll, style.focal, _target(style, plane))
        corners = np.array([[0, 0], [plane.width, 0], [plane.width, plane.height], [0, plane.height]], np.float32)
        seen = camera.project(plane.points(corners * np.float32(plane.unit)))
        low, high = seen.min(axis=0) / [width, height], seen.max(axis=0) / [width, height]
        if low.min() >= 0.035 and high.max() <= 0.965:
            break
        wide *= 0.96
    return camera, plane


def visible(camera: Camera, plane: Plane, unit: float) -> Plane:
    """The part of an endless plane that the camera sees, as a plane of its own."""
    ways = camera.rays()[:: camera.height - 1, :: camera.width - 1]
    place, far = plane.hits(camera.place, ways)
    middle = np.array([plane.width, plane.height], np.float32) / 2
    spots = place[far < 1e4][:, :2] / plane.unit - middle
    spots = np.concatenate([spots, [[-0.6, -0.6], [0.6, 0.6]]]).clip(-_REACH, _REACH)
    low, high = spots.min(axis=0) - 0.05, spots.max(axis=0) + 0.05
    origin = plane.origin + plane.right * (low[0] + high[0]) / 2 + plane.down * (low[1] + high[1]) / 2
    wide, tall = (float(size) for size in high - low)
    return Plane(origin.astype(np.float32), plane.right, plane.down, wide, tall, unit)


def blank(plane: Plane) -> tuple[int, int]:
    """Rows and columns of a plane's map."""
    return max(8, round(plane.height * plane.unit)), max(8, round(plane.width * plane.unit))


def carried(noise: np.random.Generator, style: SceneStyle, plane: Plane) -> Surface:
    """The thing's face with what borders it, before anything is written."""
    carrier, unit = CARRIERS[style.carrier], plane.unit
    rows, columns = blank(plane)
    face = carrier.build(noise, rows, columns, unit, linear(style.tint.rgb))
    if style.place == "itself":
        return face
    match style.fitting:
        case "frame":
            face = boards.framed(face, unit * 0.035, _frame(noise, style, rows, columns, unit), unit * 0.012)
        case "bezel":
            rim = plain(rows, columns, np.array([0.012, 0.012, 0.013], np.float32), 0.6)
            face = boards.framed(face, unit * 0.022, rim, unit * 0.002)
        case "screws":
            inset, radius = min(unit * 0.03, rows * 0.12), unit * 0.0085
            face = boards.screwed(face, inset + radius, radius, linear((176, 172, 164)))
    inside = edges(rows, columns, max(1.0, carrier.radius * unit))
    rounded = step(inside, -0.6, 0.8)
    # Every edge is a little rounded: it catches the light.
    bevel = np.clip(inside / (unit * 0.005), 0.0, 1.0)
    rise = 1.5 if style.carrier in _THICK else 0.25
    relief = face.height + np.sqrt(1.0 - (1.0 - bevel) ** 2) * np.float32(rise)
    return replace(face, alpha=(face.alpha * rounded).astype(np.float32), height=relief.astype(np.float32))


def border(plane: Plane, style: SceneStyle) -> Map:
    """A line, or two, along the thing's edge, as ink."""
    rows, columns = blank(plane)
    unit = plane.unit
    inset = unit * (0.042 if style.fitting == "screws" else 0.022)
    inside = edges(rows, columns, max(inset + 1.0, CARRIERS[style.carrier].radius * unit))
    ink = 1.0 - step(np.abs(inside - inset), unit * 0.002, unit * 0.002 + 1.4)
    if style.seed % 3 == 0:
        ink = np.maximum(ink, 1.0 - step(np.abs(inside - inset - unit * 0.009), unit * 0.0008, unit * 0.0008 + 1.4))
    return ink


def as_thing(style: SceneStyle, plane: Plane, face: Surface) -> Thing:
    """The thing that carries the text."""
    if style.place == "itself":
        return Thing(plane, face, endless=True, casts=False, sharp=True)
    side = face.albedo.mean(axis=(0, 1)) * np.float32(0.8)
    if style.carrier == "book":
        side = linear((226, 214, 190))
    elif style.fitting == "bezel":
        side = np.array([0.02, 0.02, 0.022], np.float32)
    return Thing(plane, face, sharp=True, thick=_THICK.get(style.carrier, 0.0), side=side.astype(np.float32))


def behind(noise: np.random.Generator, style: SceneStyle, camera: Camera, plane: Plane) -> list[Thing]:
    """The wall or the table, and what holds the thing up."""
    unit = plane.unit
    things: list[Thing] = []
    if style.place in ("wall", "table") and style.ground is not None:
        wall = Plane(vector(0.0, 0.0, 0.0), vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), 1.0, 1.0, unit)
        things.append(_endless(noise, style, visible(camera, wall, unit * 0.8)))
    elif style.place == "stand" and style.ground is not None:
        lift = 0.1 if style.carrier == "screen" else 0.0
        table = Plane(
            vector(0.0, plane.height / 2 + lift, 0.3),
            vector(1.0, 0.0, 0.0),
            vector(0.0, 0.0, -1.0),
            4.4,
            2.6,
            unit * 0.6,
        )
        things.append(_endless(noise, style, table))
        if style.carrier == "screen":
            foot = Plane(
                vector(0.0, plane.height / 2 + lift - 0.006, 0.06),
                vector(1.0, 0.0, 0.0),
                vector(0.0, 0.0, -1.0),
                0.34,
                0.2,
                unit,
            )
            neck = Plane(
                vector(0.0, plane.height / 2, 0.05), vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), 0.075, 2 * lift, unit
            )
            steel = np.array([0.3, 0.3, 0.31], np.float32)
            for part, radius in ((foot, 0.02), (neck, 0.0)):
                rows, columns = blank(part)
                face = replace(plain(rows, columns, steel, 0.5), metal=np.full((rows, columns), 0.6, np.float32))
                rim = step(edges(rows, columns, max(1.0, radius * unit)), -0.6, 0.8)
                things.append(Thing(part, replace(face, alpha=rim, rough=0.4), sharp=True))
    elif style.place == "stand":
        things += _posts(noise, style, plane)
    return things


def before(noise: np.random.Generator, style: SceneStyle, plane: Plane) -> list[Thing]:
    """Pins or tape that hold the thing; they are few and small."""
    unit = plane.unit
    half = plane.width / 2, plane.height / 2
    match style.fitting:
        case "pins":
            spots = [(-half[0] + 0.035, -half[1] + 0.035), (half[0] - 0.035, -half[1] + 0.035)]
            return [_laid(plane, props.pin(noise, unit), spot, 0.0, 0.014) for spot in spots]
        case "tape":
            spots = [(-half[0] + 0.012, -half[1] + 0.012), (half[0] - 0.012, -half[1] + 0.012)]
            turns = (-45.0 + noise.normal(0, 6), 45.0 + noise.normal(0, 6))
            return [
                _laid(plane, props.tape(noise, unit), spot, turn, 0.006)
                for spot, turn in zip(spots, turns, strict=True)
            ]
        case "rod":
            return [_laid(plane, props.rod(noise, unit, plane.width * 1.1), (0.0, -half[1] + 0.004), 0.0, 0.035)]
        case _:
            return []


def prop(noise: np.random.Generator, name: str, face: Surface, style: SceneStyle, plane: Plane) -> Thing:
    """A prop in a place by chance: across an edge or a corner of the thing that carries the text."""
    size = plane.width, plane.height
    if style.place == "itself":
        size = size[0] * 0.5, size[1] * 0.5
    corner = np.array([noise.choice((-0.5, 0.5)), noise.choice((-0.5, 0.5))])
    spot = corner * size
    outward = float(np.degrees(np.arctan2(corner[1] * size[1], corner[0] * size[0])))
    away = noise.uniform(0.0, 0.16)
    above = 0.03
    match name:
        case "pen" | "pencil":
            turn = noise.uniform(-180, 180)
            if noise.random() < 0.6:  # beside the sheet, about parallel to an edge
                spot = np.array([corner[0] * size[0], noise.uniform(-0.2, 0.2) * size[1]])
                turn = 90.0 * noise.choice((-1, 1)) + noise.normal(0, 14)
                away = noise.uniform(0.02, 0.12)
            outward = float(np.degrees(np.arctan2(spot[1] * 0.01, spot[0]))) if abs(turn) < 130 else outward
        case "leaves":
            # The twig's foot (its map's lower left corner) points away from the text.
            turn = outward - 135.0 + noise.normal(0, 14)
            above = 0.03 if style.place == "table" else noise.uniform(0.1, 0.26)
            away = noise.uniform(0.05, 0.2)
        case "cable":
            turn, away = outward + 90.0 + noise.normal(0, 20), noise.uniform(0.0, 0.16)
            above = 0.02
        case "finger":
            spot = np.array([noise.uniform(-0.35, 0.35) * size[0], 0.5 * size[1]])
            turn, away, outward, above = -90.0 + noise.normal(0, 12), 0.09, 90.0, 0.02
        case _:
            turn, above = noise.uniform(0, 360), 0.012
    shift = np.array([cos(radians(outward)), sin(radians(outward))]) * away
    return _laid(plane, face, (float(spot[0] + shift[0]), float(spot[1] + shift[1])), float(turn), above)


def _target(style: SceneStyle, plane: Plane) -> tuple[float, float, float]:
    """What the camera looks at: the thing, a little off the middle."""
    drift = np.random.default_rng([style.seed, 1]).uniform(-0.03, 0.03, 2)
    down = 0.04 if style.place == "stand" and style.ground is not None else 0.0
    return float(drift[0]), float(drift[1] + down), float(plane.origin[2])


def _plane(style: SceneStyle, wide: float, tall: float, side: int) -> Plane:
    turn = radians(style.turn)
    right, down = vector(cos(turn), sin(turn), 0.0), vector(-sin(turn), cos(turn), 0.0)
    gap = CARRIERS[style.carrier].lift + _THICK.get(style.carrier, 0.0)
    off = 0.0 if style.place in ("stand", "itself") else -gap
    return Plane(vector(0.0, 0.0, off), right, down, wide, tall, float(side))


def _endless(noise: np.random.Generator, style: SceneStyle, plane: Plane) -> Thing:
    if style.ground is None or style.ground_tint is None:
        raise ValueError(style)  # a fault of ours: the caller has looked
    rows, columns = blank(plane)
    return Thing(
        plane, style.ground.build(noise, rows, columns, plane.unit, linear(style.ground_tint.rgb)), endless=True
    )


def _posts(noise: np.random.Generator, style: SceneStyle, plane: Plane) -> list[Thing]:
    """Two wooden posts behind a sign, or one of steel behind a plate."""
    steel = style.carrier == "enamel"
    wide = 0.035 if steel else 0.06
    posts = []
    for at in (0.0,) if steel else (-0.3, 0.3):
        middle: Vector = vector(
            at * plane.width, 0.85 - plane.height * (0.62 if not steel else 0.58), 0.012 + plane.height * 0
        )
        post = Plane(middle, vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), wide, 1.7, plane.unit)
        rows, columns = blank(post)
        if steel:
            face = plain(rows, columns, linear((150, 152, 154)), 0.7)
            across = (np.arange(columns, dtype=np.float32) + 0.5) / columns * 2 - 1
            tube = np.sqrt(1 - across**2) * columns / 2
            face = replace(face, height=np.broadcast_to(tube, (rows, columns)).astype(np.float32), rough=0.4)
        else:
            upright = boards.plank(noise, columns, rows, plane.unit, linear((122, 96, 70)))
            face = replace(
                upright,
                albedo=np.rot90(upright.albedo).copy(),
                height=np.rot90(upright.height).copy(),
                alpha=upright.alpha.T.copy(),
                gloss=upright.gloss.T.copy(),
                metal=upright.metal.T.copy(),
                glow=np.rot90(upright.glow).copy(),
            )
        side = face.albedo.mean(axis=(0, 1)) * np.float32(0.8)
        posts.append(Thing(post, face, sharp=True, thick=0.0 if steel else 0.05, side=side.astype(np.float32)))
    return posts


def _frame(noise: np.random.Generator, style: SceneStyle, rows: int, columns: int, unit: float) -> Surface:
    """Four strips of wood, each with its grain along it, that meet at the corners."""
    tint = linear(((150, 104, 62), (92, 60, 38))[style.seed % 2])
    level, stood = boards.plank(noise, rows, columns, unit, tint), boards.plank(noise, columns, rows, unit, tint)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    beside = np.minimum(x, columns - 1 - x) < np.minimum(y, rows - 1 - y)
    return replace(
        level,
        albedo=np.where(beside[..., None], np.rot90(stood.albedo), level.albedo).astype(np.float32),
        height=np.where(beside, np.rot90(stood.height), level.height).astype(np.float32),
    )


def _laid(plane: Plane, face: Surface, spot: tuple[float, float], turn: float, above: float) -> Thing:
    angle = radians(turn)
    rows, columns = face.height.shape
    origin = plane.origin + plane.right * spot[0] + plane.down * spot[1] + plane.front * above
    right = plane.right * cos(angle) + plane.down * sin(angle)
    down = plane.down * cos(angle) - plane.right * sin(angle)
    place = Plane(
        origin.astype(np.float32),
        right.astype(np.float32),
        down.astype(np.float32),
        columns / plane.unit,
        rows / plane.unit,
        plane.unit,
    )
    return Thing(place, face)
