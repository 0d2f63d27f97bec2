"""Every wrong request is refused in one line that says what was given, what is allowed and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hanmo.errors import RequestError
from hanmo.pipeline.ask import as_size, make_request
from hanmo.pipeline.request import Request, check_size, steps_skipped
from hanmo.weights.preferences import Preferences

PICTURE = Image.new("RGB", (96, 64))


@given(st.integers(-40, 4000), st.integers(-40, 4000))
def test_a_size_is_a_multiple_of_16_or_the_nearest_is_named(width: int, height: int) -> None:
    if width >= 16 and height >= 16 and width % 16 == 0 and height % 16 == 0:
        check_size((width, height))
        return
    with pytest.raises(RequestError, match=f"size {width}x{height} is not allowed") as caught:
        check_size((width, height))
    message = str(caught.value)
    assert "\n" not in message
    nearest = [int(side) for side in re.findall(r"the nearest is (\d+)x(\d+)", message)[0]]
    check_size((nearest[0], nearest[1]))
    for asked, offered in zip((width, height), nearest, strict=True):
        assert abs(asked - offered) <= 8 or (asked < 16 and offered == 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": "  "}, "prompt 1 is empty"),
        ({"prompt": []}, "no prompt"),
        ({"steps": 0}, "steps 0 is not allowed: give 1 or more"),
        ({"cfg_scale": 0.5}, r"cfg_scale 0.5 is not allowed: give 1 \(guidance off\) or more"),
        ({"cfg_scale": float("nan")}, "cfg_scale nan"),
        ({"cfg_scale": 1.0, "negative": "ugly"}, "no effect with cfg_scale 1"),
        ({"size": (100, 64)}, "the nearest is 96x64"),
        ({"size": (64,)}, r"give \(width, height\)"),
        ({"seed": -1}, "seed -1 is not allowed"),
        ({"seed": [1, 2]}, "2 seeds for 1 pictures"),
        ({"prompt": ["a", "b"], "negative": ["c", "d", "e"]}, "3 negative prompts and 2 prompts"),
        ({"num": 0}, "num 0 is not allowed"),
        ({"strength": 0.5}, "strength has no effect on generate"),
        ({"images": PICTURE}, "generate takes no picture"),
        ({"task": "edit"}, "give one picture for each"),
        ({"task": "edit", "images": [PICTURE] * 3, "prompt": ["a", "b"]}, "3 pictures and 2 prompts"),
        ({"task": "img2img", "images": PICTURE, "strength": 0.0}, "strength 0.0 is not allowed"),
        ({"task": "img2img", "images": PICTURE, "strength": 1.1}, "strength 1.1 is not allowed"),
        ({"task": "img2img", "images": PICTURE, "strength": 1e-30, "steps": 4}, "leaves none of 4 steps"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(arguments: dict[str, Any], message: str) -> None:
    given_arguments = {"task": "generate", "prompt": "a card"} | arguments
    task, prompt, images = (given_arguments.pop(key, None) for key in ("task", "prompt", "images"))
    with pytest.raises(RequestError, match=message) as caught:
        make_request(task, prompt, images, **given_arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(64.0, 64), (64,), (64, 64, 64), ("64", "64"), (True, 64)])
def test_a_size_is_two_whole_numbers(size: tuple[object, ...]) -> None:
    with pytest.raises(RequestError, match=r"give \(width, height\) in whole pixels"):
        as_size(size)


def test_one_seed_counts_up_over_the_pictures() -> None:
    assert make_request("generate", ["a", "b", "c"], seed=5).seeds == (5, 6, 7)
    assert make_request("generate", ["a", "b"], seed=[9, 3]).seeds == (9, 3)


def test_no_seed_draws_one_and_keeps_it() -> None:
    first, second = (make_request("generate", "a").seeds[0] for _ in range(2))
    assert first != second


def test_num_repeats_each_prompt_with_its_negative_and_picture() -> None:
    request = make_request("edit", ["a", "b"], ["x.png", "y.png"], negative=["c", "d"], num=2, seed=1)
    assert request.prompts == ("a", "a", "b", "b")
    assert request.negatives == ("c", "c", "d", "d")
    assert request.images == (("x.png",), ("x.png",), ("y.png",), ("y.png",))
    assert request.seeds == (1, 2, 3, 4)


def test_one_prompt_serves_all_pictures_and_one_picture_all_prompts() -> None:
    assert make_request("edit", "a", ["x", "y"]).prompts == ("a", "a")
    assert make_request("edit", ["a", "b"], "x").images == (("x",), ("x",))


def test_what_is_left_open_comes_from_the_checkpoint() -> None:
    request = make_request("img2img", "a", PICTURE, seed=0).resolve(Preferences(steps=7), [(96, 64)])
    assert (request.steps, request.cfg_scale, request.negatives) == (7, 4.0, (" ",))
    assert (request.sizes, request.strength) == (((96, 64),), 0.6)


def test_guidance_off_is_said_by_scale_one() -> None:
    request = make_request("generate", "a", cfg_scale=1.0, seed=0).resolve(Preferences(), [(96, 64)])
    assert request.cfg_scale == 1.0
    assert request.negatives is None


def test_a_negative_is_refused_where_the_checkpoint_itself_has_no_guidance() -> None:
    request = make_request("generate", "a", negative="b", seed=0)
    with pytest.raises(RequestError, match="no effect"):
        request.resolve(Preferences(cfg_scale=1.0), [(96, 64)])


def test_the_record_describes_one_picture() -> None:
    request = make_request("generate", ["a", "b"], seed=3).resolve(Preferences(), [(96, 64), (96, 64)])
    assert request.record(1) == {
        "task": "generate",
        "prompt": "b",
        "negative": " ",
        "seed": 4,
        "size": [96, 64],
        "steps": 30,
        "cfg_scale": 4.0,
        "solver": "euler",
        "images": 0,
    }


@given(st.integers(1, 200), st.floats(0.01, 1))
def test_strength_leaves_out_the_first_steps(steps: int, strength: float) -> None:
    skipped = steps_skipped(steps, strength)
    assert 0 <= skipped < steps
    assert steps_skipped(steps, 1.0) == 0
    assert abs((steps - skipped) - steps * strength) <= 1


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Request(("a",)).steps = 3  # type: ignore[misc]
