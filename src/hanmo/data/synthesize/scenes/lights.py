"""Which light falls on a scene (report section 3.4, compositional rendering), and what it is called.

This module does not know things or texts. x grows to the right, y down, z away from the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hanmo.data.synthesize.scenes.camera import Plane, vector
from hanmo.data.synthesize.scenes.lighting import Light
from hanmo.data.synthesize.scenes.noise import blur, fractal, step
from hanmo.data.synthesize.scenes.render import Pattern


@dataclass(frozen=True)
class Mood:
    """A kind of light.

    Attributes:
        en: What it is called.
        zh: The same in Chinese.
        lamp: Colour times strength of the lamp or the sun.
        sky: of all other light.
        pattern: What the lamp's light passes: "", "window", "blinds", "leaves" or "pool".
        key: How bright the picture is on average.
        low: How low the lamp stands, 0 (in front) to 1 (grazing).
    """

    en: str
    zh: str
    lamp: tuple[float, float, float]
    sky: tuple[float, float, float]
    pattern: str
    key: float
    low: float


MOODS: dict[str, Mood] = {
    "overcast": Mood("soft overcast light", "柔和的阴天光线", (0.5, 0.5, 0.5), (0.72, 0.75, 0.8), "", 0.3, 0.5),
    "sun": Mood("bright sunlight", "明亮的阳光", (2.3, 2.15, 1.9), (0.36, 0.42, 0.52), "", 0.34, 0.6),
    "window": Mood(
        "sunlight through a window", "透过窗户的阳光", (2.4, 2.1, 1.7), (0.4, 0.43, 0.5), "window", 0.3, 0.6
    ),
    "blinds": Mood(
        "light falling through blinds", "穿过百叶窗的光线", (2.1, 1.85, 1.5), (0.42, 0.43, 0.48), "blinds", 0.3, 0.6
    ),
    "leaves": Mood(
        "dappled sunlight under trees", "树荫下斑驳的阳光", (2.5, 2.3, 1.8), (0.4, 0.47, 0.46), "leaves", 0.3, 0.55
    ),
    "lamp": Mood("the warm light of a lamp", "温暖的灯光", (2.5, 1.9, 1.25), (0.26, 0.24, 0.25), "pool", 0.24, 0.45),
    "evening": Mood("low evening sun", "傍晚的斜阳", (2.2, 1.55, 0.98), (0.34, 0.37, 0.48), "", 0.28, 0.85),
    "studio": Mood("even indoor light", "均匀的室内光", (0.95, 0.93, 0.9), (0.55, 0.55, 0.56), "", 0.31, 0.5),
    "night": Mood("darkness all around", "周围一片昏暗", (0.14, 0.16, 0.26), (0.1, 0.11, 0.17), "", 0.1, 0.5),
}


def light_of(noise: np.random.Generator, mood: Mood) -> Light:
    """A light of the kind: from the upper left or right, at an angle of its own."""
    side = float(noise.choice((-1.0, -1.0, 1.0)))
    low = mood.low * noise.uniform(0.85, 1.15)
    way = vector(side * low * noise.uniform(0.6, 1.1), -low * noise.uniform(0.7, 1.2), -(1.15 - low))
    lamp, sky = np.array(mood.lamp, np.float32), np.array(mood.sky, np.float32)
    return Light((way / np.linalg.norm(way)).astype(np.float32), lamp, sky, (sky + 0.1 * lamp).astype(np.float32))


def pattern_of(noise: np.random.Generator, mood: Mood, light: Light) -> Pattern | None:
    """The pattern of the light, as it falls around the origin; None where there is none."""
    if not mood.pattern:
        return None
    size, unit = 360, 120.0
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(unit) - 1.5
    turn = noise.uniform(-0.25, 0.25)
    skew_x, skew_y = x + 0.35 * y + np.float32(noise.uniform(-0.2, 0.2)), y + np.float32(turn) * x
    match mood.pattern:
        case "window":
            wide, tall = noise.uniform(0.3, 0.42), noise.uniform(0.34, 0.5)
            cell_x, cell_y = np.abs((skew_x / wide) % 1.0 - 0.5), np.abs((skew_y / tall) % 1.0 - 0.5)
            panes = step(0.44 - np.maximum(cell_x, cell_y).astype(np.float32), 0.0, 0.03)
            rows, columns = np.floor(skew_y / tall), np.floor(skew_x / wide)
            inside = (np.abs(rows + 0.5) < 2) & (np.abs(columns + 0.5) < 2)
            share = 0.12 + 0.88 * blur((panes * inside).astype(np.float32), noise.uniform(1.0, 2.5))
        case "blinds":
            wide = noise.uniform(0.09, 0.15)
            share = 0.3 + 0.7 * step(
                np.sin((skew_y + 0.25 * x) * np.float32(2 * np.pi / wide)).astype(np.float32), -0.7, 0.5
            )
        case "leaves":
            gaps = fractal(noise, size, size, 34.0, 3)
            share = 0.25 + 0.75 * blur(step(gaps, -0.35, 0.35), 3.0)
        case _:
            at = noise.uniform(-0.25, 0.25, 2)
            share = 0.12 + 0.88 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.42)
    # It hangs in front of everything, on the way of the light to the origin.
    away = (light.way * np.float32(1.2 / max(-float(light.way[2]), 0.2))).astype(np.float32)
    plane = Plane(away, vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0), size / unit, size / unit, unit)
    return Pattern(plane, np.asarray(share, np.float32))
