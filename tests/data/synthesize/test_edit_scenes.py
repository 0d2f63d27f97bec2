from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hanmo.data.synthesize.colors import COLORS
from hanmo.data.synthesize.edit_scenes import LAYOUTS, Lettering, Scene, Thing, changed, draw_scene
from hanmo.data.synthesize.grounds import PALETTES
from hanmo.data.synthesize.scene_grounds import Ground
from hanmo.data.synthesize.scene_looks import shape_look

SLOTS = LAYOUTS["three"].slots
STAR = Thing(shape_look("star", "red", "flat"), SLOTS[0], 0.9, (0.0, 0.0))
RING = Thing(shape_look("ring", "blue", "flat"), SLOTS[1], 0.9, (0.0, 0.0))
SCENE = Scene(160, 128, Ground("dots", PALETTES[0]), "three", (STAR, RING))
WITH_TEXT = replace(SCENE, lettering=Lettering("OPEN", "black", COLORS["black"], "sans", True))


def difference(source: Scene, target: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Where the pictures differ, and the mask."""
    return (draw_scene(source) != draw_scene(target)).any(axis=2), changed(source, target)


@pytest.mark.parametrize(
    "target",
    [
        replace(SCENE, things=(STAR,)),
        replace(SCENE, things=(STAR, RING, Thing(shape_look("moon", "green", "glossy"), SLOTS[2], 0.8, (0.1, 0.0)))),
        replace(SCENE, things=(replace(STAR, slot=SLOTS[2]), RING)),
        replace(SCENE, things=(replace(STAR, look=shape_look("star", "blue", "flat")), RING)),
        replace(SCENE, things=(STAR, replace(RING, look=shape_look("ring", "blue", "sticker")))),
        replace(SCENE, ground=Ground("plain", PALETTES[6])),
    ],
    ids=["remove", "add", "move", "color", "style", "background"],
)
def test_pictures_are_the_same_outside_the_mask_and_differ_inside(target: Scene) -> None:
    differs, mask = difference(SCENE, target)
    assert not differs[~mask].any()
    assert differs[mask].mean() > 0.9
    assert 0 < mask.sum() < mask.size


@pytest.mark.usefixtures("fonts")
def test_a_changed_text_changes_only_letters() -> None:
    assert WITH_TEXT.lettering is not None
    for lettering in (replace(WITH_TEXT.lettering, text="CLOSED"), replace(WITH_TEXT.lettering, rgb=COLORS["red"])):
        differs, mask = difference(WITH_TEXT, replace(WITH_TEXT, lettering=lettering))
        assert not differs[~mask].any()
        assert differs[mask].mean() > 0.8
        assert not mask[40:].any()  # the text stands above


def test_equal_scenes_have_an_empty_mask() -> None:
    assert not changed(SCENE, SCENE).any()
    assert not changed(SCENE, replace(SCENE, things=(replace(STAR), RING))).any()  # another object, the same look


def test_a_shadow_that_stays_is_outside_the_mask() -> None:
    red, blue = (
        replace(SCENE, things=(replace(STAR, look=shape_look("star", color, "flat")),)) for color in ("red", "blue")
    )
    alone = changed(red, replace(red, things=()))
    assert changed(red, blue).sum() < alone.sum()


def test_a_thing_stands_where_its_slot_says() -> None:
    bare = replace(SCENE, things=())
    for slot in LAYOUTS["six"].slots:
        mask = changed(bare, replace(bare, layout="six", things=(replace(STAR, slot=slot),)))
        rows, columns = np.nonzero(mask)
        assert abs(columns.mean() / 160 - slot.x) < 0.02
        assert abs(rows.mean() / 128 - slot.y) < 0.05
