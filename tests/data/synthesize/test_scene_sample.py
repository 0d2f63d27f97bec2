from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from hanmo.data.record import Record, make_record
from hanmo.data.synthesize.scene_grounds import GROUNDS
from hanmo.data.synthesize.scene_sample import (
    KINDS,
    EmojiLooks,
    SceneConfig,
    _inks,
    emoji_looks,
    objects,
    scene_pair,
)
from hanmo.errors import ConfigError

CONFIG = SceneConfig(width=96, height=96, emoji=1.0)


def emoji_record(code: str, art: str, licence: str, level: int) -> Record:
    pixels = np.zeros((24, 24, 4), dtype=np.uint8)
    pixels[4:20, 4:20] = (level, 255 - level, 40 if art == "twemoji" else 200, 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return make_record(file.getvalue(), (), "emoji", licence, {"code": code, "art": art, "attribution": f"by {art}"})


@pytest.fixture(scope="module")
def emoji() -> EmojiLooks:
    codes = list(objects())[:8]
    records = [emoji_record(code, "fluent-3d", "MIT", 20 * n) for n, code in enumerate(codes)]
    records += [emoji_record(code, "twemoji", "CC-BY-4.0", 20 * n) for n, code in enumerate(codes[1:])]
    return emoji_looks([*records, emoji_record("1F4A9", "noto", "OFL-1.1", 3)])


def test_only_objects_that_every_set_has_are_shown(emoji: EmojiLooks) -> None:
    assert {art: list(looks) for art, looks in emoji.arts.items()} == {
        "fluent-3d": list(objects())[1:8],
        "twemoji": list(objects())[1:8],
    }


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


def test_names_of_emoji_objects_are_unique_and_whole() -> None:
    known = objects().values()
    assert len({en for en, _, _ in known}) == len({zh for _, _, zh in known}) == len(known) > 90


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose from text"):
        scene_pair(random.Random(0), CONFIG, None, "paint")
    with pytest.raises(ConfigError, match=r"scenes\.width is 8"):
        SceneConfig(width=8)
    with pytest.raises(ConfigError, match="fewer than two"):
        SceneConfig(words_zh=("好",))
    with pytest.raises(ConfigError, match=r"scenes\.emoji"):
        SceneConfig(emoji=2.0)
