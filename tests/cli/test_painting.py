"""Of `generate`, `edit` and `img2img`, which share `jobs` and `paint`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from PIL import Image

import hanmo as package
from hanmo.safety.provenance import read_request

Command = Callable[..., Any]
QUICK = ("--steps", "2", "--size", "64x48")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_generate_writes_the_picture_that_the_package_paints(hanmo: Command, checkpoint: Path, here: Path) -> None:
    done = hanmo("generate", "a red card", "--model", checkpoint, "--seed", "7", *QUICK, "-o", "a.png")
    assert (done.code, done.err) == (0, "")
    path, seed, size, _ = done.out.rstrip("\n").split("\t")
    assert (path, seed, size) == ("a.png", "seed 7", "64x48")
    assert names(here) == ["a.png"]
    wanted = package.load(checkpoint).generate("a red card", size=(64, 48), steps=2, seed=7).images[0]
    assert np.array_equal(np.asarray(Image.open(here / "a.png")), np.asarray(wanted))


def test_the_file_keeps_the_request_and_paints_again_from_it(hanmo: Command, checkpoint: Path, here: Path) -> None:
    hanmo("generate", 'a card "你好"', "--model", checkpoint, *QUICK, "--cfg-scale", "2", "-o", "a.png")
    kept = read_request(here / "a.png")
    assert kept["prompt"] == 'a card "你好"'
    assert (kept["size"], kept["steps"], kept["cfg_scale"], kept["negative"]) == ([64, 48], 2, 2.0, " ")
    again = ("--seed", kept["seed"], "--cfg-scale", kept["cfg_scale"], "-o", "b.png")
    hanmo("generate", kept["prompt"], "--model", checkpoint, *QUICK, *again)
    assert (here / "a.png").read_bytes() == (here / "b.png").read_bytes()


def test_what_is_left_open_comes_from_the_checkpoint(hanmo: Command, checkpoint: Path, here: Path) -> None:
    assert hanmo("generate", "a red card", "--model", checkpoint).code == 0
    assert Image.open(here / "out.png").size == tiny.PREFERENCES.default_size
    assert read_request(here / "out.png")["steps"] == tiny.PREFERENCES.steps


def test_several_pictures_are_numbered_and_take_the_next_seeds(hanmo: Command, checkpoint: Path, here: Path) -> None:
    done = hanmo("generate", "a red card", "--model", checkpoint, *QUICK, "--num", "10", "--seed", "5")
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [f"out-{n:02}.png" for n in range(1, 11)]
    assert read_request(here / "out-10.png")["seed"] == 14


def test_computing_together_paints_the_same_pictures(hanmo: Command, checkpoint: Path, here: Path) -> None:
    common = ("generate", "a red card", "--model", checkpoint, *QUICK, "--num", "3", "--seed", "5")
    hanmo(*common, "-o", "one.png")
    hanmo(*common, "-o", "three.png", "--batch-size", "2")
    for number in (1, 2, 3):
        one, three = (np.asarray(Image.open(here / f"{name}-{number}.png"), int) for name in ("one", "three"))
        assert abs(one - three).max() <= 1


def test_a_text_file_is_a_prompt_a_line(hanmo: Command, checkpoint: Path, here: Path) -> None:
    (here / "p.txt").write_text("\ufeffa red card\n\n  一张红色的卡片 \n", encoding="utf-8")
    done = hanmo("generate", "--batch-file", "p.txt", "--model", checkpoint, *QUICK, "--seed", "3")
    assert done.code == 0
    assert names(here) == ["out-1.png", "out-2.png", "p.txt"]
    kept = [read_request(here / f"out-{number}.png") for number in (1, 2)]
    assert [(each["prompt"], each["seed"]) for each in kept] == [("a red card", 3), ("一张红色的卡片", 4)]


def test_a_jsonl_file_says_what_differs(hanmo: Command, checkpoint: Path, here: Path) -> None:
    lines: list[dict[str, object]] = [
        {"prompt": "a red card", "seed": 9, "size": "32x64", "output": "tall.png"},
        {"prompt": "a card", "size": [64, 32], "steps": 1, "cfg_scale": 1, "num": 2, "output": "x.png"},
        {"prompt": "text", "negative": "red"},
    ]
    (here / "p.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = hanmo("generate", "--batch-file", "p.jsonl", "--model", checkpoint, *QUICK, "--seed", "3")
    assert done.code == 0, done.err
    assert names(here) == ["out-4.png", "p.jsonl", "tall.png", "x-1.png", "x-2.png"]
    assert Image.open(here / "tall.png").size == (32, 64)
    kept = {path: read_request(here / path) for path in ("tall.png", "x-1.png", "x-2.png", "out-4.png")}
    assert [each["seed"] for each in kept.values()] == [9, 3, 4, 5]
    assert (kept["x-1.png"]["steps"], kept["out-4.png"]["negative"]) == (1, "red")


def test_edit_changes_a_picture_as_the_package_does(hanmo: Command, checkpoint: Path, photo: Path) -> None:
    done = hanmo("edit", photo, "make it red", "--model", checkpoint, "--seed", "7", "--steps", "2", "-o", "b.png")
    assert done.code == 0, done.err
    wanted = package.load(checkpoint).edit(photo, "make it red", steps=2, seed=7).images[0]
    assert np.array_equal(np.asarray(Image.open("b.png")), np.asarray(wanted))
    assert read_request("b.png")["images"] == 1


def test_img2img_starts_from_a_picture_as_the_package_does(hanmo: Command, checkpoint: Path, photo: Path) -> None:
    options = ("--seed", "7", "--steps", "4", "--strength", "0.5", "-o", "b.png")
    done = hanmo("img2img", photo, "a red card", "--model", checkpoint, *options)
    assert done.code == 0, done.err
    wanted = package.load(checkpoint).img2img(photo, "a red card", strength=0.5, steps=4, seed=7).images[0]
    assert np.array_equal(np.asarray(Image.open("b.png")), np.asarray(wanted))


def test_a_batch_of_edits_names_its_pictures(hanmo: Command, checkpoint: Path, photo: Path) -> None:
    tiny.picture(64, 96, 1).save("tall.png")
    line = {"prompt": "make it red", "image": "tall.png", "output": "b.png"}
    Path("p.jsonl").write_text(json.dumps(line) + "\n" + json.dumps({"prompt": "make it blue"}))
    common = ("--model", checkpoint, "--steps", "1", "--batch-size", "4")
    done = hanmo("edit", photo, "--batch-file", "p.jsonl", *common)
    assert done.code == 0, done.err
    sizes = {name: Image.open(name).size for name in ("b.png", "out-2.png")}
    assert sizes["b.png"][0] < sizes["b.png"][1]
    assert sizes["out-2.png"][0] > sizes["out-2.png"][1]


def test_an_existing_picture_is_replaced(hanmo: Command, checkpoint: Path, here: Path) -> None:
    (here / "out.png").write_bytes(b"old")
    hanmo("generate", "a red card", "--model", checkpoint, *QUICK)
    assert Image.open(here / "out.png").size == (64, 48)
