"""Of `inpaint`, `outpaint` and `session`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lora_files
import numpy as np
import pytest
from diffusers import QwenImageTransformer2DModel
from PIL import Image

from hanmo.safety.provenance import read_request

Command = Any
QUICK = ("--steps", "1", "--cfg-scale", "1")


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_inpaint_paints_the_mask_and_nothing_else(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    done = hanmo("inpaint", photo, "box:16,8,48,40", "red", "--model", checkpoint, *QUICK, "-o", "a.png")
    assert done.code == 0, done.err
    before, after = pixels(photo), pixels(here / "a.png")
    outside = np.ones(before.shape[:2], dtype=bool)
    outside[8:40, 16:48] = False
    np.testing.assert_array_equal(after[outside], before[outside])
    assert (after[8:40, 16:48] != before[8:40, 16:48]).any()


def test_a_masked_picture_is_repeated_from_its_file(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    options = ("--feather", "3", "--attention", "soft", "--softness", "2", "--crop", "auto", "--no-reference")
    common = ("--model", checkpoint)
    done = hanmo("inpaint", photo, "polygon:16,8/60,8/40,40", "red", *common, *QUICK, *options, "-o", "a.png")
    assert done.code == 0, done.err
    again = hanmo("inpaint", photo, "--from-png", "a.png", *common, "-o", "b.png")
    assert again.code == 0, again.err
    np.testing.assert_array_equal(pixels(here / "a.png"), pixels(here / "b.png"))


def test_outpaint_adds_sides_and_repeats_them(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    done = hanmo("outpaint", photo, "red", "--right", "20", "--model", checkpoint, *QUICK, "-o", "a.png")
    assert done.code == 0, done.err
    before, after = pixels(photo), pixels(here / "a.png")
    assert after.shape[1] == before.shape[1] + 20
    np.testing.assert_array_equal(after[:, : before.shape[1]], before)
    again = hanmo("outpaint", photo, "--from-png", "a.png", "--model", checkpoint, "-o", "b.png")
    assert again.code == 0, again.err
    np.testing.assert_array_equal(after, pixels(here / "b.png"))
    wide = hanmo("outpaint", photo, "red", "--aspect", "3:1", "--model", checkpoint, *QUICK, "-o", "c.png")
    assert wide.code == 0, wide.err
    height, width = pixels(here / "c.png").shape[:2]
    assert width == 3 * height


def test_an_edit_of_two_pictures_and_of_size_auto(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    Image.new("RGB", (70, 50), "green").save(here / "other.png")
    done = hanmo("edit", "other.png", photo, "red", "--size", "auto", "--model", checkpoint, *QUICK, "-o", "a.png")
    assert done.code == 0, done.err
    assert pixels(here / "a.png").shape == (50, 70, 3)


def test_a_ratio_chooses_a_size_of_the_models_area(hanmo: Command, checkpoint: Path, here: Path) -> None:
    done = hanmo("generate", "red", "--aspect", "3:1", "--model", checkpoint, *QUICK, "-o", "a.png")
    assert done.code == 0, done.err
    assert pixels(here / "a.png").shape == (48, 128, 3)
    assert "is no ratio" in hanmo("generate", "red", "--aspect", "wide", "--model", checkpoint).line
    both = hanmo("generate", "red", "--aspect", "3:1", "--size", "96x64", "--model", checkpoint)
    assert "not allowed with" in both.line


def test_a_session_is_begun_gone_on_and_moved_in(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    common = ("--session", "s.hanmo", "--model", checkpoint, *QUICK)
    assert hanmo("edit", photo, "red", *common, "--seed", "1", "-o", "a.png").code == 0
    assert hanmo("edit", "a card", *common, "--seed", "2", "-o", "b.png").code == 0
    assert "* 2  from 1  edit  seed 2  a card" in hanmo("session", "s.hanmo").out
    assert hanmo("session", "s.hanmo", "undo", "-o", "back.png").code == 0
    np.testing.assert_array_equal(pixels(here / "back.png"), pixels(here / "a.png"))
    again = hanmo("session", "s.hanmo", "again", "2", "-o", "c.png", "--model", checkpoint)
    assert again.code == 0, again.err
    np.testing.assert_array_equal(pixels(here / "c.png"), pixels(here / "b.png"))


def test_a_turn_honours_the_options_of_an_edit(hanmo: Command, checkpoint: Path, photo: Path, here: Path) -> None:
    shapes = lora_files.linears(QwenImageTransformer2DModel.from_pretrained(checkpoint / "transformer"))
    lora_files.write(here / "style.safetensors", "transformer.", lora_files.pairs(shapes))
    common = ("--model", checkpoint, *QUICK, "--seed", "1")
    begun = ("edit", photo, "red", *common)
    assert hanmo(*begun, "--session", "plain.hanmo", "-o", "plain.png").code == 0
    options = ("--solver", "heun", "--lora", "style.safetensors:0.5")
    done = hanmo(*begun, "--session", "s.hanmo", *options, "-o", "a.png")
    assert done.code == 0, done.err
    assert (pixels(here / "a.png") != pixels(here / "plain.png")).any()
    record = read_request("a.png")
    assert (record["solver"], record["loras"], record["turn"]) == ("heun", [["style", 0.5]], 1)
    assert record["model"] == str(checkpoint)
    again = ("session", "s.hanmo", "again", "1", "--model", checkpoint)
    assert "no LoRA named 'style' is loaded" in hanmo(*again).line
    assert hanmo(*again, "--lora", "style.safetensors", "-o", "b.png").code == 0
    np.testing.assert_array_equal(pixels(here / "a.png"), pixels(here / "b.png"))
    assert "is turn 1 of a session" in hanmo("edit", photo, "--from-png", "a.png", "--model", checkpoint).line


@pytest.mark.parametrize(
    "option",
    [("--num", 2), ("--size", "64x64"), ("--aspect", "2:1"), ("--from-png", "a.png"), ("--refine", "a.png")],
)
def test_what_a_turn_does_not_take_is_refused(hanmo: Command, photo: Path, option: tuple[str, object]) -> None:
    assert "is not for --session" in hanmo("edit", photo, "red", "--session", "s.hanmo", *option).line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("inpaint", "photo", "box:1,2", "red"), "is no box"),
        (("inpaint", "photo", "polygon:1,2/3,4", "red"), "is no polygon"),
        (("inpaint", "photo", "none.png", "red"), "the mask none.png does not exist"),
        (("inpaint", "photo"), "no prompt was given"),
        (("inpaint", "photo", "box:0,0,900,900", "red"), "does not lie in a picture"),
        (("outpaint", "photo", "red"), "give pixels to add"),
        (("outpaint", "photo", "red", "--right", "-4"), "give pixels to add"),
        (("outpaint", "photo", "red", "--right", "4", "--aspect", "2:1"), "leave one of the two out"),
        (("outpaint", "photo", "red", "--aspect", "2:0"), "is no ratio"),
        (("session", "none.hanmo"), "does not exist"),
        (("session", "none.hanmo", "go"), "needs the number of a turn"),
        (("edit", "red", "--session", "none.hanmo"), "begin it with a picture and an instruction"),
    ],
)
def test_bad_input_is_one_line(
    hanmo: Command, checkpoint: Path, photo: Path, words: tuple[str, ...], says: str
) -> None:
    given = [photo if word == "photo" else word for word in words]
    done = hanmo(*given, "--model", checkpoint)
    assert done.code == 2
    assert says in done.line
