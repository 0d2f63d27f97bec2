from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hanmo.weights.info import describe

Command = Callable[..., Any]


def test_the_released_model_is_described_without_allocating_it(process: Command) -> None:
    done = process("info", "qwen-image")
    assert (done.code, done.err) == (0, "")
    for number in ("20,430,401,088", "126,892,531", "44,599,603", "8,292,166,656", "40.9 GB", "bfloat16"):
        assert number in done.out


def test_the_table_lines_up(hanmo: Command, checkpoint: Path) -> None:
    lines = hanmo("info", checkpoint).out.splitlines()
    assert lines[0] == f"{checkpoint}: QwenImagePipeline in {checkpoint}"
    assert lines[2].split() == ["component", "class", "parameters", "for", "a", "picture", "dtype", "bytes"]
    table = lines[2:9]
    assert {len(line) for line in table} == {len(lines[2])}
    assert "prefers" in lines[-1]
    assert "96x64 pixels, 3 steps" in lines[-1]


def test_keys_are_listed_with_their_shapes(hanmo: Command) -> None:
    lines = hanmo("info", "qwen-image", "--keys", "vae").out.splitlines()
    tensors = describe("qwen-image")["vae"].tensors
    listed = {name: ast.literal_eval(shape) for name, shape, _ in (line.split("\t") for line in lines)}
    assert listed == {name: tensor.shape for name, tensor in tensors.items()}


def test_json_holds_the_same_numbers(hanmo: Command, checkpoint: Path) -> None:
    said = json.loads(hanmo("info", checkpoint, "--json", "--keys", "transformer").out)
    part = describe(checkpoint)["transformer"]
    assert said["components"]["transformer"]["parameters"] == part.parameters
    assert len(said["components"]["transformer"]["tensors"]) == len(part.tensors)
    assert said["components"]["vae"]["from"] == "files"
    assert said["preferences"]["default_size"] == [96, 64]
