"""What a run may spend, shared by its threads: requests, tokens, seconds.

Requests are counted before they are sent, so there is never one too many. Tokens are known afterwards: what is
in flight when they are used up is still paid. It knows no model and no picture.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from hanmo.errors import RequestError


@dataclass(frozen=True)
class BudgetConfig:
    """Limits of one run; a run that goes on with another's journal has a budget of its own.

    Attributes:
        requests: to the model, further tries included; None for any number.
        tokens: read and written; None for any number.
        seconds: of the clock on the wall; None for any time.

    Raises:
        RequestError: at construction.
    """

    requests: int | None = None
    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        for name in ("requests", "tokens", "seconds"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise RequestError(f"budget.{name} {limit} is not allowed: give more than 0, or leave it out")


class Budget:
    """A budget in use. Its time begins when it is made.

    Args:
        config: limits.
    """

    def __init__(self, config: BudgetConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._reason: str | None = None
        self._seconds = math.inf if config.seconds is None else config.seconds
        self._end = time.monotonic() + self._seconds
        self.requests = 0
        """Sent so far."""
        self.tokens = 0
        """Paid so far, as far as the model says."""

    @property
    def reason(self) -> str | None:
        """Why it is over; None while it is not."""
        if time.monotonic() >= self._end:
            self.stop(f"the {self._seconds:g} seconds are over")
        with self._lock:
            return self._reason

    def stop(self, reason: str) -> None:
        """End it; the first reason stays."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
        self._over.set()

    def take(self) -> float | None:
        """Count one request.

        Returns:
            Seconds that are left for it; None when it must not be sent.
        """
        if self.reason is not None:
            return None
        with self._lock:
            most = self._config.requests
            if most is None or self.requests < most:
                self.requests += 1
                return max(self._end - time.monotonic(), 1e-3)
        self.stop(f"the {most} requests are used up")
        return None

    def pay(self, tokens: int | None) -> None:
        """Count the tokens of an answer; None means that the model does not say."""
        most = self._config.tokens
        if tokens is not None:
            with self._lock:
                self.tokens += tokens
        if most is not None and tokens is None:
            self.stop("the model does not say how many tokens it used: set budget.requests instead of budget.tokens")
        if most is not None and self.tokens >= most:
            self.stop(f"the {most} tokens are used up")

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the budget's end."""
        self._over.wait(max(0.0, min(seconds, self._end - time.monotonic())))
