"""The colours of things and inks, with their names (report section 3.4, compositional rendering)."""

from __future__ import annotations

from hanmo.data.synthesize.grounds import RGB, Color


def named(en: str, zh: str, *rgb: int) -> Color:
    """A colour and what it is called."""
    red, green, blue = rgb
    value: RGB = (red, green, blue)
    return Color(en, zh, value)


WHITE = named("white", "白色", 242, 240, 234)
CREAM = named("cream", "米白色", 240, 230, 206)
BLACK = named("black", "黑色", 30, 29, 30)
GREY = named("grey", "灰色", 150, 148, 144)
RED = named("red", "红色", 184, 38, 34)
BLUE = named("blue", "蓝色", 26, 62, 140)
NAVY = named("dark blue", "深蓝色", 22, 36, 74)
GREEN = named("dark green", "深绿色", 24, 78, 54)
TEAL = named("teal", "青绿色", 28, 110, 112)
YELLOW = named("yellow", "黄色", 244, 202, 56)
ORANGE = named("orange", "橙色", 226, 116, 36)
PINK = named("pale pink", "浅粉色", 240, 200, 196)
LIGHT_BLUE = named("light blue", "浅蓝色", 178, 206, 224)
MINT = named("mint green", "薄荷绿", 190, 220, 200)
KRAFT = named("brown", "棕色", 178, 134, 88)
BROWN = named("dark brown", "深褐色", 64, 40, 26)
BURGUNDY = named("burgundy", "酒红色", 104, 26, 40)
SAND = named("sand-coloured", "沙色", 208, 188, 152)
SOOT = named("soot-black", "炭黑色", 26, 19, 15)
OAK = named("light oak", "浅橡木色", 196, 152, 104)
PINE = named("honey-coloured", "蜜色", 190, 132, 76)
WALNUT = named("dark walnut", "深胡桃木色", 96, 62, 40)
SILVERED = named("weathered grey", "风化的灰色", 152, 144, 132)
STEEL = named("steel", "钢色", 196, 198, 200)
BRASS = named("brass", "黄铜色", 224, 178, 96)
COPPER = named("copper", "紫铜色", 214, 138, 98)
GOLD = named("gold", "金色", 246, 196, 96)
SILVER = named("silver", "银色", 226, 226, 226)
CHALK = named("white", "白色", 236, 236, 230)
CHALK_YELLOW = named("pale yellow", "淡黄色", 240, 222, 140)
CHALK_PINK = named("pink", "粉色", 236, 168, 170)
LIT_WHITE = named("white", "白色", 250, 250, 252)
LIT_AMBER = named("amber", "琥珀色", 255, 176, 40)
LIT_GREEN = named("green", "绿色", 90, 255, 120)
LIT_RED = named("red", "红色", 255, 70, 50)
LIT_PINK = named("pink", "粉红色", 255, 70, 150)
LIT_BLUE = named("ice-blue", "冰蓝色", 90, 190, 255)
NEAR_BLACK = named("near-black", "近黑色", 18, 20, 26)
