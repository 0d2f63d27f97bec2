from __future__ import annotations

import random

import numpy as np
import pytest

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.grounds import READABLE, contrast
from hanmo.data.synthesize.pages.blocks_text import tint
from hanmo.data.synthesize.pages.setting import Setting
from hanmo.data.synthesize.pages.theme import FILLS, THEMES, choose_pairing, scheme
from hanmo.errors import RequestError


def test_every_ink_of_every_theme_is_readable_on_its_ground_and_along_its_gradient() -> None:
    faint = []
    for number, theme in enumerate(THEMES):
        for fill in FILLS:
            found = scheme(theme, fill)
            for ground in (found.ground.rgb, found.far, found.soft):
                pixel = np.array([[ground]], dtype=np.uint8)
                inks = (
                    (found.ink.rgb, found.accent.rgb)
                    if ground == found.soft
                    else (found.ink.rgb, found.muted, found.accent.rgb)
                )
                worst = min(contrast(ink, pixel) for ink in inks)
                limit = READABLE if ground != found.soft else 3.9
                faint += [(number, fill, round(worst, 2))] if worst < limit else []
    assert faint == []


def test_pills_keep_their_letters_readable(faces: tuple[FontFace, ...]) -> None:
    pairing = choose_pairing(random.Random(0), faces, "en")
    for theme in THEMES:
        for fill in FILLS:
            setting = Setting(theme, pairing, "en", fill)
            assert contrast(setting.scheme.ink.rgb, np.array([[tint(setting)]], dtype=np.uint8)) >= READABLE


@pytest.mark.parametrize("script", ["en", "zh"])
def test_pairings_vary_and_their_headings_are_bold(faces: tuple[FontFace, ...], script: str) -> None:
    pairings = [choose_pairing(random.Random(seed), faces, script) for seed in range(24)]
    assert len({(pairing.heading, pairing.body) for pairing in pairings}) >= (4 if script == "en" else 3)
    assert all(pairing.heading.bold and not pairing.body.bold for pairing in pairings)
    assert all(pairing.strong.family == pairing.body.family for pairing in pairings)


def test_no_face_for_a_script_is_refused(faces: tuple[FontFace, ...]) -> None:
    latin = [face for face in faces if "CJK" not in face.family]
    with pytest.raises(RequestError, match="can set zh text"):
        choose_pairing(random.Random(0), latin, "zh")
