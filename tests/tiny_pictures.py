"""Tiny pictures, and operators that do what real ones do at their best and at their worst, for the data engine's tests.

They lie in a module of their own because worker processes import them.
"""

from __future__ import annotations

import io
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.data.operator import Measured
from hanmo.data.record import Caption, Record, make_record


def png(level: int, seed: int = 0, size: int = 8) -> bytes:
    """A grey picture of about this brightness (0-255), different for every seed."""
    noise = np.random.default_rng([level, seed]).integers(-4, 5, (size, size, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(level + noise, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def record(level: int, seed: int = 0) -> Record:
    return make_record(
        png(level, seed), (Caption(f"grey {level}", "synthetic", "en"),), "tiny", "CC0-1.0", {"n": level}
    )


def write_folder(folder: Path, count: int) -> list[bytes]:
    """Pictures of rising brightness with captions beside them; their bytes, in order."""
    folder.mkdir()
    images = [png(10 * number) for number in range(count)]
    for number, image in enumerate(images):
        (folder / f"{number:03d}.png").write_bytes(image)
        (folder / f"{number:03d}.txt").write_text(f"grey {number}\n", encoding="utf-8")
    return images


@dataclass(frozen=True)
class BrightnessConfig:
    calls: Path
    """One byte is appended here for each call, from whatever process."""
    scale: float = 1.0
    pause: float = 0.0
    """Seconds that a call takes longer."""


@dataclass(frozen=True)
class Brightness:
    """Mean grey level, 0-255."""

    config: BrightnessConfig
    name: str = "brightness"
    version: int = 1
    scores: tuple[str, ...] = ("mean",)

    def measure(self, record: Record) -> Measured:
        with self.config.calls.open("ab") as file:
            file.write(b".")
        time.sleep(self.config.pause)
        with Image.open(io.BytesIO(record.image)) as image:
            mean = float(np.asarray(image.convert("L")).mean())
        return Measured({"mean": mean * self.config.scale}, {"pid_free": True})

    @property
    def calls(self) -> int:
        return self.config.calls.stat().st_size if self.config.calls.exists() else 0


@dataclass(frozen=True)
class FatalConfig:
    victim: str
    """The id of the record that ends badly."""
    how: str
    """raise, say, exit, kill, hang, memory, nan; with once: only while the marker is not there."""
    marker: Path | None = None


@dataclass(frozen=True)
class Fatal:
    """An operator that one record is too much for."""

    config: FatalConfig
    name: str = "fatal"
    version: int = 1
    scores: tuple[str, ...] = ("one",)

    def measure(self, record: Record) -> Measured:
        marker = self.config.marker
        if record.id != self.config.victim or (marker is not None and marker.exists()):
            return Measured({"one": 1.0})
        if marker is not None:
            marker.touch()
        match self.config.how:
            case "raise":
                raise ValueError("this one is too much")
            case "say":
                return Measured({}, {}, "too dark to tell")
            case "exit":
                os._exit(7)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(60)
            case "memory":
                return Measured({"one": float(len(bytearray(16 << 30)) > 0)})
        return Measured({"one": float("nan")})
