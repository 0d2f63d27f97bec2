from __future__ import annotations

import random

import numpy as np
import pytest

from hanmo.data.synthesize.scene_grounds import GROUNDS
from hanmo.data.synthesize.scene_looks import EmojiLooks
from hanmo.data.synthesize.scene_sample import KINDS, SceneConfig, _inks, scene_pair
from hanmo.errors import ConfigError

CONFIG = SceneConfig(width=96, height=96, emoji=1.0)


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_pixels_inside_its_mask_only(kind: str, emoji: EmojiLooks) -> None:
    for seed in range(2):
        pair = scene_pair(random.Random(f"{kind} {seed}"), CONFIG, emoji if seed % 2 else None, kind)
        assert pair.mask is not None
        differs = (pair.sources[0] != pair.target).any(axis=2)
        assert not differs[~pair.mask].any()
        assert differs.any()
        assert differs[pair.mask].mean() > (0.3 if kind.startswith("style") else 0.6)
        assert [said.language for said in pair.instructions] == ["en", "zh"]
        assert pair.captions != pair.source_captions[0] or kind.startswith("style")


@pytest.mark.usefixtures("fonts")
def test_the_same_seed_gives_the_same_pair(emoji: EmojiLooks) -> None:
    first, second = (scene_pair(random.Random(5), CONFIG, emoji) for _ in range(2))
    np.testing.assert_array_equal(first.target, second.target)
    assert first.instructions == second.instructions


@pytest.mark.usefixtures("fonts")
def test_the_licence_covers_all_that_is_seen(emoji: EmojiLooks) -> None:
    pair = scene_pair(random.Random(1), CONFIG, emoji, "style")
    assert pair.licence == "CC-BY-4.0 AND MIT"
    assert pair.details["attribution"] == ["by fluent-3d", "by twemoji"]
    assert scene_pair(random.Random(1), CONFIG, None, "style").licence == "CC0-1.0"


@pytest.mark.usefixtures("fonts")
def test_what_is_added_is_said_where_it_is_and_was_not_there() -> None:
    for seed in range(3):
        pair = scene_pair(random.Random(seed), CONFIG, None, "add")
        before, after = pair.source_captions[0][0].text, pair.captions[0].text
        assert after.count(" at the ") + after.count(" on the ") + after.count(" in the middle") > before.count(
            " at the "
        ) + before.count(" on the ") + before.count(" in the middle")


def test_on_every_ground_a_text_has_another_colour_to_change_to() -> None:
    assert min(len(_inks(ground)) for ground in GROUNDS) >= 2


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose from text"):
        scene_pair(random.Random(0), CONFIG, None, "paint")
    with pytest.raises(ConfigError, match=r"scenes\.width is 8"):
        SceneConfig(width=8)
    with pytest.raises(ConfigError, match="fewer than two"):
        SceneConfig(words_zh=("好",))
    with pytest.raises(ConfigError, match=r"scenes\.emoji"):
        SceneConfig(emoji=2.0)
