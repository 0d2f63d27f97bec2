"""Batches made ready in a thread while training computes, and how long training waited for them (report section 4.1.1).

The idle share is the answer to "do producers keep up?". The wait for the first batch counts apart: it is how long the
pipeline takes to fill. It does not know where batches come from.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanmo.errors import RequestError
from hanmo.producer.batches import Batch, Batches

_TICK = 0.1
"""Seconds between looks whether to stop."""


@dataclass(frozen=True)
class Waiting:
    """Seconds of a consumer's time.

    Attributes:
        first: until the first batch was there.
        waited: for all later batches together.
        elapsed: since the first batch was handed out, to the last.
        batches: handed out.
    """

    first: float
    waited: float
    elapsed: float
    batches: int

    @property
    def idle(self) -> float:
        """Share of the time since the first batch that was spent waiting, 0 to 1."""
        return self.waited / self.elapsed if self.elapsed > 0 else 0.0


class Prefetch:
    """`Batches` over `Batches`, some of them ready.

    The cursor is behind what was handed out here, never behind what is merely ready. A batch counts as used when the
    next one is asked for. Use it as a context manager, or call `close`: it has a thread.

    Args:
        batches: asked by one thread only.
        depth: batches that may be ready.

    Raises:
        RequestError: a depth below 1.
    """

    def __init__(self, batches: Batches, depth: int = 2) -> None:
        if depth < 1:
            raise RequestError(f"{depth} batches ahead: give 1 or more")
        self._batches, self._depth = batches, depth
        self._state = batches.state_dict()
        self._first = self._waited = self._elapsed = 0.0
        self._began: float | None = None
        self._count = 0
        self._last: Batch | None = None
        self._ended = False
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Prefetch:
        """Itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop the thread."""
        self.close()

    def __iter__(self) -> Prefetch:
        """Itself."""
        return self

    def __next__(self) -> Batch:
        """The next batch; what went wrong in the thread is raised here."""
        if self._last is not None:
            self._batches.used(self._last)
            self._last = None
        if self._ended:
            raise StopIteration
        if self._thread is None:
            self._start()
        asked = time.perf_counter()
        batch, state, error = self._ready.get()
        now = time.perf_counter()
        if error is not None:
            self._ended = True
            raise error
        if self._began is None:
            self._first, self._began = now - asked, now
        else:
            self._waited += now - asked
        self._elapsed = now - self._began
        self._count += 1
        self._last, self._state = batch, state
        return batch

    @property
    def waiting(self) -> Waiting:
        """So far."""
        return Waiting(self._first, self._waited, self._elapsed, self._count)

    def used(self, batch: Batch) -> None:
        """A batch is done with before the next is asked for, such as the last one before a checkpoint."""
        if self._last is batch:
            self._batches.used(batch)
            self._last = None

    def state_dict(self) -> dict[str, Any]:
        """The cursor behind what was handed out."""
        return self._state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on elsewhere; what was ready is thrown away."""
        self.close()
        self._batches.load_state_dict(state)
        self._state, self._last, self._ended = dict(state), None, False

    def close(self) -> None:
        """Stop the thread and forget what was ready; asked again, it goes on behind what was handed out."""
        if self._thread is not None:
            self._stop.set()
            self._batches.close()
            self._thread.join()
            self._thread = None
            self._batches.load_state_dict(self._state)

    def _start(self) -> None:
        self._stop = threading.Event()
        self._ready: queue.Queue[tuple[Batch, dict[str, Any], BaseException | None]] = queue.Queue(self._depth)
        self._thread = threading.Thread(target=self._work, name="prefetch", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        error: BaseException | None = None
        while error is None and not self._stop.is_set():
            batch: Batch = []
            try:
                batch = next(self._batches)
            except BaseException as problem:
                error = problem
            item = batch, self._batches.state_dict(), error
            while not self._stop.is_set():
                try:
                    self._ready.put(item, timeout=_TICK)
                    break
                except queue.Full:
                    continue
