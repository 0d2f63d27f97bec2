"""Packages of art as sources (report section 3.1, collection): fetched by npm, unpacked within limits, kept as found.

A package is named with its version and the hash of its archive, so that everybody's set is the same. Nothing of a
package is ever run: `npm pack` brings the archive, and only plain files under the folders that are asked for are
written. It does not know what the files mean.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hanmo.errors import OutputError, RequestError
from hanmo.weights.files import atomic_folder

_WAIT = 600
"""Longest time that npm may take for one package, in seconds."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class NpmPackage:
    """One version of a package.

    Args:
        name: such as "openmoji" or "@scope/name".
        version: exact.
        sha256: of the archive; 64 hexadecimal digits.
        parts: which files are wanted: those whose path below the package's folder begins with one of these.
    """

    name: str
    version: str
    sha256: str
    parts: tuple[str, ...] = ("",)

    @property
    def folder(self) -> str:
        """The name of the folder that it is unpacked into."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}"


@dataclass(frozen=True)
class UnpackLimits:
    """How much an archive may hold; what is beyond is an error, since a known package never is."""

    files: int = 20_000
    file_bytes: int = 16 << 20
    bytes: int = 256 << 20


def package_folder(package: NpmPackage, folder: Path, limits: UnpackLimits | None = None) -> Path:
    """Where a package lies unpacked below `folder`; npm fetches it if it does not yet.

    Args:
        package: which.
        folder: is made where it is missing.
        limits: of what is unpacked.

    Raises:
        RequestError: npm is not there or cannot fetch it, or the archive is another one than expected.
        OutputError: the folder cannot be written to.
    """
    place = folder / package.folder
    if place.is_dir():
        return place
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error}") from None
    with tempfile.TemporaryDirectory(prefix="hanmo-npm-") as scratch:
        archive = _pack(package, Path(scratch))
        found = _sha256(archive)
        if found != package.sha256:
            raise RequestError(
                f"the archive of {package.name} {package.version} has SHA-256 {found}; expected {package.sha256}: "
                "do not use it"
            )
        with atomic_folder(place) as fresh:
            unpack(archive, fresh, package.parts, limits)
    return place


def unpack(archive: Path, folder: Path, parts: tuple[str, ...] = ("",), limits: UnpackLimits | None = None) -> int:
    """Write the plain files of a gzipped tar, without its first folder, into `folder`; return how many.

    Links, devices and names that lead outside are left out; so is what `parts` does not name. Everything counts
    towards the limits, because a bomb costs its time even when nothing of it is kept.

    Raises:
        RequestError: the archive is damaged, or larger than the limits.
    """
    limits = limits or UnpackLimits()
    count = written = total = 0
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for info in tar:
                count, total = count + 1, total + max(info.size, 0)
                if count > limits.files or info.size > limits.file_bytes or total > limits.bytes:
                    raise RequestError(
                        f"{archive.name} holds more than {limits.files} files, {limits.file_bytes} bytes in one or "
                        f"{limits.bytes} in all: it is not unpacked"
                    )
                path = _inside(info.name)
                if path is None or not info.isreg() or not str(path).startswith(parts):
                    continue
                file = tar.extractfile(info)
                if file is None:
                    continue
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as out:
                    shutil.copyfileobj(file, out, _CHUNK)
                written += 1
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RequestError(f"{archive.name} cannot be unpacked: {error}") from None
    return written


def _inside(name: str) -> PurePosixPath | None:
    """A member's path below the archive's first folder; None where it leads anywhere else."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or len(path.parts) < 2:
        return None
    return PurePosixPath(*path.parts[1:])


def _pack(package: NpmPackage, scratch: Path) -> Path:
    what = f"{package.name}@{package.version}"
    npm = shutil.which("npm")
    if npm is None:
        raise RequestError(f"npm is not installed, which fetches {what}: install it, or unpack the package yourself")
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(scratch), what]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_WAIT, cwd=scratch, check=False)
    except subprocess.TimeoutExpired:
        raise RequestError(f"npm took longer than {_WAIT} seconds for {what}; try again") from None
    archives = sorted(scratch.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise RequestError(f"npm could not fetch {what}: {said or f'exit code {done.returncode}'}")
    return archives[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
