"""What every test stands on: shapes checked at run time, no network, a fixed number of threads.

The import hook below must come before the first import of `hanmo`: it makes beartype execute every
jaxtyping annotation in the package.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from jaxtyping import install_import_hook

install_import_hook("hanmo", "beartype.beartype")

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The specification's folder beside the repository; the test is skipped where it is missing."""
    path = ROOT.parent / "shared"
    if not path.is_dir():
        pytest.skip("needs the specification's folder, ../shared")
    return path


@pytest.fixture(scope="session", autouse=True)
def threads() -> Iterator[int]:
    """Two threads, or as many as OMP_NUM_THREADS says, so that times and sums do not depend on the host."""
    before = torch.get_num_threads()
    count = int(os.environ.get("OMP_NUM_THREADS", "2"))
    torch.set_num_threads(count)
    yield count
    torch.set_num_threads(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `gpu` where there is no CUDA device."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def same_logging() -> Iterator[None]:
    """Commands configure the package's logger; the next test finds it as it was."""
    logger = logging.getLogger("hanmo")
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
