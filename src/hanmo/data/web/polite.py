"""Who is asked when: a fetch of many URLs that no host has to notice (report section 3.1).

One thread decides and some threads wait for answers. Each host has a queue: so many requests at once, so long between
two beginnings (or as long as its robots.txt asks), and a pause whenever it answers 429 or 503 with Retry-After. What
fails for the moment is asked again, each time about twice as long later; what moved joins the queue of where it is
now. A host that fails too often in a row is left alone. Memory holds a window of the list, not the list. A host is a
name: a machine of many names is asked as often as it has names.

Every URL ends with one answer on disk, a picture or why there is none; a fetch that is stopped or killed goes on behind
what it had written. It does not know what the URLs are for.
"""

from __future__ import annotations

import queue
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from hanmo.data.web.address import Unfetched, Url, parse_url
from hanmo.data.web.answers import Answers, Kept
from hanmo.data.web.config import FetchConfig
from hanmo.data.web.exchange import exchange
from hanmo.data.web.judge import ACCEPT, Moved, judged, judged_robots
from hanmo.data.web.queues import Hosts
from hanmo.data.web.robots import ROBOTS_BYTES, Robots, parse_robots
from hanmo.log import progress

_SITES = 20_000
"""Sites whose rules are remembered; beyond it they are forgotten, and asked for again where they are met again."""


@dataclass(frozen=True)
class Fetched:
    """What a call did.

    Args:
        pictures: that came.
        failures: URLs that will be rejects.
        known: URLs that had an answer before.
    """

    pictures: int
    failures: int
    known: int


def fetch(urls: Iterable[str], answers: Answers, config: FetchConfig, generator: random.Random) -> Fetched:
    """Ask for every URL that has no answer yet.

    Args:
        urls: taken one by one; what is no URL becomes an answer too.
        answers: open for writing.
        config: see `FetchConfig`.
        generator: for the part of the waiting that is left to chance.

    Raises:
        OutputError: the answers cannot be written.
    """
    crawl = _Crawl(urls, answers, config, generator)
    with progress(None, "URLs") as bar:
        return crawl.run(bar.update)


@dataclass
class _Job:
    """One URL of the list on its way to an answer, or one robots.txt."""

    key: str
    url: Url
    rules_of: Url | None = None
    """The site whose robots.txt this is; None for a picture."""
    tries: int = 0
    moves: int = 0


@dataclass
class _Site:
    """What is known of a site's robots.txt; jobs wait here until something is."""

    rules: Robots | Unfetched | None = None
    waiting: list[_Job] = field(default_factory=list)


_Outcome = bytes | Moved | BaseException


class _Crawl:
    """The thread that decides."""

    def __init__(self, urls: Iterable[str], answers: Answers, config: FetchConfig, generator: random.Random) -> None:
        self._answers, self._config, self._random = answers, config, generator
        self._hosts: Hosts[_Job] = Hosts(config.per_host, config.host_delay)
        self._failed: Counter[str] = Counter()  # of each host, in a row
        self._given_up: dict[str, str] = {}  # hosts that are not asked any more, and why
        self._sites: dict[str, _Site] = {}
        self._open: set[str] = set()  # URLs of the list that are on their way
        self._done: queue.SimpleQueue[tuple[_Job, str, _Outcome]] = queue.SimpleQueue()
        self._running = self._pictures = self._failures = self._known = 0
        self._new = self._unanswered(urls)

    def run(self, tell: Callable[[], None]) -> Fetched:
        with ThreadPoolExecutor(self._config.at_once, "hanmo-fetch") as pool:
            while True:
                self._fill()
                pause = self._start(pool)
                if not (self._open or self._running):
                    return Fetched(self._pictures, self._failures, self._known)
                if pause is None and not self._running:
                    continue  # the window was emptied without asking anybody
                try:
                    job, host, outcome = self._done.get(timeout=pause)
                except queue.Empty:
                    continue
                self._running -= 1
                self._hosts.done(host)
                self._settle(job, host, outcome)
                tell()

    # --- what is asked ------------------------------------------------------------------------------

    def _unanswered(self, urls: Iterable[str]) -> Iterator[str]:
        for url in urls:
            if url in self._answers:
                self._known += 1
            elif url not in self._open:
                yield url

    def _fill(self) -> None:
        """Take URLs from the list up to the window."""
        while len(self._open) < self._config.window:
            key = next(self._new, None)
            if key is None:
                return
            self._open.add(key)
            try:
                self._enter(_Job(key, parse_url(key)))
            except Unfetched as failure:
                self._answer(key, failure)

    def _enter(self, job: _Job, wait: float = 0.0) -> None:
        """Put a job into the queue of its host, once the rules of its site are known and allow it.

        Raises:
            Unfetched: they do not.
        """
        if self._config.robots and job.rules_of is None:
            rules = self._rules(job)
            if rules is None:
                return
            if isinstance(rules, Unfetched):
                raise Unfetched(rules.kind, f"its robots.txt: {rules.reason}")
            if not rules.allows(job.url.target):
                raise Unfetched("refused", "robots.txt does not allow it")
        self._hosts.put(job.url.host, job, time.monotonic() + wait)

    def _rules(self, job: _Job) -> Robots | Unfetched | None:
        """The rules of a job's site; None while they are asked for, and the job waits."""
        site = self._sites.get(job.url.origin)
        if site is None:
            if len(self._sites) > _SITES:
                self._sites = {name: old for name, old in self._sites.items() if old.rules is None}
                self._hosts.forget(time.monotonic())
            site = self._sites[job.url.origin] = _Site()
            self._enter(_Job("", replace(job.url, target="/robots.txt"), rules_of=job.url))
        if site.rules is None:
            site.waiting.append(job)
        return site.rules

    def _start(self, pool: ThreadPoolExecutor) -> float | None:
        """Start what may start now; return the seconds until something more may, None while it takes an answer."""
        while self._running < self._config.at_once:
            job, pause = self._hosts.take(time.monotonic())
            if job is None:
                return pause
            host = job.url.host
            if host in self._given_up:
                self._hosts.done(host)
                self._fail(job, Unfetched("unreachable", f"not asked: {host} {self._given_up[host]}"))
                continue
            self._running += 1
            pool.submit(self._ask, job)
        return None

    def _ask(self, job: _Job) -> None:
        """In a thread: one request."""
        config, url = self._config, job.url
        outcome: _Outcome
        try:
            if job.rules_of is not None:
                answer = exchange(url, ROBOTS_BYTES, config.exchange, "text/plain,*/*;q=0.5", cut=True)
                outcome = judged_robots(answer, url)
            else:
                answer = exchange(url, config.limits.image_bytes, config.exchange, ACCEPT)
                outcome = judged(answer, url, config.wanted, config.exchange.token)
        except BaseException as error:  # raised again in the thread that decides
            outcome = error
        self._done.put((job, url.host, outcome))

    # --- what was answered --------------------------------------------------------------------------

    def _settle(self, job: _Job, host: str, outcome: _Outcome) -> None:
        try:
            match outcome:
                case Moved(to):
                    self._move(job, to)
                case bytes():
                    self._failed.pop(host, None)
                    self._take(job, outcome)
                case Unfetched():
                    self._again(job, outcome)
                case _:
                    raise outcome
        except Unfetched as failure:
            if failure.kind == "unreachable":
                self._failed[host] += 1
                if self._failed[host] >= self._config.host_failures:
                    self._given_up.setdefault(host, f"failed {self._failed[host]} times in a row")
            elif failure.kind != "refused":
                self._failed.pop(host, None)
            self._fail(job, failure)

    def _move(self, job: _Job, to: Url) -> None:
        job.moves += 1
        if job.moves > self._config.redirects:
            raise Unfetched("refused", f"more than {self._config.redirects} redirects, the last to {to}")
        job.url = to
        self._enter(job)

    def _again(self, job: _Job, failure: Unfetched) -> None:
        """Try once more later, or give up."""
        job.tries += 1
        asked = failure.wait or 0.0
        if asked > self._config.longest_wait:
            self._given_up[job.url.host] = f"asked to be left alone for {asked:.0f} s"
            raise Unfetched(failure.kind, f"{failure.reason}, and not to ask again for {asked:.0f} s")
        self._hosts.rest(job.url.host, time.monotonic() + asked)  # meant for everybody who asks this host
        if not failure.again:
            raise failure
        if job.tries >= self._config.tries:
            raise Unfetched(failure.kind, f"{failure.reason} (in the last of {job.tries} tries)")
        wait = self._config.backoff * 2 ** (job.tries - 1) * (0.5 + 0.5 * self._random.random())
        self._enter(job, max(asked, min(wait, self._config.longest_wait)))

    def _take(self, job: _Job, body: bytes) -> None:
        """A picture, or the rules of a site."""
        if job.rules_of is None:
            self._pictures += 1
            self._answers.add(job.key, Kept(body, str(job.url)))
            self._open.discard(job.key)
            return
        rules = parse_robots(body, self._config.exchange.token)
        if rules.delay > self._config.longest_wait:
            raise Unfetched("refused", f"it asks for {rules.delay:.0f} s between two requests")
        self._hosts.slow(job.rules_of.host, rules.delay, time.monotonic())
        self._rule(job.rules_of, rules)

    def _fail(self, job: _Job, failure: Unfetched) -> None:
        if job.rules_of is None:
            self._answer(job.key, failure)
        else:
            self._rule(job.rules_of, failure)

    def _rule(self, url: Url, rules: Robots | Unfetched) -> None:
        """Let the jobs go on that waited for the rules of a site."""
        site = self._sites[url.origin]
        site.rules = rules
        waiting, site.waiting = site.waiting, []
        for job in waiting:
            try:
                self._enter(job)
            except Unfetched as failure:
                self._answer(job.key, failure)

    def _answer(self, key: str, failure: Unfetched) -> None:
        self._failures += 1
        self._answers.add(key, Kept(kind=failure.kind, reason=failure.reason[:300]))
        self._open.discard(key)
