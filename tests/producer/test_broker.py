"""The link in one process: room, leases, units."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from producer_samples import IDENTITY, sample

from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.producer.broker import Broker, BrokerConfig
from hanmo.producer.identity import Identity
from hanmo.producer.link import Link, put_all


def broker(
    room: int = 100, lease: float = 60.0, units: tuple[str, ...] = (), **more: object
) -> tuple[Broker, Identity]:
    made = Broker(IDENTITY, units, BrokerConfig(room=room, lease_seconds=lease, **more))  # type: ignore[arg-type]
    return made, made.meta().identity


def numbers(link: Link, count: int, **how: object) -> list[float]:
    lease = link.lease(count, wait=0.0, **how)  # type: ignore[arg-type]
    return [] if lease is None else [one.weight - 1 for one in lease.samples]


def test_samples_come_out_in_the_order_in_which_they_went_in() -> None:
    link, identity = broker()
    link.put([sample(n) for n in range(5)], identity)
    assert numbers(link, 2) == [0, 1]
    assert numbers(link, 2) == [2, 3]
    assert numbers(link, 2) == [], "one is left, and more may come"
    link.complete()
    assert numbers(link, 2) == [4]


def test_a_lease_is_of_one_bucket_the_one_that_has_waited_longest() -> None:
    link, identity = broker()
    wide = [sample(n, (48, 32)) for n in (10, 11)]
    link.put([sample(0), wide[0], sample(1), wide[1], sample(2)], identity)
    assert numbers(link, 2, bucket="t2i/48x32") == [10, 11]
    assert numbers(link, 2) == [0, 1]
    assert link.stats().waiting == {"t2i/32x32": 1, "t2i/48x32": 0}


def test_a_full_bucket_blocks_its_producer_until_there_is_room() -> None:
    link, identity = broker(room=3)
    assert link.put([sample(n) for n in range(5)], identity, wait=0.05).settled == 3
    assert link.put([sample(9, (48, 32))], identity, wait=0.0).settled == 1, "another bucket has room"
    done = threading.Event()

    def produce() -> None:
        put_all(link, [sample(3), sample(4)], identity)
        done.set()

    threading.Thread(target=produce, daemon=True).start()
    assert not done.wait(0.1)
    assert sum(link.stats().waiting.values()) == 4
    assert numbers(link, 2, bucket="t2i/32x32") == [0, 1]
    assert done.wait(5.0)
    assert link.stats().blocked >= 0.1


def test_a_lease_that_runs_out_comes_again_first_and_its_ack_is_refused() -> None:
    link, identity = broker(lease=0.05)
    link.put([sample(n) for n in range(4)], identity)
    lease = link.lease(2)
    assert lease is not None
    again = link.lease(4, wait=5.0)
    assert again is not None
    assert [one.id for one in again.samples] == [sample(n).id for n in range(4)]
    assert not link.ack(lease.id)
    assert link.stats().returned == 2


def test_what_is_given_back_comes_first() -> None:
    link, identity = broker()
    link.put([sample(n) for n in range(3)], identity)
    lease = link.lease(2)
    assert lease is not None
    assert link.nack(lease.id)
    assert not link.nack(lease.id)
    assert numbers(link, 3) == [0, 1, 2]


def test_the_same_sample_put_twice_waits_once() -> None:
    link, identity = broker()
    link.put([sample(0)], identity)
    link.put([sample(0), sample(1)], identity)
    assert numbers(link, 2) == [0, 1]
    link.put([sample(1)], identity)
    assert link.stats().repeated == 2, "also while it is lent"


def test_samples_of_other_networks_are_refused() -> None:
    link, identity = broker()
    with pytest.raises(RequestError, match="what a producer sends is stale: its vae is"):
        link.put([sample(0)], replace(identity, vae="0" * 16))


def test_a_new_configuration_makes_waiting_and_late_samples_stale() -> None:
    link, old = broker()
    link.put([sample(0), sample(1)], old)
    lease = link.lease(1)
    assert lease is not None
    meta = link.configure({"encode": {"resolution": 640}})
    assert meta.version == 2
    found = link.put([sample(2)], old)
    assert (found.settled, found.stale) == (1, 1)
    link.nack(lease.id)
    assert numbers(link, 1) == []
    assert link.stats().stale == 3
    link.put([sample(3)], meta.identity)
    assert numbers(link, 1) == [3]


def test_both_configurations_are_taken_where_that_is_asked_for_but_never_in_one_lease() -> None:
    link, old = broker(accept="same_networks")
    link.put([sample(0), sample(1)], old)
    new = link.configure({"encode": {"resolution": 640}}).identity
    link.put([sample(2), sample(3)], new)
    link.put([sample(4)], old)
    leases = [link.lease(2, wait=0.0) for _ in range(2)]
    assert [lease.identity for lease in leases if lease] == [old, new]


def test_other_filters_make_nothing_stale() -> None:
    link, old = broker()
    assert link.configure({"choose": {"captions": "first"}}).identity == old


def test_units_are_dealt_once_each_and_again_when_their_producer_is_silent() -> None:
    link, _ = broker(units=("a", "b"), claim_seconds=0.05)
    first, second = link.claim(), link.claim()
    assert first is not None
    assert second is not None
    assert [first.unit, second.unit] == ["a", "b"]
    assert link.finish(second.id)
    time.sleep(0.06)
    third = link.claim()
    assert third is not None
    assert third.unit == "a"
    assert not link.renew(first.id)
    assert not link.finish(first.id), "it is another's now"
    assert not link.stats().complete
    link.finish(third.id)
    assert link.stats().complete
    assert link.claim() is None


def test_a_unit_over_which_producers_vanish_is_given_up() -> None:
    link, _ = broker(units=("poison",), claim_seconds=0.01, tries=2)
    for _ in range(2):
        assert link.claim() is not None
        time.sleep(0.02)
    assert link.claim() is None
    stats = link.stats()
    assert (stats.abandoned, stats.complete) == (1, True)


def test_passes_are_counted() -> None:
    link, _ = broker(units=("a",), passes=2)
    for left in (1, 0):
        claim = link.claim()
        assert claim is not None
        assert link.stats().units == left
        assert not link.stats().complete
        link.finish(claim.id)
    assert link.stats().complete


def test_who_waits_is_told_when_no_producer_is_left() -> None:
    link, _ = broker()
    threading.Timer(0.05, link.fail, ("no producer is left: x",)).start()
    with pytest.raises(HanmoError, match="no producer is left: x"):
        link.lease(1, wait=10.0)


def test_bad_numbers_are_refused_by_name() -> None:
    for name, value in (("room", 0), ("lease_seconds", 0.0), ("claim_seconds", 0.0), ("tries", 0)):
        with pytest.raises(ConfigError, match=rf"broker\.{name} is 0"):
            BrokerConfig(**{name: value})
    with pytest.raises(RequestError, match=r"raise broker\.room"):
        broker(room=2)[0].lease(3)
