"""How fast one voter, or one address, may go: so that no script outvotes people.

A bucket of tokens: each request takes one, RATE come back in a second, and no more than BURST are kept.
This module keeps its counts in memory: several processes each have their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

KEPT = 100_000
"""Keys that are remembered; beyond, those that have been full again for long are forgotten."""


@dataclass
class Limit:
    """One limit for many keys.

    Attributes:
        rate: requests a second in the long run.
        burst: requests at once.
        clock: seconds, of any start.
    """

    rate: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, key: str) -> float:
        """Count a request.

        Returns:
            0.0 if it may go on; else the seconds after which one may, and this one is not counted.
        """
        now = self.clock()
        with self._lock:
            if len(self._left) > KEPT:
                full = self.burst / self.rate
                self._left = {k: kept for k, kept in self._left.items() if now - kept[1] < full}
            tokens, since = self._left.get(key, (self.burst, now))
            tokens = min(self.burst, tokens + (now - since) * self.rate)
            if tokens < 1:
                self._left[key] = (tokens, now)
                return (1 - tokens) / self.rate
            self._left[key] = (tokens - 1, now)
            return 0.0
