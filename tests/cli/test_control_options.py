"""Control pictures on the command line: what reaches the picture's record, and wrong options in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny

from hanmo.safety.provenance import read_request

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nets")
    tiny.controlnet(folder / "union", seed=5)
    tiny.controlnet(folder / "masked", seed=6, masked=True)
    for index in range(2):
        tiny.picture(96, 64, index).save(folder / f"{index}.png")
    return folder


def test_two_controls_of_one_net_with_a_scale_for_both(
    hanmo: Command, checkpoint: Path, nets: Path, here: Path
) -> None:
    controls = ("--control", nets / "0.png", "--control", nets / "1.png", "--controlnet", nets / "union")
    done = hanmo(
        *("generate", "a red card", "--model", checkpoint, "--seed", "1", "--steps", "2", "--num", "2", *controls),
        *("--control-scale", "0.5", "--control-start", "0", "--control-start", "0.5"),
    )
    assert done.code == 0, done.err
    wanted = [{"name": str(nets / "union"), "scale": 0.5, "start": start, "end": 1.0} for start in (0.0, 0.5)]
    for name in ("out-1.png", "out-2.png"):
        assert read_request(here / name)["controls"] == wanted


def test_img2img_with_an_inpainting_net(hanmo: Command, checkpoint: Path, nets: Path, here: Path) -> None:
    done = hanmo(
        *("img2img", nets / "0.png", "a red card", "--model", checkpoint, "--seed", "1"),
        *("--control", nets / "0.png", "--controlnet", nets / "masked", "--control-mask", nets / "1.png"),
    )
    assert done.code == 0, done.err
    assert read_request(here / "out.png")["controls"][0]["mask"] is True


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--control", "0.png"), "--control needs a --controlnet: give the folder"),
        (("--controlnet", "union"), "--controlnet has no effect without a --control picture"),
        (("--control-end", "0.5"), "--control-end has no effect without a --control picture"),
        (("--control", "0.png", "--controlnet", "nowhere at all"), "'nowhere at all' is neither a folder here nor"),
        (("--control", "nowhere.png", "--controlnet", "union"), "the picture nowhere.png does not exist"),
        (("--control", "0.png", "--controlnet", "masked"), "is for inpainting: give a mask"),
        (("--control", "0.png", "--controlnet", "union", "--control-mask", "1.png"), "takes no mask"),
        (("--control", "0.png", "--controlnet", "union", "--control-scale", "inf"), "control scale inf"),
        (("--control", "0.png", "--controlnet", "union", "--control-scale", "much"), "invalid float value: 'much'"),
        (("--control", "0.png", "--controlnet", "union", "--control-start", "1"), "control range 1.0 to 1.0"),
        (("--control", "0.png", "--controlnet", "union", "--size", "64x96"), "would be stretched to 64x96"),
        (
            (*("--control", "0.png") * 3, "--controlnet", "union", "--control-scale", "1", "--control-scale", "2"),
            "2 --control-scale and 3 --control pictures do not fit: give one for all, or one for each",
        ),
    ],
)
def test_a_wrong_control_option(
    hanmo: Command, checkpoint: Path, nets: Path, here: Path, options: tuple[str, ...], said: str
) -> None:
    named = [str(nets / option) if (nets / option).exists() else option for option in options]
    assert said in hanmo("generate", "a red card", "--model", checkpoint, *named).line
    assert list(here.iterdir()) == []


def test_an_edit_knows_no_control_options(hanmo: Command, checkpoint: Path, nets: Path) -> None:
    line = hanmo("edit", nets / "0.png", "red", "--model", checkpoint, "--control", nets / "1.png").line
    assert "unrecognized arguments: --control" in line
