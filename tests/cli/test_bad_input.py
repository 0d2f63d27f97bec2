"""Wrong requests: exit code 2, one line on stderr, nothing on stdout, and no file left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

Command = Callable[..., Any]
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def nothing_left(here: Path) -> Any:
    """After each test the present folder holds what the test itself put there, and no more."""
    yield
    left = {path.name for path in here.rglob("*")} - {"photo.png", "broken.png", "p.txt", "p.jsonl"}
    assert left == set()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--size", "100x64"),
            "size 100x64 is not allowed: width and height must be multiples of 16; the nearest is 96x64",
        ),
        (("--size", "0x64"), "multiples of 16"),
        (("--size", "large"), "give width x height, such as 256x128"),
        (("--size",), "expected one argument"),
        (("--steps", "0"), "steps 0 is not allowed: give 1 or more"),
        (("--steps", "-3"), "steps -3 is not allowed"),
        (("--steps", "many"), "invalid int value: 'many'"),
        (("--num", "0"), "give a whole number, 1 or more"),
        (("--cfg-scale", "0"), "cfg_scale 0.0 is not allowed"),
        (("--cfg-scale", "nan"), "cfg_scale nan is not allowed"),
        (("--cfg-scale", "1", "--negative", "red"), "has no effect"),
        (("--seed", "-1"), "seed -1 is not allowed"),
        (("--device", "abacus"), "device 'abacus' is not known"),
        (("--dtype", "int4"), "invalid choice: 'int4'"),
        (("--solver", "magic"), "invalid choice: 'magic'"),
        (("--threads", "0"), "1 or more"),
        (("--output", "no/such/folder/a.png"), "the folder no/such/folder does not exist; make it first"),
        (("--output", "a.gif"), "write a.png"),
        (("--output", "."), "is not allowed: pictures are PNG, JPEG or WebP files"),
        (("--safety", "strict"), "invalid choice: 'strict'"),
        (("--safety-list", "own.toml"), "the safety list own.toml has no effect with safety off"),
        (("--from-png", "none.png"), "none.png does not exist"),
        (("--source", "ftp"), "invalid choice: 'ftp'"),
    ],
)
def test_an_option_out_of_range(hanmo: Command, checkpoint: Path, options: tuple[str, ...], said: str) -> None:
    assert said in hanmo("generate", "a red card", "--model", checkpoint, *options).line


@pytest.mark.parametrize("prompt", ["", "   "])
def test_an_empty_prompt(hanmo: Command, checkpoint: Path, prompt: str) -> None:
    assert "prompt 1 is empty: write what to paint" in hanmo("generate", prompt, "--model", checkpoint).line


def test_no_prompt_at_all(hanmo: Command, checkpoint: Path) -> None:
    assert "write a prompt in quotes" in hanmo("generate", "--model", checkpoint).line
    assert "write an instruction in quotes" in hanmo("edit", "photo.png", "--model", checkpoint).line
    assert "no picture was given" in hanmo("img2img", "--batch-file", __file__, "--model", checkpoint).line


def test_a_text_longer_than_the_limit(hanmo: Command, checkpoint: Path) -> None:
    line = hanmo("generate", "a red card " * 200, "--model", checkpoint).line
    assert f"at most {tiny.PREFERENCES.max_text} " in line
    assert len(line) < 300


@pytest.mark.parametrize("model", ["no-such-model", "./nothing", "/no/such/folder", ""])
def test_a_missing_model(hanmo: Command, model: str) -> None:
    assert hanmo("generate", "a red card", "--model", model).line
    assert hanmo("info", model).line


def test_a_hub_id_without_a_network(process: Command) -> None:
    line = process("generate", "a red card", "--model", "nobody-here/no-such-model").line
    assert "nobody-here/no-such-model could not be fetched from huggingface" in line


def test_truncated_weights(hanmo: Command, damaged: Path) -> None:
    (damaged / WEIGHTS).write_bytes((damaged / WEIGHTS).read_bytes()[:-1000])
    for arguments in (("generate", "a red card", "--model", damaged), ("info", damaged)):
        assert "is truncated" in hanmo(*arguments).line


def test_mis_shaped_weights(hanmo: Command, damaged: Path) -> None:
    state = load_file(damaged / WEIGHTS)
    save_file({**state, "proj_out.weight": state["proj_out.weight"][:32].contiguous()}, damaged / WEIGHTS)
    for arguments in (("generate", "a red card", "--model", damaged), ("info", damaged)):
        assert "1 mis-shaped (proj_out.weight is [32, 64]" in hanmo(*arguments).line


def test_a_lora_instead_of_a_model(hanmo: Command, tmp_path: Path) -> None:
    save_file({"transformer_blocks.0.attn.to_q.lora_A.weight": torch.ones(1)}, tmp_path / "x.safetensors")
    assert "a LoRA file" in hanmo("generate", "a", "--model", tmp_path / "x.safetensors").line


def test_a_missing_or_unreadable_picture(hanmo: Command, checkpoint: Path, here: Path) -> None:
    (here / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for command in ("edit", "img2img"):
        assert "does not exist" in hanmo(command, "none.png", "make it red", "--model", checkpoint).line
        assert "cannot be read" in hanmo(command, "broken.png", "make it red", "--model", checkpoint).line


def test_a_truncated_picture(hanmo: Command, checkpoint: Path, here: Path) -> None:
    tiny.picture(96, 64).save(here / "photo.png")
    whole = (here / "photo.png").read_bytes()
    (here / "broken.png").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in hanmo("edit", "broken.png", "make it red", "--model", checkpoint).line


@pytest.mark.parametrize("strength", ["0", "1.5", "nan"])
def test_a_strength_out_of_range(hanmo: Command, checkpoint: Path, here: Path, strength: str) -> None:
    tiny.picture(96, 64).save(here / "photo.png")
    options = ("--model", checkpoint, "--strength", strength)
    assert "strength" in hanmo("img2img", "photo.png", "a red card", *options).line


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.txt", "\n\n", "holds no request"),
        ("p.jsonl", '{"prompt": "a"}\nnot json', "p.jsonl, line 2: this is no JSON"),
        ("p.jsonl", '["a"]', 'line 1: a JSON object with a "prompt" is needed'),
        ("p.jsonl", '{"prompt": "a", "step": 3}', "unknown key 'step'; did you mean 'steps'?"),
        ("p.jsonl", '{"prompt": "a", "steps": "3"}', "steps must be a whole number, not '3'"),
        ("p.jsonl", '{"prompt": "a", "seed": true}', "seed must be a whole number"),
        ("p.jsonl", '{"prompt": "a", "size": "big"}', "line 1: 'big' is no size"),
        ("p.jsonl", '{"prompt": "a", "size": [64]}', "line 1: size"),
        ("p.jsonl", '{"prompt": "a", "size": [100, 64]}', "line 1: size 100x64"),
        ("p.jsonl", '{"prompt": "a", "num": 0}', "line 1: num 0"),
        ("p.jsonl", '{"prompt": " "}', "line 1: prompt 1 is empty"),
        ("p.jsonl", '{"prompt": "a", "image": "x.png"}', "line 1: "),
        ("p.jsonl", '{"prompt": "a", "strength": 0.5}', "line 1: strength has no effect"),
        ("p.jsonl", '{"prompt": "a", "output": "x.png"}\n' * 2, "two pictures would be written to x.png"),
    ],
)
def test_a_wrong_batch_file_names_its_line(
    hanmo: Command, checkpoint: Path, here: Path, name: str, content: str, said: str
) -> None:
    (here / name).write_text(content)
    assert said in hanmo("generate", "--batch-file", name, "--model", checkpoint).line


def test_a_batch_file_that_cannot_be_read(hanmo: Command, checkpoint: Path, here: Path) -> None:
    assert "does not exist" in hanmo("generate", "--batch-file", "p.txt", "--model", checkpoint).line
    (here / "p.txt").write_bytes(b"\xff\xfe\xff")
    assert "it is not UTF-8" in hanmo("generate", "--batch-file", "p.txt", "--model", checkpoint).line
    both = hanmo("generate", "a card", "--batch-file", "p.txt", "--model", checkpoint)
    assert "leave one of the two out" in both.line


def test_a_full_disk(process: Command, checkpoint: Path) -> None:
    command = ("generate", "a red card", "--model", checkpoint, "--steps", "1", "--size", "128x128")
    assert "out.png cannot be written: the file would be too large" in process(*command, limit=4).line


def test_a_wrong_request_in_a_process_of_its_own(process: Command, checkpoint: Path) -> None:
    assert "steps 0" in process("generate", "a red card", "--model", checkpoint, "--steps", "0").line


def test_a_wrong_recipe(hanmo: Command, here: Path) -> None:
    assert "does not exist" in hanmo("train", "none.toml").line
    (here / "p.txt").write_text("[run]\nstep = 3\n")
    assert hanmo("train", "p.txt").line


def test_info_of_a_folder_that_is_no_model(hanmo: Command, here: Path) -> None:
    assert "model_index.json" in hanmo("info", here).line
    assert json.loads(hanmo("info", "qwen-image", "--json").out)
