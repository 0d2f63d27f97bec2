"""What a run writes about itself: one JSON object a line in `metrics.jsonl`, and the same for TensorBoard.

After a resume, what was written past the snapshot is taken back first, so that no step is told twice.
It does not know what the numbers mean.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hanmo.log import get_logger
from hanmo.train.trackers import Tracker

log = get_logger(__name__)


class Metrics:
    """Writes scalars and pictures of one run; use as a context manager.

    A full disk costs no run: lines that cannot be written wait, and are written when there is room.
    """

    def __init__(self, folder: Path, step: int, trackers: Sequence[Tracker] = ()) -> None:
        """Open the files of the run in `folder`, keeping only what is told of steps up to `step`."""
        self._path = folder / "metrics.jsonl"
        _cut(self._path, step)
        self._file = self._path.open("ab", buffering=0)
        self._waiting: list[tuple[bytes, int, Mapping[str, float]]] = []
        self._trackers = trackers
        self._board = _board(folder / "tensorboard", step)

    def __enter__(self) -> Metrics:
        """Nothing but itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        if self._waiting and not self._write():
            log.warning("%d lines of metrics were never written: no room in %s", len(self._waiting), self._path.parent)
        self._file.close()
        if self._board is not None:
            self._on_board(self._board.close)
        for tracker in self._trackers:
            tracker.close()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Tell numbers of one step."""
        line = {
            "step": step,
            "time": round(time.time(), 3),
            **{key: float(f"{v:.6g}") for key, v in values.items()},
        }
        self._waiting.append((json.dumps(line, ensure_ascii=False).encode() + b"\n", step, values))
        if not self._write():
            log.warning("no room for metrics in %s; %d lines wait", self._path.parent, len(self._waiting))

    def picture(self, step: int, name: str, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        """Show a picture [H, W, 3] on the board."""
        if self._board is not None:
            self._on_board(lambda: self._board.add_image(name, pixels, step, dataformats="HWC"))

    def _on_board(self, do: Callable[[], object]) -> None:
        """TensorBoard writes in a thread and fails at some later call; metrics.jsonl is the truth, so it is dropped."""
        try:
            do()
        except OSError as error:
            log.warning("TensorBoard is not written any more (%s); metrics.jsonl is", error)
            self._board = None

    def _tell(self, step: int, values: Mapping[str, float]) -> None:
        """The board and the services, once the line is in the file."""
        if self._board is not None:
            self._on_board(lambda: [self._board.add_scalar(key, value, step) for key, value in values.items()])
        for tracker in self._trackers:
            tracker.scalars(step, values)

    def _write(self) -> bool:
        """Write the lines that wait, each whole or not at all; False when there is no room."""
        while self._waiting:
            line, step, values = self._waiting[0]
            before = os.fstat(self._file.fileno()).st_size
            try:
                whole = self._file.write(line) == len(line)
            except OSError:
                whole = False
            if not whole:
                self._file.truncate(before)
                return False
            self._waiting.pop(0)
            self._tell(step, values)
        return True


def _cut(path: Path, step: int) -> None:
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            told = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
            continue
        if told["step"] <= step:
            kept.append(line)
    part = path.with_suffix(".part")
    part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    part.replace(path)


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # an optional extra: hanmo[train]
    except ImportError:
        log.warning("tensorboard is not installed, so only metrics.jsonl is written (pip install hanmo[train])")
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
