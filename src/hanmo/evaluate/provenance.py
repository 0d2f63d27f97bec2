"""Where figures come from: versions, commit, date, machine. It knows nothing of what was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hanmo
from hanmo.evaluate.types import Json

PACKAGES = ("torch", "transformers", "rapidocr")
"""Whose versions may change a figure."""


def here_and_now() -> dict[str, Json]:
    """What is to be recorded with every report; the name of the machine is not."""
    return {
        "hanmo": hanmo.__version__,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def commit(package: Path | None = None) -> str | None:
    """The commit of the checkout that this package lies in, with "+" where files differ from it.

    Args:
        package: src/hanmo; None takes the one that runs.

    Returns:
        None for an installed package, or where there is no git.
    """
    root = (package or Path(hanmo.__file__).parent).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        found = _git(root, "rev-parse", "HEAD").strip()
        return found + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
