from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hanmo.data.synthesize import fonts as module
from hanmo.data.synthesize.cards import CELL_HEIGHT, EM
from hanmo.data.synthesize.characters import vocabulary
from hanmo.data.synthesize.fonts import FACES, font_path, glyph, has_glyph
from hanmo.errors import RequestError


@pytest.fixture
def forgetful() -> Iterator[None]:
    """A search for fonts that remembers nothing, before and after the test."""
    font_path.cache_clear()
    yield
    font_path.cache_clear()


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize(("script", "font", "width"), EM)
def test_every_character_fits_its_cell_in_both_fonts(script: str, font: str, width: int) -> None:
    for char in vocabulary():
        if (script == "zh") == (ord(char) > 127):
            ink = glyph(char, script, font, EM[script, font, width], width, CELL_HEIGHT)
            assert ink.shape == (CELL_HEIGHT, width)
            assert ink.max() > 0.7, f"{char} is visible"
            assert ink[:, 0].max() == ink[:, -1].max() == 0, f"{char} does not touch its neighbours"


@pytest.mark.usefixtures("fonts")
def test_capitals_stand_in_the_middle_of_their_cell() -> None:
    rows = np.flatnonzero(glyph("H", "en", "sans", 30, 24, 32).max(axis=1) > 0.5)
    assert abs((rows[0] + rows[-1]) / 2 - 15.5) <= 1


@pytest.mark.usefixtures("fonts")
def test_a_missing_glyph_is_named() -> None:
    assert not has_glyph("你", "en", "sans")
    with pytest.raises(RequestError, match="no '你'"):
        glyph("你", "en", "sans", 30, 24, 32)


@pytest.mark.usefixtures("forgetful")
def test_a_missing_font_names_its_package_and_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "FOLDERS", (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HANMO_FONT_ZH_SANS", raising=False)
    with pytest.raises(RequestError, match=r"fonts-noto-cjk or set HANMO_FONT_ZH_SANS") as error:
        font_path("zh", "sans")
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("forgetful")
def test_a_font_can_be_given_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    face = FACES["en", "serif"]
    own = tmp_path / "own.ttf"
    monkeypatch.setenv(face.variable, str(own))
    with pytest.raises(RequestError, match="is no file"):
        font_path("en", "serif")
    own.touch()
    assert font_path("en", "serif") == own
