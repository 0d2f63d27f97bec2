"""One random checkpoint for the tests of the pipeline."""

from __future__ import annotations

import pytest
import tiny

import hanmo
from hanmo.pipeline.pipeline import Pipeline


@pytest.fixture(scope="session")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("checkpoint")
    tiny.save_checkpoint(folder)
    return hanmo.load(folder)
