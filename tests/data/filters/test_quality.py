"""Each measure tells a planted fault from the clean picture, whatever is in the picture."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageEnhance, ImageFilter
from procedural import file_of, pixels, scene

from hanmo.data.decode import Decoded, decode
from hanmo.data.filters import quality

SCENES = [scene(seed) for seed in range(20)]
RANGES = {"clarity": 1_040_400.0, "entropy": 8.0}
NAMES = ("clarity", "luma", "dark", "bright", "saturation", "entropy", "texture")


def blurred(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(3))


def darkened(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(0.2)


def overexposed(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(3.5)


def desaturated(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Color(picture).enhance(0.1)


def emptied(picture: Image.Image) -> Image.Image:
    return Image.new("RGB", picture.size, picture.getpixel((3, 3)))


def noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 60, pixels(picture).shape)
    return Image.fromarray((pixels(picture) + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "fault", "lowers"),
    [
        ("clarity", blurred, True),
        ("luma", darkened, True),
        ("luma", overexposed, False),
        ("dark", lambda picture: ImageEnhance.Brightness(picture).enhance(0.02), False),
        ("bright", overexposed, False),
        ("saturation", desaturated, True),
        ("entropy", emptied, True),
        ("texture", noisy, False),
        ("texture", emptied, True),
    ],
)
def test_a_threshold_parts_every_faulty_picture_from_every_clean_one(name: str, fault: object, lowers: bool) -> None:
    score = getattr(quality, name)
    clean = [score(pixels(picture)) for picture in SCENES]
    faulty = [score(pixels(fault(picture))) for picture in SCENES]
    low, high = (faulty, clean) if lowers else (clean, faulty)
    assert max(low) < 0.8 * min(high)


def test_all_measures_at_once_are_the_measures_one_by_one() -> None:
    picture = pixels(scene(3, 700, 300))
    assert asdict(quality.measure(picture)) == {name: getattr(quality, name)(picture) for name in NAMES}


@settings(max_examples=25, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))))
def test_every_score_of_every_picture_is_a_number_in_its_range(picture: np.ndarray) -> None:
    for name, value in asdict(quality.measure(picture)).items():
        assert 0 <= value <= RANGES.get(name, 1.0), name


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (40, 30)])
@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (200, 40, 90)])
def test_one_colour_has_no_structure_at_any_size(size: tuple[int, int], color: tuple[int, int, int]) -> None:
    scores = quality.measure(pixels(Image.new("RGB", size, color)))
    assert (scores.clarity, scores.entropy, scores.texture) == (0, 0, 0)
    assert scores.luma == pytest.approx((0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]) / 255, abs=0.003)
    assert scores.saturation == pytest.approx((max(color) - min(color)) / max(max(color), 1))
    assert (scores.dark, scores.bright) == (float(max(color) == 0), float(min(color) == 255))


def test_known_patterns_have_known_scores() -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    checked = np.repeat(board[..., None], 3, axis=2).astype(np.uint8)
    scores = quality.measure(checked)
    inner = 1020.0**2
    assert 0.9 * inner < scores.clarity <= inner
    assert (scores.entropy, scores.dark, scores.bright) == (1.0, 0.5, 0.5)
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (4, 1, 3))
    assert quality.entropy(ramp) == 8.0


@pytest.mark.parametrize("kind", ["png", "bmp", "webp"])
def test_the_format_of_the_file_does_not_matter(kind: str) -> None:
    answer = decode(file_of(SCENES[0], kind, lossless=True))
    assert isinstance(answer, Decoded)
    assert quality.measure(pixels(answer.image)) == quality.measure(pixels(SCENES[0]))


def test_a_picture_scores_alike_at_two_resolutions() -> None:
    large = scene(5, 512, 384).resize((1536, 1152), Image.Resampling.NEAREST)
    small = scene(5, 512, 384)
    assert quality.measure(pixels(large)) == quality.measure(pixels(small))


def test_saturation_does_not_change_with_brightness() -> None:
    picture = pixels(SCENES[0]).astype(np.uint16)
    dim = (picture // 2).astype(np.uint8)
    assert quality.saturation(dim) == pytest.approx(quality.saturation(picture.astype(np.uint8)), abs=0.01)
