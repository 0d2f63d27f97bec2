"""Random scenes of solids, and pairs of them: a picture and its depth, a picture and another view (report section 4.2).

    depth   the target is the depth map as a picture; its two ends are in the pair's details
    view    the target is the same scene after the camera went round it, or up or down, by so many degrees

Every pixel may change, so these pairs have no mask. All randomness comes from the generator that is given.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from hanmo.data.pairs import Pair
from hanmo.data.record import Caption
from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.grammar import english, expand
from hanmo.data.synthesize.scene_words import COLORS_ZH
from hanmo.data.synthesize.solids import Camera, Kind, Solid, depth_map
from hanmo.data.synthesize.solids_shade import FLOORS, PATTERNS, Paint, SolidScene, depth_picture, draw_solids
from hanmo.errors import ConfigError, RequestError

SOLID_KINDS = ("depth", "view")
OWN_LICENCE = "CC0-1.0"
ANGLES = (15, 30, 45, 60, 90)
_FORMS: dict[Kind, tuple[str, str]] = {
    "sphere": ("sphere", "球"),
    "box": ("box", "方块"),
    "cylinder": ("cylinder", "圆柱"),
    "cone": ("cone", "圆锥"),
    "torus": ("ring", "圆环"),
}
_PATTERN_NAMES = {
    "plain": ("", ""),
    "stripes": ("striped ", "条纹"),
    "checks": ("chequered ", "格子"),
    "dots": ("dotted ", "圆点"),
}
_FLOOR_NAMES = {
    "plain": ("a plain floor", "素色地面"),
    "tiles": ("tiles", "方砖地面"),
    "planks": ("planks", "木板地面"),
}
_FLOOR_COLORS = ((228, 224, 216), (206, 218, 226), (222, 208, 190), (214, 222, 206), (226, 210, 214), (150, 156, 168))
_WOOD = ((205, 170, 128), (182, 142, 104), (218, 192, 158), (164, 134, 112))
_COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "cyan")

_DEPTH_EN = (
    "[estimate|show|draw|give me|compute|predict] the depth map of [this|the] [picture|image|scene]",
    "[turn|convert] [this|the] [picture|image] into [a|its] depth map[: near is white, far is black|]",
    "[show|paint] how far [away |]everything is[: near white, far black|, as a depth map]",
    "depth map[ of this picture|, near is bright|]",
)
_DEPTH_ZH = (
    "[估计|画出|给出|生成|预测][这张图|图片|这个场景]的深度图",
    "[把|将][这张图|图片|画面][转换成|变成|转成]深度图[，近处亮、远处暗|]",
    "[用深度图|][表示|显示]每处离镜头的远近，近处白、远处黑",
    "深度图[，近处亮|]",
)
_ROUND_EN = (
    "[show|draw|render] [the scene|the same scene|it|the objects] from {n} degrees [further |]to the {way}",
    "[move|orbit|bring] the camera {n} degrees to the {way} around the [objects|scene]",
    "[view|look at] [the scene|the objects|it] from {n} degrees further {way}",
    "[move|bring] the viewpoint {n} degrees around the scene to the {way}",
)
_ROUND_ZH = (
    "[把|将]镜头[绕物体|绕场景][向{way}转|向{way}移|往{way}转]{n}度",
    "从偏{way}{n}度的[角度|位置][看|拍|画][这个场景|同样的物体|同一场景]",
    "视角[绕场景|围着物体]向{way}[旋转|转动|转]{n}度",
)
_HEIGHT_EN = (
    "[show|draw|render] [the scene|the same scene|it] from {n} degrees {way}",
    "[move|lift|bring] the camera {n} degrees {way}",
    "[look at|view] [the scene|the objects] from {n} degrees further {way_word}",
)
_HEIGHT_ZH = ("[把|将]镜头[再|]{way}{n}度", "视角{way}{n}度[再画一次|]", "镜头{way}{n}度，[再|重新]画[这个|同一]场景")


@dataclass(frozen=True)
class SolidConfig:
    """What scenes of solids look like.

    Raises:
        ConfigError: a value outside its range; the message names it.
    """

    width: int = 512
    height: int = 512
    most: int = 5
    """Solids in a scene, at most."""

    def __post_init__(self) -> None:
        """See the class."""
        for key in ("width", "height"):
            if not 32 <= getattr(self, key) <= 4096:
                raise ConfigError(f"solids.{key} is {getattr(self, key)}; it must lie between 32 and 4096 pixels")
        if not 1 <= self.most <= 8:
            raise ConfigError(f"solids.most is {self.most}; it must lie between 1 and 8")


def solid_scene(rng: random.Random, most: int = 5) -> SolidScene:
    """A random scene: up to `most` solids that do not touch, no two of the same form and colour."""
    solids: list[Solid] = []
    paints: list[Paint] = []
    names: set[tuple[str, str]] = set()
    for _ in range(rng.randint(min(2, most), most)):
        for _ in range(60):
            solid, color = _solid(rng), rng.choice(_COLORS)
            apart = all(math.dist((solid.x, solid.y), (o.x, o.y)) > solid.reach + o.reach + 0.08 for o in solids)
            if apart and (solid.kind, color) not in names:
                break
        else:
            break
        names.add((solid.kind, color))
        solids.append(solid)
        pattern = "plain" if color == "white" else rng.choices(PATTERNS, (6, 2, 1, 2))[0]  # paler than white is nothing
        paints.append(Paint(COLORS[color], pattern, rng.choice((0.1, 0.35, 0.6))))
    lamp = rng.uniform(0.0, 360.0), rng.uniform(42.0, 64.0)
    floor = rng.choice(FLOORS)
    floor_rgb = rng.choice(_WOOD if floor == "planks" else _FLOOR_COLORS)
    return SolidScene(_centred(solids), tuple(paints), floor, floor_rgb, lamp)


def solid_pair(rng: random.Random, config: SolidConfig | None = None, kind: str | None = None) -> Pair:
    """A random scene and its depth, or a second view of it.

    Args:
        rng: the same state, the same pair.
        config: see `SolidConfig`.
        kind: one of `SOLID_KINDS`; None for either.

    Raises:
        ConfigError: an unknown kind.
    """
    config = config or SolidConfig()
    if kind is not None and kind not in SOLID_KINDS:
        raise ConfigError(f"there is no pair {kind!r}; choose from {', '.join(SOLID_KINDS)}")
    kind = kind or rng.choice(SOLID_KINDS)
    scene = solid_scene(rng, config.most)
    wide = max(math.hypot(solid.x, solid.y) + solid.reach for solid in scene.solids)
    high = max(solid.top for solid in scene.solids)
    far = max(3.2, rng.uniform(2.9, 3.3) * max(wide, high))
    camera = Camera(far, rng.uniform(0.0, 360.0), rng.uniform(18.0, 38.0), (0.0, 0.0, 0.4 * high), 42.0)
    size = config.width, config.height
    source, said = draw_solids(scene, camera, *size), describe_solids(scene)
    if kind == "depth":
        picture, near, far = depth_picture(depth_map(scene.solids, camera, *size))
        details = {"near": near, "far": far, "camera": _numbers(camera)}
        words = _say(_DEPTH_EN, _DEPTH_ZH, rng, {}, {})
        return Pair("depth", (source,), picture, words, (), (said,), None, OWN_LICENCE, details)
    other, words = another_view(camera, rng)
    details = {"from": _numbers(camera), "to": _numbers(other)}
    return Pair("view", (source,), draw_solids(scene, other, *size), words, said, (said,), None, OWN_LICENCE, details)


def describe_solids(scene: SolidScene) -> tuple[Caption, Caption]:
    """What a scene shows from any side, in both languages."""
    by_rgb = {rgb: name for name, rgb in COLORS.items()}
    if any(paint.rgb not in by_rgb for paint in scene.paints):
        raise RequestError("only solids in the colours of `colors.COLORS` can be named")
    en, zh = [], []
    for solid, paint in zip(scene.solids, scene.paints, strict=True):
        color, pattern, form = by_rgb[paint.rgb], _PATTERN_NAMES[paint.pattern], _FORMS[solid.kind]
        en.append(english(f"a {pattern[0]}{color} {form[0]}"))
        zh.append(f"一个{COLORS_ZH[color]}的{pattern[1]}{form[1]}")
    floor = _FLOOR_NAMES[scene.floor]
    listed = en[0] if len(en) == 1 else f"{', '.join(en[:-1])} and {en[-1]}"
    return (
        Caption(f"A rendering of {listed} on {floor[0]}, lit by one lamp.", "synthetic", "en"),
        Caption(f"一幅渲染图：{floor[1]}上有{'、'.join(zh)}，由一盏灯照亮。", "synthetic", "zh"),
    )


def _solid(rng: random.Random) -> Solid:
    kind = rng.choice(tuple(_FORMS))
    radius = rng.uniform(0.3, 0.62) * {"box": 0.85, "torus": 1.15, "cylinder": 0.85}.get(kind, 1.0)
    far, turn = 1.55 * math.sqrt(rng.random()), rng.uniform(0.0, 2.0 * math.pi)
    height = rng.uniform(1.4, 2.6) * radius
    return Solid(kind, far * math.cos(turn), far * math.sin(turn), radius, height, rng.uniform(0.0, 90.0))


def _centred(solids: list[Solid]) -> tuple[Solid, ...]:
    """The same, moved so that the middle of all of them is the world's."""
    low, high = (
        [pick(getattr(one, axis) + sign * one.reach for one in solids) for axis in "xy"]
        for pick, sign in ((min, -1.0), (max, 1.0))
    )
    x, y = ((a + b) / 2.0 for a, b in zip(low, high, strict=True))
    return tuple(replace(one, x=one.x - x, y=one.y - y) for one in solids)


def another_view(camera: Camera, rng: random.Random) -> tuple[Camera, tuple[Caption, Caption]]:
    """Another place for the camera, and the words that ask for it."""
    place = camera.distance, camera.azimuth, camera.elevation
    if rng.random() < 0.3:
        angle = rng.choice((10, 15, 20, 25))
        up = camera.elevation < 28.0 or camera.elevation - angle < 8.0
        other = Camera(place[0], place[1], place[2] + (angle if up else -angle), camera.target, camera.field)
        en = {"n": str(angle), "way": "higher" if up else "lower", "way_word": "up" if up else "down"}
        return other, _say(_HEIGHT_EN, _HEIGHT_ZH, rng, en, {"n": str(angle), "way": "抬高" if up else "降低"})
    angle, right = rng.choice(ANGLES), rng.random() < 0.5
    other = Camera(place[0], (place[1] + (angle if right else -angle)) % 360.0, place[2], camera.target, camera.field)
    en = {"n": str(angle), "way": "right" if right else "left"}
    return other, _say(_ROUND_EN, _ROUND_ZH, rng, en, {"n": str(angle), "way": "右" if right else "左"})


def _say(
    en: tuple[str, ...], zh: tuple[str, ...], rng: random.Random, slots_en: dict[str, str], slots_zh: dict[str, str]
) -> tuple[Caption, Caption]:
    first = english(expand(rng.choice(en), rng, slots_en))
    if rng.random() < 0.5:
        first = f"{first[0].upper()}{first[1:]}{rng.choice(('', '.'))}"
    second = expand(rng.choice(zh), rng, slots_zh) + rng.choice(("", "", "。"))
    return Caption(first, "synthetic", "en"), Caption(second, "synthetic", "zh")


def _numbers(camera: Camera) -> dict[str, float]:
    return {name: getattr(camera, name) for name in ("distance", "azimuth", "elevation", "field")}
