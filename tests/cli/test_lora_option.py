"""`--lora` and `--preset` of the painting commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lora_files
import numpy as np
import pytest
from diffusers import QwenImageTransformer2DModel
from PIL import Image

import hanmo as package
from hanmo.cli.options import lora_of
from hanmo.safety.provenance import read_request

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def style(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    transformer = QwenImageTransformer2DModel.from_pretrained(checkpoint / "transformer")
    changes = lora_files.pairs(lora_files.linears(transformer))
    return lora_files.write(tmp_path_factory.mktemp("lora") / "style.safetensors", "lora_unet_", changes)


def test_a_lora_paints_as_in_the_package_and_is_recorded(
    hanmo: Command, checkpoint: Path, here: Path, style: Path
) -> None:
    other = style.with_name("hand.safetensors")
    other.write_bytes(style.read_bytes())
    options = ("--model", checkpoint, "--seed", "7", "--preset", "lightning-4")
    done = hanmo("generate", "a red card", *options, "--lora", f"{style}:0.5", "--lora", other)
    assert done.code == 0, done.err
    kept = read_request(here / "out.png")
    assert (kept["loras"], kept["preset"], kept["steps"]) == ([["style", 0.5], ["hand", 1.0]], "lightning-4", 4)
    pipe = package.load(checkpoint)
    pipe.load_lora(style)
    stack = [("style", 1.5)]  # the same LoRA twice
    wanted = pipe.generate("a red card", seed=7, loras=stack, preset="lightning-4").images[0]
    ours, theirs = (np.asarray(image, dtype=int) for image in (Image.open(here / "out.png"), wanted))
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a.safetensors", ("a.safetensors", 1.0)),
        ("a.safetensors:0.8", ("a.safetensors", 0.8)),
        ("a.safetensors:-1", ("a.safetensors", -1.0)),
        ("owner/name/a.safetensors:2", ("owner/name/a.safetensors", 2.0)),
        (r"C:\a.safetensors", (r"C:\a.safetensors", 1.0)),
        (r"C:\a.safetensors:0.5", (r"C:\a.safetensors", 0.5)),
        ("a:b.safetensors", ("a:b.safetensors", 1.0)),
    ],
)
def test_a_file_may_carry_a_weight(text: str, parsed: tuple[str, float]) -> None:
    assert lora_of(text) == parsed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--lora", "none.safetensors"), "the LoRA file 'none.safetensors' does not exist: give a .safetensors file"),
        (("--lora", "{style}:much"), "'much' is no weight: give a number, as in"),
        (("--lora", "{style}:nan"), "weight nan of the LoRA 'style' is not allowed"),
        (("--lora", "{style}", "--lora", "{style}:0.5"), "the LoRA 'style' is given twice"),
        (("--lora", "{checkpoint}/model_index.json"), "model_index.json"),
        (("--lora", "{checkpoint}"), "name the .safetensors file itself"),
        (("--lora", "{checkpoint}/vae/diffusion_pytorch_model.safetensors"), "is no part of a LoRA"),
        (("--lora", "nobody-here/no-such-lora"), "could not be fetched from huggingface"),
        (("--preset", "lightning-5"), "invalid choice: 'lightning-5'"),
        (("--preset", "lightning-4", "--negative", "red"), "no effect with the preset lightning-4"),
    ],
)
def test_a_wrong_lora_or_preset_is_one_line(
    hanmo: Command, checkpoint: Path, here: Path, style: Path, options: tuple[str, ...], said: str
) -> None:
    filled = [option.format(style=style, checkpoint=checkpoint) for option in options]
    assert said in hanmo("generate", "a red card", "--model", checkpoint, *filled).line
    assert list(here.iterdir()) == []


def test_a_lora_for_another_size_of_model_is_one_line(hanmo: Command, style: Path, here: Path) -> None:
    line = hanmo("generate", "a red card", "--lora", style).line
    assert "style.safetensors: " in line
    assert "the LoRA was trained for another size of model" in line
