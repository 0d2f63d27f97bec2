"""Control pictures in requests: what they do to a run, what batches keep, and how wrong ones are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from PIL import Image, ImageOps

import hanmo
from hanmo import ControlImage
from hanmo.engine.denoise import StepInfo
from hanmo.errors import RequestError
from hanmo.model.latents import image_to_tensor
from hanmo.pipeline.control import mask_to_tensor, masked_latents
from hanmo.pipeline.pipeline import Pipeline

EDGES, OTHER, WIDE = tiny.picture(96, 64, 1), tiny.picture(96, 64, 2), tiny.picture(200, 64, 3)
MASK = Image.new("L", (96, 64))
MASK.paste(255, (32, 16, 64, 48))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controlled")
    tiny.save_checkpoint(folder / "model")
    tiny.controlnet(folder / "union", seed=5)
    tiny.controlnet(folder / "masked", seed=6, masked=True)
    return folder


@pytest.fixture(scope="module")
def pipe(home: Path) -> Pipeline:
    pipeline = hanmo.load(home / "model")
    assert pipeline.load_controlnet(home / "union", "union") == "union"
    pipeline.load_controlnet(home / "masked", "masked")
    return pipeline


def last(run: Callable[[Callable[[StepInfo], None]], object]) -> torch.Tensor:
    seen: list[StepInfo] = []
    run(seen.append)
    return seen[-1].latents


def test_a_control_changes_the_picture_and_scale_0_does_not(pipe: Pipeline) -> None:
    plain = last(lambda hear: pipe.generate("a red card", size=(96, 64), seed=1, cfg_scale=1.0, on_step=hear))
    found = {
        scale: last(
            lambda hear, s=scale: pipe.generate(
                "a red card", seed=1, cfg_scale=1.0, controls=ControlImage("masked", EDGES, s, mask=MASK), on_step=hear
            )
        )
        for scale in (0.0, 1.0)
    }
    assert torch.equal(found[0.0], plain)
    assert (found[1.0] - plain).abs().max() > 0.1


def test_another_picture_and_another_mask_give_another_result(pipe: Pipeline) -> None:
    inverted = ImageOps.invert(MASK)
    controls = [ControlImage("masked", image, mask=mask) for image in (EDGES, OTHER) for mask in (MASK, inverted)]
    found = [last(lambda hear, c=c: pipe.generate("red", seed=1, controls=c, on_step=hear)) for c in controls]
    distinct = [(a - b).abs().max() > 1e-3 for i, a in enumerate(found) for b in found[:i]]
    assert all(distinct)


@pytest.mark.parametrize("mask", [None, MASK])
def test_a_controlled_picture_of_a_batch_equals_the_one_painted_alone(pipe: Pipeline, mask: Image.Image | None) -> None:
    prompts = ["a red card", 'a card with the text "HELLO WORLD"']
    control = ControlImage("union" if mask is None else "masked", EDGES, 0.8, 0.0, 0.7, mask)
    options: dict[str, Any] = {"controls": control, "cfg_scale": 4.0}
    batch = last(lambda hear: pipe.generate(prompts, seed=4, on_step=hear, **options))
    for index, prompt in enumerate(prompts):
        alone = last(lambda hear, p=prompt, i=index: pipe.generate(p, seed=4 + i, on_step=hear, **options))
        torch.testing.assert_close(batch[index : index + 1], alone, atol=1e-4, rtol=1e-4)


def test_image_to_image_takes_controls_and_counts_its_own_steps(pipe: Pipeline) -> None:
    """Of 4 steps at strength 0.5 two are run; the second half of the run is the last of them."""
    options: dict[str, Any] = {"strength": 0.5, "steps": 4, "seed": 3, "cfg_scale": 1.0}
    seen: dict[str, list[StepInfo]] = {"none": [], "late": []}
    pipe.img2img(
        OTHER, "red", on_step=seen["none"].append, controls=ControlImage("masked", EDGES, 0.0, mask=MASK), **options
    )
    late = ControlImage("masked", EDGES, 1.0, 0.5, 1.0, MASK)
    pipe.img2img(OTHER, "red", on_step=seen["late"].append, controls=late, **options)
    assert torch.equal(seen["none"][0].latents, seen["late"][0].latents)
    assert (seen["none"][1].latents - seen["late"][1].latents).abs().max() > 1e-3


def test_without_a_size_the_picture_gets_the_shape_of_its_control(pipe: Pipeline) -> None:
    assert pipe.generate("red", steps=1, controls=ControlImage("union", EDGES)).images[0].size == (96, 64)
    tall = pipe.generate("red", steps=1, controls=ControlImage("union", WIDE.transpose(Image.Transpose.ROTATE_90)))
    assert tall.images[0].size == (32, 128)


def test_a_larger_control_of_the_same_shape_is_resized_as_pil_does(pipe: Pipeline) -> None:
    large = tiny.picture(288, 192, 7)
    small = large.resize((96, 64), Image.Resampling.LANCZOS)
    first, second = (
        last(
            lambda hear, c=c: pipe.generate(
                "red", size=(96, 64), seed=2, controls=ControlImage("union", c), on_step=hear
            )
        )
        for c in (large, small)
    )
    assert torch.equal(first, second)


def test_the_masked_condition_hides_what_is_painted_anew_and_says_what_is_kept(pipe: Pipeline) -> None:
    """Pixels under the mask cannot matter; the last four numbers of a token are its cells: 1 is kept."""
    mask, pixels = mask_to_tensor(MASK), image_to_tensor(EDGES)
    changed = torch.where(mask > 0, torch.rand(pixels.shape) * 2 - 1, pixels)
    first, second = (
        masked_latents(each, mask, pipe.vae, [torch.Generator().manual_seed(0)]) for each in (pixels, changed)
    )
    assert torch.equal(first, second)
    assert first.shape == (1, 24, 68)
    kept = first[0, :, 64:].reshape(4, 6, 4)
    assert kept.unique().tolist() == [0.0, 1.0]
    painted = {(row, column) for row in range(4) for column in range(6) if not kept[row, column].any()}
    assert painted == {(row, column) for row in (1, 2) for column in (2, 3)}


def test_the_record_of_a_picture_says_what_controlled_it(pipe: Pipeline) -> None:
    controls = [ControlImage("union", EDGES, 0.5), ControlImage("masked", EDGES, end=0.9, mask=MASK)]
    request = pipe.generate("red", steps=2, controls=[controls[0]]).request
    assert request.record()["controls"] == [{"name": "union", "scale": 0.5, "start": 0.0, "end": 1.0}]
    assert controls[1].record() == {"name": "masked", "scale": 1.0, "start": 0.0, "end": 0.9, "mask": True}
    assert "controls" not in pipe.generate("red", steps=1).request.record()


# --- refusals ------------------------------------------------------------------------------------------


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(RequestError) as caught:
        run()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"scale": float("nan")}, "control scale nan is not allowed"),
        ({"scale": float("inf")}, "control scale inf is not allowed"),
        ({"start": 0.5, "end": 0.5}, "control range 0.5 to 0.5 is not allowed: give a start and a later end"),
        ({"start": 0.8, "end": 0.2}, "control range 0.8 to 0.2"),
        ({"start": -0.1}, "control range -0.1 to 1.0"),
        ({"end": 1.5}, "control range 0.0 to 1.5"),
        ({"start": float("nan")}, "control range nan to 1.0"),
        ({"name": ""}, "names no ControlNet"),
    ],
)
def test_a_wrong_control_is_refused_before_anything_is_loaded(values: dict[str, Any], said: str) -> None:
    assert said in refused(lambda: ControlImage(**({"name": "union", "image": EDGES} | values)))


@pytest.mark.parametrize(
    ("control", "options", "said"),
    [
        (ControlImage("onion", EDGES), {}, "no ControlNet 'onion' is loaded (did you mean 'union'?)"),
        (ControlImage("depth", EDGES), {}, "loaded: union, masked): call load_controlnet first"),
        (ControlImage("masked", EDGES), {}, "is for inpainting: give a mask"),
        (ControlImage("union", EDGES, mask=MASK), {}, "takes no mask"),
        (ControlImage("union", "nowhere.png"), {}, "the picture nowhere.png does not exist"),
        (ControlImage("masked", EDGES, mask="nowhere.png"), {}, "the picture nowhere.png does not exist"),
        (ControlImage("union", WIDE), {"size": (96, 64)}, "a control picture of 200x64 would be stretched to 96x64"),
        (ControlImage("masked", EDGES, mask=WIDE), {}, "a control mask of 200x64 would be stretched to 96x64"),
        (ControlImage("union", EDGES, 1.0, 0.3, 0.5), {"steps": 3}, "no step lies in the control range 0.3 to 0.5"),
    ],
)
def test_a_control_that_this_pipeline_cannot_use_is_refused(
    pipe: Pipeline, control: ControlImage, options: dict[str, Any], said: str
) -> None:
    assert said in refused(lambda: pipe.generate("red", controls=control, **options))


def test_two_controls_of_different_shapes_are_refused(pipe: Pipeline) -> None:
    controls = [ControlImage("union", EDGES), ControlImage("union", WIDE)]
    assert "would be stretched to 96x64" in refused(lambda: pipe.generate("red", controls=controls))


def test_an_edit_takes_no_control() -> None:
    request: dict[str, Any] = {"prompts": ("red",), "images": ((EDGES,),), "controls": (ControlImage("a", EDGES),)}
    assert "edit takes no control picture: use generate or img2img" in refused(
        lambda: hanmo.Request(task="edit", **request)
    )


def test_a_net_is_loaded_once_under_a_name_and_only_where_it_fits(pipe: Pipeline, home: Path, tmp_path: Path) -> None:
    assert "a ControlNet 'union' is loaded already" in refused(lambda: pipe.load_controlnet(home / "masked", "union"))
    tiny.controlnet(tmp_path / "deep", layers=3)
    assert "has 3 blocks, this model only 2" in refused(lambda: pipe.load_controlnet(tmp_path / "deep"))
    assert "is neither a folder here nor a hub id" in refused(lambda: pipe.load_controlnet(tmp_path / "nowhere"))
    assert set(pipe.controlnets) == {"union", "masked"}
