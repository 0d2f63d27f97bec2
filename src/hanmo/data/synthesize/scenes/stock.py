"""What texts stand on (report section 3.4, compositional rendering): things, and ways to write on them.

Tables, with the words for captions in both languages. This module does not know how any of it is drawn.
Sizes are shares of the picture's short side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.scenes import boards, marks, sheets, walls
from hanmo.data.synthesize.scenes.surface import Surface, Tint
from hanmo.data.synthesize.scenes.tints import (
    BLACK,
    BLUE,
    BRASS,
    BROWN,
    BURGUNDY,
    COPPER,
    CREAM,
    GREEN,
    GREY,
    KRAFT,
    LIGHT_BLUE,
    MINT,
    NAVY,
    NEAR_BLACK,
    OAK,
    PINE,
    PINK,
    RED,
    SAND,
    SILVERED,
    STEEL,
    TEAL,
    WALNUT,
    WHITE,
    YELLOW,
    named,
)
from hanmo.data.synthesize.scenes.ways import (
    CARVED,
    CHALKED,
    DOTTED,
    ENGRAVED,
    FIRED,
    FOILED,
    HEWN,
    PAINTED,
    PRINTED,
    RAISED,
    SHINING,
    STITCHED,
    TUBED,
    Way,
)

Build = Callable[[np.random.Generator, int, int, float, Tint], Surface]


@dataclass(frozen=True)
class Carrier:
    """A kind of thing that carries text.

    Attributes:
        en: What it is called; "{}" is its colour.
        zh: The same in Chinese.
        build: Makes its face.
        tints: Its colours.
        ways: How one writes on it.
        places: Where it may be: "wall", "table", "stand", or "itself" for a wall.
        ratio: Its width over its height, from, to.
        fittings: How it is held or bordered: "", "screws", "frame", "bezel", "pins", "tape", "posts".
        radius: of its corners.
        margin: What stays free around the text at most, a share of its shorter side.
        border: Whether a line may run along its edge, in the way and the colour of the text.
        long: Whether it takes more than a few words.
        lift: How far it stands off what is behind it.
        moods: The light it is seen in; empty: any but night.
    """

    en: str
    zh: str
    build: Build
    tints: tuple[Color, ...]
    ways: tuple[Way, ...]
    places: tuple[str, ...]
    ratio: tuple[float, float]
    fittings: tuple[str, ...] = ("",)
    radius: float = 0.0
    margin: float = 0.12
    border: bool = False
    long: bool = False
    lift: float = 0.012
    moods: tuple[str, ...] = ()


_PAPERS = (WHITE, CREAM, CREAM, LIGHT_BLUE, PINK, MINT, YELLOW)
WOODS = (OAK, PINE, WALNUT, SILVERED)
_DARK = ("night", "lamp", "evening", "studio")

CARRIERS: dict[str, Carrier] = {
    "paper": Carrier(
        "sheet of {} paper",
        "一张{}的纸",
        sheets.paper,
        _PAPERS,
        (PRINTED,),
        ("table", "table", "wall"),
        (0.68, 1.4),
        ("", "tape", "pins"),
        margin=0.1,
        long=True,
        lift=0.006,
    ),
    "crumpled": Carrier(
        "crumpled sheet of {} paper",
        "一张揉皱的{}纸",
        sheets.crumpled,
        (WHITE, CREAM, YELLOW),
        (PRINTED,),
        ("table", "wall"),
        (0.7, 1.4),
        ("", "tape"),
        margin=0.12,
        long=True,
        lift=0.006,
    ),
    "card": Carrier(
        "{} card",
        "一张{}的卡片",
        sheets.card,
        (*_PAPERS, NAVY, GREEN, BURGUNDY, BLACK),
        (PRINTED, FOILED),
        ("table", "stand"),
        (0.75, 1.7),
        ("",),
        radius=0.012,
        margin=0.14,
        lift=0.006,
        border=True,
    ),
    "label": Carrier(
        "{} cardboard panel",
        "一块{}的纸板",
        sheets.cardboard,
        (KRAFT,),
        (
            Way(marks.printed, "stencilled", "印着", (BLACK, NAVY, RED, BROWN)),
            Way(marks.painted, "painted", "刷着", (WHITE, BLACK)),
        ),
        ("table", "wall"),
        (0.9, 1.8),
        ("", "tape"),
        lift=0.01,
        border=True,
    ),
    "sign": Carrier(
        "wooden sign of {} boards",
        "一块{}木板拼成的招牌",
        boards.wood,
        WOODS,
        (PAINTED, CARVED),
        ("wall", "stand"),
        (1.2, 2.3),
        ("", "screws", "posts"),
        margin=0.13,
        lift=0.025,
        border=True,
    ),
    "plank": Carrier(
        "{} wooden board",
        "一块{}的木板",
        boards.plank,
        WOODS,
        (CARVED, PAINTED, RAISED),
        ("wall", "table"),
        (1.7, 3.2),
        ("", "screws"),
        radius=0.02,
        lift=0.025,
    ),
    "painted": Carrier(
        "wooden sign with old {} paint",
        "一块旧的{}漆木招牌",
        boards.painted,
        (WHITE, CREAM, TEAL, NAVY, RED, GREEN, MINT),
        (PAINTED,),
        ("wall", "stand"),
        (1.2, 2.2),
        ("", "screws", "posts"),
        lift=0.025,
        border=True,
    ),
    "enamel": Carrier(
        "{} enamel sign",
        "一块{}的搪瓷牌",
        boards.enamel,
        (BLUE, WHITE, GREEN, BLACK, RED, YELLOW),
        (FIRED,),
        ("wall", "wall", "stand"),
        (1.3, 2.6),
        ("screws",),
        radius=0.03,
        margin=0.18,
        lift=0.015,
        border=True,
    ),
    "plate": Carrier(
        "brushed {} plate",
        "一块{}的拉丝金属牌",
        boards.metal,
        (STEEL, BRASS, COPPER),
        (ENGRAVED,),
        ("wall", "table"),
        (1.3, 2.4),
        ("screws",),
        radius=0.012,
        margin=0.2,
        lift=0.012,
        moods=("studio", "window", "overcast", "sun"),
        border=True,
    ),
    "stone": Carrier(
        "{} stone slab",
        "一块{}的石板",
        boards.stone,
        (GREY, SAND, named("dark grey", "深灰色", 84, 84, 88)),
        (HEWN,),
        ("wall", "table", "stand"),
        (1.1, 2.0),
        ("",),
        margin=0.16,
        lift=0.03,
    ),
    "blackboard": Carrier(
        "{} chalkboard in a wooden frame",
        "一块带木框的{}黑板",
        boards.slate,
        (named("black", "黑色", 36, 38, 38), named("green", "墨绿色", 34, 62, 50)),
        (CHALKED,),
        ("wall", "stand"),
        (0.75, 1.7),
        ("frame",),
        margin=0.15,
        long=True,
        lift=0.02,
    ),
    "banner": Carrier(
        "{} cloth banner",
        "一面{}的布幅",
        sheets.cloth,
        (RED, NAVY, CREAM, GREEN, WHITE, YELLOW),
        (
            STITCHED,
            Way(marks.printed, "printed", "印着", (BLACK, NAVY, RED, BROWN)),
            Way(marks.glazed, "printed", "印着", (WHITE, CREAM, YELLOW)),
        ),
        ("wall",),
        (0.7, 1.8),
        ("rod",),
        lift=0.03,
        border=True,
    ),
    "canvas": Carrier(
        "piece of {} linen",
        "一块{}的亚麻布",
        sheets.canvas,
        (CREAM, SAND, LIGHT_BLUE, NAVY, BURGUNDY, WHITE),
        (STITCHED,),
        ("table",),
        (0.9, 1.6),
        ("",),
        radius=0.01,
        lift=0.006,
    ),
    "book": Carrier(
        "book bound in {} leather",
        "一本{}皮面的书",
        sheets.leather,
        (NAVY, BURGUNDY, GREEN, BROWN, BLACK),
        (FOILED,),
        ("table", "stand"),
        (0.66, 0.8),
        ("",),
        radius=0.014,
        margin=0.16,
        lift=0.045,
        border=True,
    ),
    "screen": Carrier(
        "computer screen with a {} page",
        "一台显示{}页面的电脑屏幕",
        boards.screen,
        (named("light", "浅色", 226, 232, 240), NAVY, NEAR_BLACK, TEAL),
        (SHINING,),
        ("stand",),
        (1.4, 1.8),
        ("bezel",),
        radius=0.012,
        margin=0.13,
        long=True,
        lift=0.02,
        moods=("studio", "window", "lamp", "overcast"),
    ),
    "tablet": Carrier(
        "tablet showing a {} page",
        "一台显示{}页面的平板电脑",
        boards.screen,
        (named("light", "浅色", 226, 232, 240), NAVY, NEAR_BLACK, CREAM),
        (SHINING,),
        ("table",),
        (0.7, 1.5),
        ("bezel",),
        radius=0.035,
        margin=0.13,
        long=True,
        lift=0.012,
        moods=("studio", "window", "lamp", "overcast"),
    ),
    "display": Carrier(
        "{} display board of small lamps",
        "一块{}的点阵显示屏",
        boards.screen,
        (NEAR_BLACK,),
        (DOTTED,),
        ("wall", "stand"),
        (1.8, 3.4),
        ("bezel",),
        radius=0.01,
        margin=0.16,
        lift=0.04,
        moods=_DARK,
    ),
    "neon": Carrier(
        "{} brick wall",
        "一面{}的砖墙",
        walls.brick,
        (named("red", "红色", 132, 62, 46), named("dark", "暗色", 70, 52, 46)),
        (TUBED,),
        ("itself",),
        (1.2, 2.4),
        moods=("night",),
        margin=0.1,
    ),
    "mural": Carrier(
        "{} brick wall",
        "一面{}的砖墙",
        walls.brick,
        (named("red", "红色", 150, 76, 56), named("pale", "浅色", 206, 190, 168)),
        (PAINTED,),
        ("itself",),
        (1.1, 2.2),
        margin=0.1,
    ),
    "washed": Carrier(
        "brick wall painted {}",
        "一面刷成{}的砖墙",
        walls.washed,
        (WHITE, MINT, NAVY, YELLOW),
        (PAINTED,),
        ("itself",),
        (1.1, 2.2),
        margin=0.1,
    ),
    "rendered": Carrier(
        "{} plastered wall",
        "一面{}的抹灰墙",
        walls.plaster,
        (CREAM, WHITE, SAND, LIGHT_BLUE, PINK),
        (PAINTED, RAISED),
        ("itself",),
        (1.1, 2.2),
        margin=0.1,
        moods=("window", "leaves", "blinds", "sun", "lamp"),
    ),
    "cast": Carrier(
        "{} concrete wall",
        "一面{}的混凝土墙",
        walls.concrete,
        (GREY, named("light grey", "浅灰色", 184, 182, 178)),
        (RAISED, PAINTED, HEWN),
        ("itself",),
        (1.1, 2.2),
        margin=0.1,
        moods=("window", "leaves", "blinds", "sun", "lamp"),
    ),
}
