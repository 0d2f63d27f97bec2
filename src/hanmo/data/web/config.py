"""How a list of URLs is fetched: how many at once, how patiently, how much.

The defaults are slow on purpose: two requests a second to one host disturb nobody, and a list of many hosts is fast
all the same. None of these numbers is the report's, which does not say how its pictures were fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hanmo.data.limits import Limits
from hanmo.data.web.exchange import ExchangeConfig
from hanmo.data.web.judge import Wanted
from hanmo.errors import ConfigError


@dataclass(frozen=True)
class FetchConfig:
    """How a list is fetched.

    Args:
        at_once: requests under way in all; each holds at most `limits.image_bytes`.
        per_host: requests under way at one host.
        host_delay: seconds between the beginnings of two requests to one host.
        tries: requests for one URL, the first included; redirects are not counted.
        backoff: seconds before the second try; it doubles with each further one, and half of it is left to chance.
        longest_wait: seconds; a host that asks for more is not asked again.
        host_failures: final failures in a row, after which the rest of a host's URLs are given up.
        redirects: that are followed.
        robots: whether robots.txt is asked and obeyed.
        window: URLs of the list that are in memory.
        limits: largest file.
        wanted: which pictures are taken.
        exchange: times, and who asks.

    Raises:
        ConfigError: a number below what makes sense.
    """

    at_once: int = 32
    per_host: int = 2
    host_delay: float = 0.5
    tries: int = 4
    backoff: float = 2.0
    longest_wait: float = 120.0
    host_failures: int = 20
    redirects: int = 5
    robots: bool = True
    window: int = 10_000
    limits: Limits = field(default_factory=Limits)
    wanted: Wanted = field(default_factory=Wanted)
    exchange: ExchangeConfig = field(default_factory=ExchangeConfig)

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("at_once", "per_host", "tries", "host_failures", "window"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("host_delay", "backoff", "longest_wait", "redirects"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 0 or more")
