from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from hanmo.data.sources.packages import NpmPackage, UnpackLimits, package_folder, unpack
from hanmo.errors import RequestError


def archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return path


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def fake_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is outside of this project; only its command line counts."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin")


def test_only_wanted_files_inside_the_package_are_written(tmp_path: Path) -> None:
    members = {
        "package/art/a.png": b"a",
        "package/code.js": b"b",
        "package/../../evil": b"c",
        "/abs": b"d",
        "top": b"e",
    }
    path = archive(tmp_path / "p.tgz", members, {"package/art/link": "/etc/passwd"})
    (tmp_path / "out").mkdir()
    assert unpack(path, tmp_path / "out", ("art/",)) == 1
    assert files_of(tmp_path / "out") == {"art", "art/a.png"}
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("limits", [UnpackLimits(files=1), UnpackLimits(file_bytes=5), UnpackLimits(bytes=9)])
def test_an_archive_beyond_the_limits_is_refused(tmp_path: Path, limits: UnpackLimits) -> None:
    path = archive(tmp_path / "p.tgz", {"package/a": b"123456", "package/b": b"123456"})
    with pytest.raises(RequestError, match="not unpacked"):
        unpack(path, tmp_path, limits=limits)


def test_an_archive_that_breaks_off_is_one_clear_line(tmp_path: Path) -> None:
    path = archive(tmp_path / "p.tgz", {"package/a": os.urandom(4000)})
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(RequestError, match="cannot be unpacked"):
        unpack(path, tmp_path)


def test_a_package_is_fetched_once_and_only_with_the_hash_that_is_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path / "made.tgz", {"package/art/a.png": b"a"})
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    fake_npm(tmp_path / "bin", f'echo "$@" >> {tmp_path}/calls; cp {made} fetched.tgz', monkeypatch)
    good = NpmPackage("@scope/art", "1.2.3", sha256)
    for _ in range(2):
        assert files_of(package_folder(good, tmp_path / "set")) == {"art", "art/a.png"}
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith("pack --silent --ignore-scripts")
    assert call.endswith("@scope/art@1.2.3")
    with pytest.raises(RequestError, match="do not use it"):
        package_folder(NpmPackage("@scope/art", "1.2.4", "0" * 64), tmp_path / "set")
    assert not (tmp_path / "set" / "scope-art-1.2.4").exists()


def test_what_npm_says_when_it_fails_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(tmp_path / "bin", "echo no such package >&2; exit 1", monkeypatch)
    with pytest.raises(RequestError, match=r"npm could not fetch art@1\.0\.0: no such package"):
        package_folder(NpmPackage("art", "1.0.0", "0" * 64), tmp_path)


def test_without_npm_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match="npm is not installed"):
        package_folder(NpmPackage("art", "1.0.0", "0" * 64), tmp_path)
