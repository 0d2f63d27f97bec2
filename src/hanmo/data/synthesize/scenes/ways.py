"""Ways to write on things and the colours that go with each (report section 3.4, compositional rendering)."""

from __future__ import annotations

from dataclasses import dataclass

from hanmo.data.synthesize.grounds import Color
from hanmo.data.synthesize.scenes import marks
from hanmo.data.synthesize.scenes.tints import (
    BLACK,
    BROWN,
    BURGUNDY,
    CHALK,
    CHALK_PINK,
    CHALK_YELLOW,
    CREAM,
    GOLD,
    GREEN,
    LIT_AMBER,
    LIT_BLUE,
    LIT_GREEN,
    LIT_PINK,
    LIT_RED,
    LIT_WHITE,
    NAVY,
    RED,
    SILVER,
    SOOT,
    WHITE,
    YELLOW,
)


@dataclass(frozen=True)
class Way:
    """A way to write: how, what it is called, and in which colours."""

    mark: marks.Mark
    en: str
    zh: str
    inks: tuple[Color, ...]


DARK_INKS = (BLACK, NAVY, RED, GREEN, BROWN, BURGUNDY)
PAINTS = (WHITE, CREAM, BLACK, RED, NAVY, GREEN, YELLOW)

PRINTED = Way(marks.printed, "printed", "印着", DARK_INKS)
PAINTED = Way(marks.painted, "painted", "漆着", PAINTS)
CARVED = Way(marks.carved, "carved", "刻着", (SOOT, BROWN, CREAM, GREEN, RED))
ENGRAVED = Way(marks.carved, "engraved", "镌刻着", (BLACK, SOOT))
HEWN = Way(marks.carved, "hewn", "凿刻着", (SOOT, RED, GOLD, GREEN))
FIRED = Way(marks.glazed, "enamelled", "烧制着", (WHITE, BLACK, YELLOW, CREAM, NAVY, RED))
CHALKED = Way(marks.chalked, "written in chalk", "用粉笔写着", (CHALK, CHALK, CHALK_YELLOW, CHALK_PINK))
STITCHED = Way(marks.stitched, "embroidered", "绣着", (*DARK_INKS, CREAM, GOLD, WHITE))
FOILED = Way(marks.foiled, "stamped in foil", "烫印着", (GOLD, SILVER))
RAISED = Way(marks.raised, "mounted in raised letters", "镶着凸起的", (BLACK, WHITE, CREAM, GOLD, RED))
SHINING = Way(marks.shining, "shown", "显示着", (LIT_WHITE, BLACK, YELLOW, LIT_BLUE))
DOTTED = Way(marks.dotted, "shown in dots of light", "用光点显示着", (LIT_AMBER, LIT_GREEN, LIT_RED, LIT_WHITE))
TUBED = Way(marks.tubes, "shining in neon", "亮着霓虹灯", (LIT_PINK, LIT_BLUE, LIT_AMBER, LIT_RED, LIT_GREEN))
