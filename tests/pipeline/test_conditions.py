"""Pictures and prompts as tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.conditions import Conditions, generators_of, noise_tokens, prepare
from hanmo.pipeline.geometry import size_for
from hanmo.pipeline.pictures import open_picture, open_sources
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.work import plan_work


@pytest.mark.parametrize(
    ("area", "picture", "expected"),
    [
        (1024 * 1024, (1024, 1024), (1024, 1024)),
        (1024 * 1024, (96, 64), (1248, 832)),
        (1024 * 1024, (1920, 1080), (1376, 768)),
        (128 * 64, (128, 64), (128, 64)),
        (256 * 128, (256, 128), (256, 128)),
        (128 * 64, (1024, 512), (128, 64)),
        (128 * 64, (64, 64), (96, 96)),
    ],
)
def test_a_source_keeps_its_shape_at_the_checkpoints_area(
    area: int, picture: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert size_for(area, picture) == expected


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_resized_sources_are_multiples_of_32_or_refused(width: int, height: int) -> None:
    # sqrt(8192 / ratio) is the shorter side; it rounds to nothing below 16.
    if max(width, height) > 32 * min(width, height):
        with pytest.raises(RequestError, match="too thin"):
            size_for(128 * 64, (width, height))
        return
    if max(width, height) < 31 * min(width, height):
        assert all(side >= 32 and side % 32 == 0 for side in size_for(128 * 64, (width, height)))


def test_the_noise_is_that_of_diffusers_for_the_same_seed() -> None:
    reference = torch.randn(1, 1, 16, 8, 12, generator=torch.Generator("cpu").manual_seed(7))
    packed = reference.view(1, 16, 4, 2, 6, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 24, 64)
    assert torch.equal(noise_tokens((96, 64), torch.Generator("cpu").manual_seed(7)), packed)


def test_transparent_parts_become_white_and_photographs_upright(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    assert open_picture(clear).getpixel((0, 0)) == (255, 255, 255)
    photograph = Image.new("RGB", (32, 16), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph.save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (16, 32)
    assert open_picture(Image.new("L", (16, 16), 7)).getpixel((0, 0)) == (7, 7, 7)


def test_one_source_of_many_edits_is_opened_once(tmp_path: Path) -> None:
    tiny.picture(96, 64).save(tmp_path / "a.png")
    request = make_request("edit", ["a", "b"], tmp_path / "a.png", seed=0)
    first, second = open_sources(request.images)
    assert first[0] is second[0]


@torch.inference_mode()
def prepared(pipe: Pipeline, request: Request) -> Conditions:
    works = plan_work(request, open_sources(request.images), pipe.preferences)
    request = request.resolve(pipe.preferences, [work.output for work in works])
    return prepare(request, works, pipe.encoder, pipe.vae, pipe.preferences.max_text, generators_of(request))


def test_repeated_prompts_are_encoded_once_and_given_to_each(pipe: Pipeline) -> None:
    request = make_request("generate", ["a red card", "text", "a red card"], seed=0)
    conditions = prepared(pipe, request)
    with torch.inference_mode():
        alone = pipe.encoder.encode(["text"])
    states = conditions.positive.states
    assert torch.equal(states[0], states[2])
    torch.testing.assert_close(states[1:2, : alone.states.shape[1]], alone.states, atol=1e-5, rtol=1e-5)
    assert conditions.negative is not None
    assert conditions.negative.mask is None
    assert len(conditions.negative.states) == 3


def test_an_edit_carries_its_source_behind_the_target(pipe: Pipeline) -> None:
    picture = tiny.picture(96, 64)
    conditions = prepared(pipe, make_request("edit", "red", picture, size=(48, 32), seed=0))
    assert conditions.shapes == ((1, 2, 3), (1, 4, 6))
    assert conditions.pictures is not None
    assert conditions.pictures.shape == (1, 24, 64)
    assert conditions.noise.shape == (1, 6, 64)
    assert conditions.start is None
