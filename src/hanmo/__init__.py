"""Hanmo: the Qwen-Image system (arXiv 2508.02324) as one package.

Importing `hanmo` costs nothing: the names below are fetched on first use, so that `hanmo --help` and
the data tools start without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hanmo.pipeline.control_image import ControlImage
    from hanmo.pipeline.pipeline import Pipeline, load
    from hanmo.pipeline.request import Request
    from hanmo.pipeline.result import Result
    from hanmo.pipeline.session import Session

__version__ = "0.1.0"
__all__ = ["ControlImage", "Pipeline", "Request", "Result", "Session", "__version__", "load"]

_HOMES = {
    "ControlImage": "hanmo.pipeline.control_image",
    "Pipeline": "hanmo.pipeline.pipeline",
    "Request": "hanmo.pipeline.request",
    "Result": "hanmo.pipeline.result",
    "Session": "hanmo.pipeline.session",
    "load": "hanmo.pipeline.pipeline",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hanmo' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy names beside those already there."""
    return sorted(set(globals()) | set(_HOMES))
