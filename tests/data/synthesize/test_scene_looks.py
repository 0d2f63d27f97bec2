from __future__ import annotations

import numpy as np

from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.scene_looks import EmojiLooks, objects, shape_look


def test_only_objects_that_every_set_has_are_shown(emoji: EmojiLooks) -> None:
    assert {art: list(looks) for art, looks in emoji.arts.items()} == {
        "fluent-3d": list(objects())[1:8],
        "twemoji": list(objects())[1:8],
    }


def test_names_of_emoji_objects_are_unique_and_whole() -> None:
    known = objects().values()
    assert len({en for en, _, _ in known}) == len({zh for _, _, zh in known}) == len(known) > 90


def test_a_look_keeps_whose_it_is_and_what_can_be_seen_through(emoji: EmojiLooks) -> None:
    code, look = next(iter(emoji.arts["twemoji"].items()))
    assert (look.licence, look.attribution, look.style) == ("CC-BY-4.0", "by twemoji", "twemoji")
    assert (look.en, look.counter, look.zh) == objects()[code]
    assert look.cutout[0, 0, 3] == 0
    assert np.abs(np.array(look.tone) - look.cutout[12, 12, :3]).max() <= 1  # of what is seen, not of its border


def test_a_shape_is_its_colour() -> None:
    assert shape_look("star", "red", "flat").tone == COLORS["red"]
