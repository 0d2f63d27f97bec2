from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from colours import Colours
from PIL import Image

import hanmo
from hanmo.errors import RequestError
from hanmo.evaluate.generators.pipeline import PipelineConfig, PipelineGenerator, filled
from hanmo.evaluate.generators.protocol import Order, Unpainted
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import evaluate
from hanmo.evaluate.run_folder import picture_path, read_prompts
from hanmo.evaluate.types import Prompt
from hanmo.model.latents import image_to_tensor, tensor_to_images


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generator") / "tiny"
    tiny.save_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def generator(checkpoint: Path) -> PipelineGenerator:
    return PipelineGenerator(PipelineConfig(str(checkpoint), steps=2, cfg_scale=1.0, size=(32, 32), batch=3))


def same(one: object, other: object) -> bool:
    assert isinstance(one, Image.Image)
    assert isinstance(other, Image.Image)
    return one.tobytes() == other.tobytes() and one.size == other.size


def test_pictures_are_those_of_the_pipeline_whatever_stands_beside_them(
    checkpoint: Path, generator: PipelineGenerator
) -> None:
    source = tiny.picture(48, 32)
    words = Order(Prompt("a", "a red card"), 0, 3)
    wide = Order(Prompt("b", "a red card", size=(48, 32)), 0, 3)
    change = Order(Prompt("c", "make it blue", "edit", size=(32, 32)), 0, 4)
    painted = generator.paint([words, change, wide], [[], [source], []])
    pipe = hanmo.load(checkpoint)
    assert same(painted[0], pipe.generate("a red card", size=(32, 32), steps=2, cfg_scale=1.0, seed=3).images[0])
    assert same(painted[2], pipe.generate("a red card", size=(48, 32), steps=2, cfg_scale=1.0, seed=3).images[0])
    edited = pipe.edit(source, "make it blue", size=(32, 32), steps=2, cfg_scale=1.0, seed=4).images[0]
    assert same(painted[1], edited)


def test_a_reconstruction_is_the_mean_decoded_and_keeps_the_size(
    checkpoint: Path, generator: PipelineGenerator
) -> None:
    even, odd = tiny.picture(32, 24), tiny.picture(29, 19)
    order = Order(Prompt("a", "", "reconstruct"), 0, 0)
    again, cut = generator.paint([order, order], [[even], [odd]])
    vae = hanmo.load(checkpoint).vae
    with torch.inference_mode():
        assert same(again, tensor_to_images(vae.decode(vae.encode(image_to_tensor(even)).mean))[0])
        whole = tensor_to_images(vae.decode(vae.encode(image_to_tensor(filled(odd))).mean))[0]
    assert same(cut, whole.crop((0, 0, 29, 19)))
    pixels = np.asarray(filled(odd))
    assert pixels.shape == (24, 32, 3)
    assert (pixels[19:, :29] == np.asarray(odd)[18:]).all()


def test_a_prompt_that_the_model_cannot_read_does_not_take_its_neighbours_along(generator: PipelineGenerator) -> None:
    orders = [Order(Prompt("a", "a red card"), 0, 3), Order(Prompt("b", " "), 0, 3), Order(Prompt("c", "blue"), 0, 5)]
    first, second, third = generator.paint(orders, [[], [], []])
    assert isinstance(second, Unpainted)
    assert "is empty" in second.reason
    assert same(first, generator.paint(orders[:1], [[]])[0])
    assert isinstance(third, Image.Image)


def test_settings_are_recorded_and_checked(checkpoint: Path, generator: PipelineGenerator) -> None:
    said = generator.describe()
    assert (said["kind"], said["name"], said["steps"], said["cfg_scale"]) == ("pipeline", str(checkpoint), 2, 1.0)
    assert str(said["model_hash"]).startswith("sha256:")
    assert "batch" not in said
    for wrong in ({"steps": 0}, {"cfg_scale": 0.5}, {"size": (33, 32)}, {"batch": 0}):
        with pytest.raises(RequestError, match="is not allowed"):
            PipelineConfig(**wrong)


def test_the_bundled_model_runs_through_a_benchmark(tmp_path: Path) -> None:
    bundled = PipelineGenerator(PipelineConfig(steps=1, cfg_scale=1.0))
    options = RunOptions(limit=2, images=1, draws=5)
    report = evaluate(Colours(), bundled, Judges(), tmp_path, tmp_path / "run", options).report
    assert report is not None
    assert (report.prompts, report.generator["name"]) == (2, "hanmo-tiny")
    (planned, _) = read_prompts(tmp_path / "run")
    with Image.open(picture_path(tmp_path / "run", planned.prompt.id, planned.seeds[0])) as picture:
        assert picture.size == (32, 16)
        alone = hanmo.load().generate(planned.prompt.text, size=(32, 16), steps=1, cfg_scale=1.0, seed=planned.seeds[0])
        assert same(picture, alone.images[0])
