"""Batches over a link, made ready in a thread: repeats, the end, and time spent waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from producer_samples import IDENTITY, sample

from hanmo.errors import HanmoError, RequestError
from hanmo.producer.broker import Broker, BrokerConfig
from hanmo.producer.link import put_all
from hanmo.producer.prefetch import Prefetch
from hanmo.producer.stream import LinkBatches


def filled(count: int, room: int = 100, lease: float = 60.0) -> Broker:
    broker = Broker(IDENTITY, config=BrokerConfig(room=room, lease_seconds=lease))
    broker.put([sample(n) for n in range(count)], broker.meta().identity)
    return broker


def weights(batches: Iterator[list[object]]) -> list[list[float]]:
    return [[one.weight - 1 for one in batch] for batch in batches]  # type: ignore[attr-defined]


@pytest.mark.parametrize("depth", [1, 3])
def test_everything_arrives_once_in_order_and_is_acked_when_it_was_used(depth: int) -> None:
    broker = filled(10)
    broker.complete()
    with Prefetch(LinkBatches(broker, 4), depth) as batches:
        next(batches)
        assert broker.stats().acked == 0, "it is being trained on"
        next(batches)
        assert broker.stats().acked == 4
        assert weights(batches) == [[8, 9]]
    assert broker.stats().done
    assert broker.stats().acked == 10


def test_a_lease_that_ran_out_is_not_trained_on_twice() -> None:
    broker = filled(4, lease=0.05)
    batches = LinkBatches(broker, 2)
    first = next(batches)
    time.sleep(0.1)
    second = next(batches)
    broker.complete()
    batches.used(first)
    batches.used(second)
    assert list(batches) == []
    assert {one.id for one in (*first, *second)} == {sample(n).id for n in range(4)}
    assert batches.repeated >= 2
    assert broker.stats().done


def test_a_consumer_that_died_leaves_its_samples_to_another() -> None:
    broker = filled(4, lease=0.05)
    next(LinkBatches(broker, 2))
    broker.complete()
    other = LinkBatches(broker, 2)
    got = []
    for batch in other:
        got += batch
        other.used(batch)
    assert {one.id for one in got} == {sample(n).id for n in range(4)}


def test_a_resumed_consumer_does_not_train_again_on_what_it_had() -> None:
    broker = filled(6)
    with Prefetch(LinkBatches(broker, 2), 2) as batches:
        first = next(batches)
        state = batches.state_dict()
    assert set(state["seen"]) == {one.id for one in first}
    broker.complete()
    resumed = LinkBatches(broker, 2)
    resumed.load_state_dict(state)
    got = []
    for batch in resumed:
        got += batch
        resumed.used(batch)
    assert sorted(one.weight - 1 for one in got) == [2, 3, 4, 5]


def test_memory_of_ids_is_bounded() -> None:
    broker = filled(8)
    batches = LinkBatches(broker, 2, remember=4)
    for _ in range(4):
        batches.used(next(batches))
    assert len(batches.state_dict()["seen"]) == 4


def test_what_other_networks_made_is_refused_and_left_to_others() -> None:
    broker = filled(2)
    batches = LinkBatches(broker, 2, wanted=IDENTITY)
    with pytest.raises(RequestError, match="what the link gives is stale: its config is"):
        next(batches)
    assert broker.stats().waiting == {"t2i/32x32": 2}
    taken = LinkBatches(broker, 2, wanted=IDENTITY, accept="same_networks")
    assert len(next(taken)) == 2


def test_an_error_of_the_thread_reaches_the_consumer() -> None:
    broker = filled(2)
    with Prefetch(LinkBatches(broker, 2), 1) as batches:
        next(batches)
        broker.fail("gone")
        with pytest.raises(HanmoError, match="gone"):
            next(batches)
        with pytest.raises(StopIteration):
            next(batches)


def test_a_consumer_may_stop_while_its_thread_waits_for_samples() -> None:
    """What it had is given back, but for what it was trained on."""
    broker = filled(4)
    with Prefetch(LinkBatches(broker, 2, wait=0.05), 4) as batches:
        next(batches)
        while broker.stats().leased < 4:
            time.sleep(0.01)
    assert broker.stats().leased == 0
    assert sum(broker.stats().waiting.values()) == 4


def share(made: float, used: float, count: int = 24) -> float:
    """The idle share of a consumer that takes `used` seconds for a batch of 2, made in `made` seconds a sample."""
    broker = Broker(IDENTITY, config=BrokerConfig(room=8))
    identity = broker.meta().identity

    def produce() -> None:
        for number in range(count):
            time.sleep(made)
            put_all(broker, [sample(number)], identity)
        broker.complete()

    threading.Thread(target=produce, daemon=True).start()
    with Prefetch(LinkBatches(broker, 2), 2) as batches:
        for _ in batches:
            time.sleep(used)
        assert batches.waiting.batches == count // 2
        return batches.waiting.idle


def test_a_consumer_is_idle_less_than_a_twentieth_when_producers_keep_up() -> None:
    assert share(made=0.005, used=0.05) < 0.05


def test_a_consumer_waits_for_what_producers_are_too_slow_for() -> None:
    """A batch takes 40 ms to make and 10 to use: three quarters of the time are waiting."""
    assert 0.6 < share(made=0.02, used=0.01) < 0.85
