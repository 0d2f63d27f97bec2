"""Runs that paint a part of a picture: every byte outside it stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hanmo.engine.attention import attention_table
from hanmo.errors import RequestError
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.mask import feathered
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.request import steps_skipped

QUICK: dict[str, Any] = {"steps": 2, "cfg_scale": 1.0, "seed": 0}


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def random_case(seed: int) -> tuple[Image.Image, np.ndarray, int]:
    """A picture of noise, a mask of an ellipse or a box, and a feather."""
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in rng.integers(24, 110, 2))
    y, x = np.mgrid[:height, :width]
    cx, cy = rng.uniform(0.2, 0.8, 2) * (width, height)
    rx, ry = rng.uniform(0.1, 0.35, 2) * (width, height)
    mask = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1 if seed % 2 else (abs(x - cx) < rx) & (abs(y - cy) < ry)
    return noise((width, height), seed), mask, int(rng.integers(0, 6))


@pytest.mark.parametrize("seed", range(20))
def test_inpainting_with_a_mask_keeps_every_byte_outside_it(pipe: Pipeline, seed: int) -> None:
    picture, mask, feather = random_case(seed)
    crop = "auto" if seed % 3 == 0 else None
    result = pipe.inpaint(picture, mask, "red", feather=feather, crop=crop, reference=seed % 4 == 0, **QUICK).images[0]
    assert result.size == picture.size
    outside = feathered(mask, feather) == 0
    before, after = np.asarray(picture), np.asarray(result)
    np.testing.assert_array_equal(after[outside], before[outside])
    assert (after[mask] != before[mask]).any()


@pytest.mark.parametrize("margins", [(0, 40, 0, 0), (16, 0, 7, 0), (5, 5, 5, 5), (0, 0, 0, 33)])
def test_outpainting_is_a_mask_around_the_picture_whose_bytes_stay(
    pipe: Pipeline, margins: tuple[int, int, int, int]
) -> None:
    picture = noise((50, 37), 3)
    left, right, top, bottom = margins
    result = pipe.outpaint(picture, "red", left=left, right=right, top=top, bottom=bottom, **QUICK).images[0]
    assert result.size == (50 + left + right, 37 + top + bottom)
    inner = result.crop((left, top, left + 50, top + 37))
    np.testing.assert_array_equal(np.asarray(inner), np.asarray(picture))


def test_outpainting_to_a_ratio_reaches_it(pipe: Pipeline) -> None:
    assert pipe.outpaint(noise((48, 48), 0), "red", aspect=(2, 1), **QUICK).images[0].size == (96, 48)


def test_masks_of_a_batch_of_different_pictures_equal_single_runs(pipe: Pipeline) -> None:
    cases = [random_case(seed) for seed in (2, 3, 4)]
    pictures, masks = [case[0] for case in cases], [case[1] for case in cases]
    options = {**QUICK, "seed": 7}
    together = pipe.inpaint(pictures, masks, ["red", "a card", "text"], **options).images
    for index, prompt in enumerate(["red", "a card", "text"]):
        alone = pipe.inpaint(pictures[index], masks[index], prompt, **{**options, "seed": 7 + index}).images[0]
        difference = np.abs(np.asarray(together[index], dtype=int) - np.asarray(alone, dtype=int))
        assert difference.max() <= 1


def test_a_window_paints_less_than_the_whole_picture(pipe: Pipeline) -> None:
    picture = noise((200, 200), 5)
    sizes = []
    pipe.inpaint(picture, (90, 90, 100, 100), "red", crop="auto", on_step=lambda i: sizes.append(i.latents), **QUICK)
    assert sizes[0].shape[1] == 25  # 80x80 pixels


def test_each_kind_of_attention_paints_another_picture(pipe: Pipeline) -> None:
    picture = tiny.picture(96, 64, 3)
    found = []
    for attention in ({"attention": "free"}, {"attention": "isolate"}, {"attention": "soft", "softness": 2.0}):
        latents = pipe.inpaint(picture, (48, 0, 96, 64), "red", **attention, **QUICK).latents[0]
        assert latents is not None
        found.append(latents)
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not torch.equal(found[1], found[2])


def test_a_bias_too_strong_to_overcome_isolates(pipe: Pipeline) -> None:
    picture = tiny.picture(96, 64, 3)
    isolated = pipe.inpaint(picture, (48, 0, 96, 64), "red", attention="isolate", **QUICK).latents[0]
    strong = pipe.inpaint(picture, (48, 0, 96, 64), "red", attention="soft", softness=1e4, **QUICK).latents[0]
    assert isolated is not None
    assert strong is not None
    torch.testing.assert_close(isolated, strong, atol=1e-4, rtol=0)


def test_the_table_of_attention_bars_kept_tokens_from_painted_ones_only() -> None:
    painted = torch.tensor([[False, True, False]])
    table = attention_table(painted, torch.tensor([[True, False]]), 2, 1, None, torch.float32)[0, 0]
    # order: text, text (padding), kept, painted, kept, condition
    assert table.tolist() == [
        [True, False, True, True, True, True],
        [True, False, True, True, True, True],
        [True, False, True, False, True, True],
        [True, False, True, True, True, True],
        [True, False, True, False, True, True],
        [True, False, True, False, True, True],
    ]
    bias = attention_table(painted, None, 2, 1, 3.0, torch.float32)[0, 0]
    assert bias[2].tolist() == [0, 0, 0, -3, 0, 0]
    assert bias[3].tolist() == [0] * 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"feather": -1}, "feather -1 is not allowed"),
        ({"feather": 999}, "feather 999 is not allowed"),
        ({"softness": 2.0}, "softness has no effect on attention 'free'"),
        ({"attention": "soft", "softness": 0.0}, "softness 0.0 is not allowed"),
        ({"size": (96, 64)}, "size has no effect on inpaint"),
        ({"strength": 0.0}, "strength 0.0 is not allowed"),
    ],
)
def test_what_no_masked_run_can_do_is_refused_in_one_line(options: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        make_request("inpaint", "red", noise((48, 48), 0), mask=(0, 0, 8, 8), **options)
    assert "\n" not in str(refused.value)


def test_masks_are_for_inpainting_and_margins_for_outpainting() -> None:
    picture = noise((48, 48), 0)
    with pytest.raises(RequestError, match="mask, feather and crop have no effect on edit"):
        make_request("edit", "red", picture, mask=(0, 0, 8, 8))
    with pytest.raises(RequestError, match="margins have no effect on edit"):
        make_request("edit", "red", picture, margins=(1, 0, 0, 0))
    with pytest.raises(RequestError, match="give pixels to add"):
        make_request("outpaint", "red", picture, margins=(0, 0, 0, 0))
    with pytest.raises(RequestError, match="attention and reference have no effect on edit"):
        make_request("edit", "red", picture, attention="soft")
    with pytest.raises(RequestError, match="0 masks and 1 pictures"):
        make_request("inpaint", "red", picture)


@pytest.mark.parametrize("size", [(96, 64), (51, 33), (130, 47)])
def test_an_edit_of_size_auto_has_exactly_the_pictures_size(pipe: Pipeline, size: tuple[int, int]) -> None:
    picture = noise(size, 1)
    assert pipe.edit(picture, "red", size="auto", **QUICK).images[0].size == size
    assert pipe.img2img(picture, "red", size="auto", **QUICK).images[0].size == size


def test_a_painting_is_edited_from_its_latents_without_encoding_it_again(
    pipe: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pipe.generate("red", size=(96, 64), **QUICK)
    calls = []
    encode = pipe.vae.encode
    monkeypatch.setattr(pipe.vae, "encode", lambda pixels: calls.append(pixels.shape) or encode(pixels))
    pipe.edit(first.painting(), "a card", **QUICK)
    assert not calls
    pipe.edit(first.images[0], "a card", **QUICK)
    assert len(calls) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.tuples(st.integers(20, 90), st.integers(20, 90)), min_size=1, max_size=3),
    strength=st.floats(0.01, 1.0),
    steps=st.integers(1, 3),
    task=st.sampled_from(["edit", "img2img", "inpaint", "outpaint"]),
)
def test_any_batch_of_any_sizes_comes_back_in_its_sizes_or_is_refused_in_one_line(
    pipe: Pipeline, sizes: list[tuple[int, int]], strength: float, steps: int, task: Any
) -> None:
    pictures = [noise(size, number) for number, size in enumerate(sizes)]
    options: dict[str, Any] = {"steps": steps, "cfg_scale": 1.0, "seed": 1}
    if task in ("edit", "img2img"):
        options["size"] = "auto"
    if task == "inpaint":
        options["mask"] = (3, 4, 15, 18)
    if task == "outpaint":
        options["margins"] = (3, 0, 0, 9)
    if task != "edit":
        options["strength"] = strength
    if task != "edit" and steps_skipped(steps, strength) >= steps:
        with pytest.raises(RequestError, match="leaves none of"):
            make_request(task, "red", pictures, **options)
        return
    images = pipe(make_request(task, "red", pictures, **options)).images
    added = (3, 9) if task == "outpaint" else (0, 0)
    assert [image.size for image in images] == [(width + added[0], height + added[1]) for width, height in sizes]
