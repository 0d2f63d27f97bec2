"""Fonts, which do not travel with the package."""

from __future__ import annotations

import pytest

from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.errors import RequestError


@pytest.fixture(scope="session")
def fonts() -> None:
    """The four fonts of the cards; the test is skipped where one is not installed."""
    try:
        for script, font in FACES:
            font_path(script, font)
    except RequestError as missing:
        pytest.skip(str(missing))
