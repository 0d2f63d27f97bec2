"""Ways to write on a surface (report section 3.4, compositional rendering): each changes heights and colours.

    printed, painted, chalked   colour that the grain, the wear or the tooth of the ground lets through
    carved, raised              heights; the light does the rest
    stitched                    threads that lie on the cloth, side by side
    foiled                      metal pressed into the ground
    shining, tubes              light of its own: a screen, a sign of glass tubes on a wall

Every function has the signature of `Mark`. This module does not know fonts, cameras or what is written.
H W: rows and columns of the surface.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from hanmo.data.synthesize.scenes.noise import Map, blur, like, step
from hanmo.data.synthesize.scenes.surface import Surface, Tint, mixed

Mark = Callable[[np.random.Generator, Surface, Map, float, Tint], Surface]
_GOLD = np.array([1.0, 0.72, 0.3], np.float32)


def printed(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Ink that has soaked in: it darkens by multiplying, bleeds a little, and lets fibres show."""
    uneven = like(noise, ink, em * 0.06, 3)
    share = step(blur(ink, em * 0.008) + 0.05 * uneven * ink, 0.2, 0.8) * (0.95 + 0.02 * uneven)
    soaked = (under.albedo / np.maximum(under.albedo.mean(axis=(0, 1)), 0.02) * tint).astype(np.float32)
    return replace(under, albedo=mixed(under.albedo, soaked, np.clip(share, 0.0, 1.0).astype(np.float32)))


def painted(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Paint with body: it fills the grain, has an edge and streaks, and is worn off what stands out most."""
    streaks = like(noise, ink, em * 0.05, 3, (0.5, 8.0))
    spots = like(noise, ink, em * 0.12, 4)
    proud = under.height - blur(under.height, em * 0.12)
    proud = proud / max(float(proud.std()), 1e-3)
    worn = step((0.55 * spots + 0.35 * streaks + 0.3 * np.abs(proud)).astype(np.float32), 1.25, 2.0)
    edge = step(blur(ink, em * 0.006) + 0.03 * spots, 0.35, 0.65)
    share = (edge * (1.0 - 0.8 * worn)).astype(np.float32)
    color = tint * (1.0 + 0.04 * streaks)[..., None]
    grain = under.albedo / np.maximum(blur(under.albedo, em * 0.1), 0.01)
    color = np.clip(color * (0.75 + 0.25 * np.clip(grain, 0.4, 1.6)), 0.003, 0.95).astype(np.float32)
    relief = under.height * (1.0 - 0.3 * share) + blur(share, em * 0.006) * np.float32(em * 0.012)
    return replace(
        under,
        albedo=mixed(under.albedo, color, share),
        height=relief.astype(np.float32),
        metal=(under.metal * (1.0 - share)).astype(np.float32),
        gloss=(under.gloss * (1.0 - share) + 0.2 * share).astype(np.float32),
    )


def glazed(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """A second colour fired into enamel, or printed on metal and glass: clean edges, gone where it is chipped."""
    sound = np.ones_like(ink) if under.rough > 0.3 else step(under.gloss, 0.3, 0.8)
    share = (step(ink, 0.1, 0.9) * sound).astype(np.float32)
    relief = under.height + blur(share, em * 0.012) * np.float32(em * 0.012)
    return replace(
        under,
        albedo=mixed(under.albedo, tint, share),
        height=relief.astype(np.float32),
        metal=(under.metal * (1.0 - share)).astype(np.float32),
        gloss=(under.gloss * (1.0 - share) + np.minimum(under.gloss, 0.8) * share).astype(np.float32),
    )


def chalked(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Chalk: dust that lies on the tooth of the board, denser in the middle of a stroke, smeared around it."""
    tooth = like(noise, ink, 2.6, 2)
    strokes = like(noise, ink, em * 0.1, 3, (2.0, 1.0))
    wobble = np.stack([like(noise, ink, em * 0.12, 2) for _ in range(2)]) * np.float32(em * 0.012)
    y, x = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]].astype(np.float32)
    bent = cv2.remap(ink, x + wobble[0], y + wobble[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    dense = blur(bent, em * 0.012) * 1.25 + 0.14 * strokes * bent
    share = step((dense + 0.2 * tooth).astype(np.float32), 0.35, 0.85) * step(bent, 0.0, 0.4)
    haze = 0.1 * np.clip(blur(bent, em * 0.12), 0.0, 1.0)
    share = np.clip(0.93 * share + haze, 0.0, 1.0).astype(np.float32)
    return replace(under, albedo=mixed(under.albedo, tint, share), gloss=(under.gloss * (1 - share)).astype(np.float32))


def carved(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Cut with slanting sides; what lies in the cut (dirt, soot, paint) has the colour `tint`."""
    depth = np.minimum(_inside(ink), em * 0.05)
    cut = blur(depth.astype(np.float32), em * 0.005)
    share = step(ink, 0.2, 0.8)
    tone = 1.0 + 0.12 * like(noise, ink, em * 0.1, 4)
    filled = (tint * tone[..., None] * 0.75 + under.albedo * 0.25).astype(np.float32)
    burnt = mixed(under.albedo, under.albedo * 0.72, (np.clip(blur(ink, em * 0.03), 0, 1) * 0.6).astype(np.float32))
    return replace(
        under,
        albedo=np.clip(mixed(burnt, filled, (share * 0.92).astype(np.float32)), 0.003, 0.95).astype(np.float32),
        height=(under.height * (1.0 - 0.5 * share) - cut * 1.1).astype(np.float32),
        metal=(under.metal * (1.0 - 0.8 * share)).astype(np.float32),
        gloss=(under.gloss * (1.0 - 0.7 * share)).astype(np.float32),
    )


def raised(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Letters that stand up from the ground, with slanting sides and worn tops."""
    rise = np.minimum(_inside(ink), em * 0.035)
    share = step(ink, 0.2, 0.8)
    tone = 1.0 + 0.05 * like(noise, ink, em * 0.2, 3)
    return replace(
        under,
        albedo=mixed(under.albedo, (tint * tone[..., None]).astype(np.float32), share),
        height=(under.height * (1.0 - 0.5 * share) + blur(rise.astype(np.float32), em * 0.004) * 2.0).astype(
            np.float32
        ),
        gloss=np.maximum(under.gloss * (1.0 - share), share * 0.35).astype(np.float32),
    )


def stitched(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Satin stitches, slanting, side by side, over a padded shape; the cloth is drawn in around them."""
    thread = max(2.2, em * 0.028)
    y, x = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]].astype(np.float32)
    jitter = like(noise, ink, em * 0.1, 3) * thread * 0.25
    along = (x * 0.5 + y * 0.866 + jitter) / np.float32(thread)
    threads = np.abs(np.sin(along * np.pi))
    tones = noise.normal(0.0, 0.09, 512).astype(np.float32)[np.floor(along).astype(np.int64) % 512]
    fray = np.sin(along * np.pi) * 0.14 + tones
    share = step((blur(ink, em * 0.012) + fray * 0.6).astype(np.float32), 0.3, 0.62)
    pad = np.sqrt(np.clip(_inside(ink) / (em * 0.09), 0.0, 1.0)) * em * 0.045
    color = tint * ((0.62 + 0.42 * threads) * (1.0 + tones))[..., None]
    drawn_in = blur(ink, em * 0.07) * (1.0 - share)
    return replace(
        under,
        albedo=mixed(
            (under.albedo * (1.0 - 0.25 * drawn_in)[..., None]).astype(np.float32), color.astype(np.float32), share
        ),
        height=(under.height * (1.0 - share) + pad + share * threads * thread * 0.45).astype(np.float32),
        gloss=(under.gloss * (1.0 - share) + share * 0.4).astype(np.float32),
    )


def foiled(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Metal foil pressed into the ground; rubbed off in places."""
    rubbed = step(like(noise, ink, em * 0.1, 4), 1.6, 2.3)
    share = (step(ink, 0.2, 0.8) * (1.0 - 0.75 * rubbed)).astype(np.float32)
    grain = like(noise, ink, 3.0, 2)
    return replace(
        under,
        albedo=mixed(under.albedo, tint, share),
        height=(under.height * (1.0 - 0.7 * share) - blur(ink, em * 0.015) * em * 0.02 + share * grain * 0.1).astype(
            np.float32
        ),
        metal=(under.metal + share * 0.35).astype(np.float32),
        gloss=np.maximum(under.gloss * (1 - share), share * 0.6).astype(np.float32),
    )


def shining(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """What a screen shows: the letters in place of its ground, in rows of pixels."""
    share = step(ink, 0.1, 0.9)
    glow = mixed(under.glow, tint, share)
    pitch = max(3.0, em * 0.04)
    y, x = (np.arange(size, dtype=np.float32) * np.float32(2 * np.pi / pitch) for size in ink.shape)
    grid = (1.0 + 0.1 * np.cos(y))[:, None] * (1.0 + 0.07 * np.cos(x))[None, :]
    lit = np.stack([1.0 + 0.05 * np.cos(x + turn) for turn in (0.0, 2.1, 4.2)], axis=1)
    return replace(under, glow=(glow * grid[..., None] * lit[None]).astype(np.float32))


def dotted(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """A board of lamps: each lamp is on or off."""
    pitch = max(3.0, em / 20)
    height, width = ink.shape
    size = (max(1, round(width / pitch)), max(1, round(height / pitch)))
    lamps = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    lamps = step(lamps, 0.22, 0.5) * (1.0 + 0.08 * noise.standard_normal((size[1], size[0]), np.float32))
    on = cv2.resize(lamps.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    y = (np.arange(height, dtype=np.float32) + 0.5) * np.float32(size[1] / height) % 1.0 - 0.5
    x = (np.arange(width, dtype=np.float32) + 0.5) * np.float32(size[0] / width) % 1.0 - 0.5
    dot = 1.0 - step(np.hypot(x[None, :], y[:, None]).astype(np.float32), 0.28, 0.52)
    off = np.array([0.006, 0.005, 0.005], np.float32)
    glow = (off + on[..., None] * tint * 1.6) * dot[..., None]
    glow = glow + blur(on, em * 0.05)[..., None] * tint * 0.12
    return replace(under, glow=glow.astype(np.float32))


def tubes(noise: np.random.Generator, under: Surface, ink: Map, em: float, tint: Tint) -> Surface:
    """Glass tubes full of light, a little off the wall: a white core, a coloured rim, and their light on the wall."""
    inside = _inside(ink)
    core = step((inside / max(float(np.percentile(inside[inside > 0.5], 80)), 1.0)).astype(np.float32), 0.15, 1.1)
    share = step(ink, 0.1, 0.9)
    tube = (tint * (1.0 - core)[..., None] * 1.2 + (0.55 * tint + 0.45) * core[..., None] * 1.5) * share[..., None]
    near = blur(share, em * 0.12) * 0.9 + blur(share, em * 0.5) * 0.9 + blur(share, em * 1.6) * 0.8
    shine = under.albedo * near[..., None] * tint * 2.2
    return replace(
        under,
        glow=(
            under.glow + tube + shine * (1.0 - share)[..., None] + tint * blur(share, em * 0.05)[..., None] * 0.1
        ).astype(np.float32),
        albedo=mixed(under.albedo, np.array([0.2, 0.2, 0.2], np.float32), share),
    )


def _inside(ink: Map) -> Map:
    """How far inside the letters each pixel lies."""
    solid = (ink > 0.5).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 5), np.float32)
