from __future__ import annotations

import subprocess
from pathlib import Path

import hanmo
from hanmo.evaluate.provenance import commit, here_and_now


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_the_commit_is_that_of_the_packages_checkout_with_a_mark_where_files_differ(tmp_path: Path) -> None:
    package = tmp_path / "src" / "hanmo"
    package.mkdir(parents=True)
    assert commit(package) is None
    git(tmp_path, "init")
    (package / "a.py").write_text("1")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "first")
    found = commit(package)
    assert found is not None
    assert len(found) == 40
    (package / "a.py").write_text("2")
    assert commit(package) == found + "+"


def test_versions_and_the_kind_of_machine_are_recorded_and_its_name_is_not() -> None:
    found = here_and_now()
    assert found["hanmo"] == hanmo.__version__
    assert found["torch"]
    assert found["date"].endswith("+00:00")
    import platform

    assert platform.node() not in str(found)
