"""The bundled networks, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.producer.encode import Networks
from hanmo.producer.worker import load_networks


@pytest.fixture(scope="session")
def checkpoint(root: Path) -> Path:
    return root / "src" / "hanmo" / "assets" / "hanmo-tiny"


@pytest.fixture(scope="session")
def networks(checkpoint: Path) -> Networks:
    return load_networks(checkpoint, precision="float32")
