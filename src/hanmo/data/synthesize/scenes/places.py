"""What is behind or under a thing that carries text (report section 3.4, compositional rendering).

Tables, with the words for captions in both languages. This module does not know how any of it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.scenes import boards, sheets, walls
from hanmo.data.synthesize.scenes.stock import WOODS, Build
from hanmo.data.synthesize.scenes.tints import (
    BLACK,
    BROWN,
    CREAM,
    GREEN,
    GREY,
    LIGHT_BLUE,
    MINT,
    NAVY,
    OAK,
    PINK,
    RED,
    SAND,
    TEAL,
    WALNUT,
    WHITE,
    named,
)


@dataclass(frozen=True)
class Ground:
    """What is behind or under a thing: how it is built, its colours, its name with "{}" for the colour."""

    build: Build
    tints: tuple[Color, ...]
    en: str
    zh: str


WALLS = (
    Ground(
        walls.brick,
        (
            named("red", "红色", 146, 72, 52),
            named("pale", "浅色", 200, 180, 156),
            named("brown", "棕色", 120, 84, 64),
        ),
        "a {} brick wall",
        "{}砖墙",
    ),
    Ground(walls.washed, (WHITE, LIGHT_BLUE, MINT), "a brick wall painted {}", "刷成{}的砖墙"),
    Ground(walls.plaster, (CREAM, WHITE, SAND, LIGHT_BLUE, PINK, TEAL), "a {} plastered wall", "{}抹灰墙"),
    Ground(walls.concrete, (GREY, named("light grey", "浅灰色", 190, 188, 184)), "a {} concrete wall", "{}混凝土墙"),
    Ground(walls.tiles, (WHITE, MINT, NAVY, GREEN), "a wall of {} tiles", "{}瓷砖墙"),
    Ground(boards.wood, WOODS, "a wall of {} boards", "{}木板墙"),
)
PINBOARDS = (
    Ground(sheets.cork, (named("brown", "棕色", 186, 138, 92),), "a {} cork board", "{}软木板"),
    *WALLS[2:3],
)
TABLES = (
    Ground(boards.wood, WOODS, "a table of {} boards", "{}木桌"),
    Ground(boards.wood, (OAK, WALNUT), "a desk of {} wood", "{}书桌"),
    Ground(walls.marble, (WHITE, named("black", "黑色", 38, 38, 42)), "a {} marble table top", "{}大理石台面"),
    Ground(sheets.canvas, (CREAM, LIGHT_BLUE, GREY, RED), "a {} tablecloth", "{}桌布"),
    Ground(walls.concrete, (GREY,), "a {} concrete table top", "{}水泥台面"),
    Ground(sheets.leather, (GREEN, BROWN, BLACK), "a {} leather desk pad", "{}皮质桌垫"),
)
