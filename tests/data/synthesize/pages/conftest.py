"""The faces with which pages are set, and small pages of every template."""

from __future__ import annotations

import pytest

from hanmo.data.synthesize.coverage import FontFace
from hanmo.data.synthesize.coverage import faces as faces_of
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.errors import RequestError


@pytest.fixture(scope="session")
def faces() -> tuple[FontFace, ...]:
    """Every face in the folders of the cards' fonts; the test is skipped where one is not installed."""
    try:
        folders = sorted({font_path(script, font).parent for script, font in FACES})
    except RequestError as missing:
        pytest.skip(str(missing))
    return tuple(face for folder in folders for face in faces_of(folder))
