from __future__ import annotations

from hanmo.data.web.queues import Hosts


def test_a_host_is_asked_no_faster_and_no_oftener_at_once_than_it_may() -> None:
    hosts: Hosts[int] = Hosts(at_once=2, delay=10.0)
    for item in range(3):
        hosts.put("a", item, 0.0)
    assert hosts.take(0.0) == (0, None)
    assert hosts.take(1.0) == (None, 9.0)
    assert hosts.take(10.0) == (1, None)
    assert hosts.take(30.0) == (None, None), "two are under way"
    hosts.done("a")
    assert hosts.take(30.0) == (2, None)


def test_one_slow_host_does_not_keep_others_waiting() -> None:
    hosts: Hosts[str] = Hosts(at_once=1, delay=0.0)
    hosts.put("a", "a1", 0.0)
    hosts.put("a", "a2", 0.0)
    hosts.put("b", "b1", 5.0)
    assert hosts.take(0.0) == ("a1", None)
    assert hosts.take(0.0) == (None, 5.0)
    assert hosts.take(5.0) == ("b1", None)


def test_what_may_be_asked_at_once_goes_before_what_waits() -> None:
    hosts: Hosts[str] = Hosts(at_once=1, delay=0.0)
    hosts.put("a", "later", 100.0)
    hosts.put("a", "now", 0.0)
    assert hosts.take(0.0) == ("now", None)


def test_a_host_that_asks_to_be_left_alone_is() -> None:
    hosts: Hosts[str] = Hosts(at_once=1, delay=1.0)
    hosts.put("a", "one", 0.0)
    hosts.rest("a", 60.0)
    assert hosts.take(0.0) == (None, 60.0)
    hosts.slow("a", 7.0, now=0.0)
    assert hosts.take(60.0) == ("one", None)
    hosts.done("a")
    hosts.put("a", "two", 0.0)
    assert hosts.take(66.0) == (None, 1.0)


def test_hosts_are_forgotten_only_when_nothing_is_owed_to_them() -> None:
    hosts: Hosts[str] = Hosts(at_once=1, delay=10.0)
    for name in ("busy", "waiting", "idle"):
        hosts.put(name, name, 0.0)
    assert [hosts.take(0.0)[0] for _ in range(3)] == ["busy", "waiting", "idle"]
    hosts.done("idle")
    hosts.forget(5.0)
    hosts.put("idle", "again", 0.0)
    assert hosts.take(5.0) == (None, 5.0), "its delay is remembered"
