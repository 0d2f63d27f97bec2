"""`--from-png`: the request inside a picture's file, painted again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from PIL import Image

from hanmo.safety.provenance import encode, read_request

Command = Callable[..., Any]
QUICK = ("--steps", "2", "--size", "64x48")


def pixels(path: Path | str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def keep(path: str, **changes: Any) -> str:
    """A picture that carries a request as said, whoever wrote it."""
    record = {"task": "generate", "prompt": "a red card", "seed": 3, "size": [64, 48], "steps": 1, "solver": "euler"}
    Path(path).write_bytes(encode(tiny.picture(64, 48), Path(path).suffix, record | changes))
    return path


def test_the_bundled_model_repeats_a_picture_bit_for_bit(hanmo: Command, here: Path) -> None:
    options = ("--size", "64x64", "--cfg-scale", "2", "--negative", "blue", "--solver", "heun", "--seed", "11")
    done = hanmo("generate", 'a red card with the text "HI"', *QUICK, *options, "-o", "a.png")
    assert done.code == 0, done.err
    done = hanmo("generate", "--from-png", "a.png", "-o", "b.png")
    assert (done.code, done.err) == (0, "")
    assert (here / "a.png").read_bytes() == (here / "b.png").read_bytes()


@pytest.mark.parametrize("ending", [".webp", ".jpg"])
def test_other_formats_are_repeated_too(hanmo: Command, checkpoint: Path, here: Path, ending: str) -> None:
    hanmo("generate", "a red card", "--model", checkpoint, *QUICK, "--seed", "5", "-o", "a.png")
    hanmo("generate", "--from-png", "a.png", "--model", checkpoint, "-o", f"b{ending}")
    done = hanmo("generate", "--from-png", f"b{ending}", "--model", checkpoint, "-o", "c.png")
    assert done.code == 0, done.err
    assert np.array_equal(pixels("a.png"), pixels("c.png"))


@pytest.mark.parametrize(("command", "options"), [("edit", ()), ("img2img", ("--strength", "0.7"))])
def test_an_edit_is_repeated_with_its_source(
    hanmo: Command, checkpoint: Path, here: Path, command: str, options: tuple[str, ...]
) -> None:
    tiny.picture(96, 64).save("photo.png")
    common = ("photo.png", "--model", checkpoint)
    hanmo(command, "photo.png", "make it red", "--model", checkpoint, "--steps", "4", *options, "-o", "a.png")
    done = hanmo(command, *common, "--from-png", "a.png", "-o", "b.png")
    assert done.code == 0, done.err
    assert (here / "a.png").read_bytes() == (here / "b.png").read_bytes()
    assert "no picture was given" in hanmo(command, "--from-png", "a.png", "--model", checkpoint).line


def test_options_given_beside_it_come_first(hanmo: Command, checkpoint: Path, here: Path) -> None:
    hanmo("generate", "a red card", "--model", checkpoint, *QUICK, "--seed", "5", "-o", "a.png")
    given = ("a card", "--seed", "9", "--size", "32x32", "--cfg-scale", "1", "--solver", "heun", "--num", "2")
    done = hanmo("generate", *given, "--from-png", "a.png", "--model", checkpoint)
    assert done.code == 0, done.err
    kept = [read_request(f"out-{number}.png") for number in (1, 2)]
    assert [(each["prompt"], each["seed"], each["size"]) for each in kept] == [
        ("a card", 9, [32, 32]),
        ("a card", 10, [32, 32]),
    ]
    assert (kept[0]["cfg_scale"], kept[0]["solver"], kept[0]["steps"]) == (1.0, "heun", 2)


def test_another_model_is_refused_unless_it_is_asked_for(hanmo: Command, checkpoint: Path, here: Path) -> None:
    keep("a.png", model="Qwen/Qwen-Image")
    assert (
        "a.png was painted by the model Qwen/Qwen-Image, and this is hanmo-tiny: add --model Qwen/Qwen-Image"
        in hanmo("generate", "--from-png", "a.png").line
    )
    done = hanmo("generate", "--from-png", "a.png", "--model", checkpoint)
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert f"and this is {checkpoint}: the picture will be another" in done.err


def test_another_arithmetic_or_version_is_said(hanmo: Command, checkpoint: Path, here: Path) -> None:
    keep("a.png", dtype="bfloat16", version="0.0.1")
    done = hanmo("generate", "--from-png", "a.png", "--model", checkpoint)
    assert done.code == 0
    assert "painted with dtype bfloat16, and this is float32: pixels may differ" in done.err
    assert "painted with version 0.0.1" in done.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"task": "edit"}, "a.png was not made by 'hanmo generate' but by 'hanmo edit': use that command"),
        ({"lora": "x.safetensors"}, "a.png was painted with lora, which --from-png does not repeat"),
        ({"steps": "many"}, "the request in a.png: steps must be a whole number, not 'many'"),
        ({"steps": 0}, "the request in a.png: steps 0 is not allowed"),
        ({"seed": True}, "seed must be a whole number"),
        ({"size": [64]}, "size"),
        ({"size": [100, 64]}, "multiples of 16"),
        ({"prompt": 3}, "prompt must be a string"),
        ({"prompt": " "}, "prompt 1 is empty"),
        ({"solver": "magic"}, "solver must be euler or heun, not 'magic'"),
        ({"cfg_scale": "4"}, "cfg_scale must be a number"),
        ({"strength": 0.5}, "strength has no effect"),
    ],
)
def test_a_request_that_cannot_be_repeated_is_one_line(
    hanmo: Command, checkpoint: Path, here: Path, changes: dict[str, Any], said: str
) -> None:
    keep("a.png", **changes)
    assert said in hanmo("generate", "--from-png", "a.png", "--model", checkpoint).line


def test_files_without_a_request_and_batch_files_are_one_line(hanmo: Command, here: Path) -> None:
    tiny.picture(16, 16).save("plain.png")
    assert "carries no request" in hanmo("generate", "--from-png", "plain.png").line
    keep("a.png")
    both = hanmo("generate", "--from-png", "a.png", "--batch-file", "p.txt")
    assert "leave all but one out" in both.line


def test_a_file_keeps_what_changes_pixels(hanmo: Command, checkpoint: Path, here: Path) -> None:
    hanmo("generate", "a red card", "--model", checkpoint, *QUICK, "--dtype", "bfloat16", "-o", "a.webp")
    kept = read_request("a.webp")
    assert (kept["dtype"], kept["device"], kept["model"]) == ("bfloat16", "cpu", str(checkpoint))
    assert json.dumps(kept)


def test_a_preview_is_refined_with_the_full_schedule_and_says_so(hanmo: Command, checkpoint: Path, here: Path) -> None:
    common = ("--model", checkpoint, "--size", "64x48")
    assert hanmo("generate", "a red card", *common, "--seed", "4", "--preview", "-o", "a.png").code == 0
    assert read_request("a.png")["steps"] == 12
    done = hanmo("generate", "--refine", "a.png", "--model", checkpoint, "-o", "b.png")
    assert done.code == 0, done.err
    refined = read_request("b.png")
    assert (refined["preset"], refined["steps"], refined["seed"]) == ("refined", 3, 4)
    hanmo("generate", "a red card", *common, "--seed", "4", "-o", "c.png")
    assert np.array_equal(pixels("b.png"), pixels("c.png"))
    assert "is no preview" in hanmo("generate", "--refine", "c.png", "--model", checkpoint).line
