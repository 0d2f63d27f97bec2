"""The link over HTTP: the same bits, and what a network does to it."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from producer_samples import IDENTITY, same, sample

from hanmo.errors import HanmoError, RequestError
from hanmo.producer.broker import Broker, BrokerConfig
from hanmo.producer.client import ClientConfig, HttpLink
from hanmo.producer.link import put_all
from hanmo.producer.server import serving
from hanmo.producer.stream import LinkBatches

QUICK = ClientConfig(patience=10.0, timeout=5.0)


@contextmanager
def linked(config: BrokerConfig | None = None, units: tuple[str, ...] = ()) -> Iterator[tuple[Broker, HttpLink]]:
    broker = Broker(IDENTITY, units, config)
    with serving(broker) as address, HttpLink(address, QUICK) as link:
        yield broker, link


@contextmanager
def between(address: str, treat: Callable[[int, socket.socket, socket.socket], bool]) -> Iterator[str]:
    """A relay in front of a server; `treat` may spoil a connection (number, caller, server), else says False."""
    host, port = address.removeprefix("http://").split(":")
    door = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def pour(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        finally:
            for each in (one, other):
                each.close()

    def accept() -> None:
        number = 0
        while not stop.is_set():
            try:
                caller, _ = door.accept()
            except OSError:
                return
            server = socket.create_connection((host, int(port)))
            if not treat(number, caller, server):
                for pair in ((caller, server), (server, caller)):
                    threading.Thread(target=pour, args=pair, daemon=True).start()
            number += 1

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        stop.set()
        door.close()


def whole(caller: socket.socket) -> bytes:
    """One call with its body, however many packets it comes in."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += caller.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
    while len(body) < length:
        body += caller.recv(1 << 16)
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_samples_arrive_bit_by_bit(dtype: torch.dtype) -> None:
    made = [sample(n, (48, 32), "ti2i", dtype=dtype) for n in range(3)]
    with linked() as (broker, link):
        identity = link.meta().identity
        assert identity == broker.meta().identity
        assert link.put(made, identity).settled == 3
        lease = link.lease(3)
        assert lease is not None
        assert lease.identity == identity
        assert all(same(a, b) for a, b in zip(lease.samples, made, strict=True))
        assert link.ack(lease.id)
        assert not link.ack(lease.id)
        assert link.stats() == broker.stats()
        assert link.lease(1, wait=0.0) is None


def test_units_and_configurations_travel() -> None:
    with linked(units=("a",)) as (broker, link):
        claim = link.claim()
        assert claim is not None
        assert claim.unit == "a"
        assert link.renew(claim.id)
        assert link.finish(claim.id, done=False)
        assert link.claim() is not None
        assert link.configure({"encode": {"resolution": 640}}) == broker.meta()


def test_a_refusal_is_the_brokers_own_line() -> None:
    with linked(BrokerConfig(room=2)) as (_, link):
        with pytest.raises(RequestError, match=r"raise broker\.room"):
            link.lease(3)
        with pytest.raises(RequestError, match="stale: its encoder"):
            link.put([sample(0)], IDENTITY.__class__("0" * 16, "a" * 16, "c" * 16))


def test_a_full_link_makes_a_remote_producer_wait() -> None:
    with linked(BrokerConfig(room=2)) as (broker, link):
        identity, done = link.meta().identity, threading.Event()

        def produce() -> None:
            put_all(link, [sample(n) for n in range(4)], identity)
            done.set()

        threading.Thread(target=produce, daemon=True).start()
        assert not done.wait(0.2)
        assert sum(broker.stats().waiting.values()) == 2
        lease = link.lease(2)
        assert lease is not None
        assert done.wait(5.0)


def test_a_dropped_connection_costs_nothing_but_time() -> None:
    """The first answer to a lease is cut in the middle: it is given back, and comes whole."""

    def cut(number: int, caller: socket.socket, server: socket.socket) -> bool:
        if number:
            return False
        server.sendall(whole(caller))
        caller.sendall(server.recv(1 << 16)[:300])
        for each in (caller, server):
            each.close()
        return True

    with linked(BrokerConfig(lease_seconds=0.2)) as (broker, direct):
        identity = direct.meta().identity
        direct.put([sample(n) for n in range(4)], identity)
        broker.complete()
        with between(f"http://127.0.0.1:{direct._port}", cut) as address:
            got = []
            with HttpLink(address, QUICK) as link:
                batches = LinkBatches(link, 2, wait=0.3)
                for batch in batches:
                    got += batch
                    batches.used(batch)
    assert sorted(one.weight for one in got) == [1, 2, 3, 4]
    assert all(same(one, sample(int(one.weight - 1))) for one in got)
    assert broker.stats().acked == 4


def test_a_stalled_server_is_tried_anew() -> None:
    held: list[socket.socket] = []

    def stall(number: int, caller: socket.socket, server: socket.socket) -> bool:
        if not number:
            held.extend((caller, server))
        return not number

    with linked() as (_, direct):
        direct.put([sample(0)], direct.meta().identity)
        with between(f"http://127.0.0.1:{direct._port}", stall) as address:
            began = time.perf_counter()
            with HttpLink(address, ClientConfig(patience=10.0, timeout=0.2)) as link:
                lease = link.lease(1, wait=0.0)
            assert lease is not None
            assert 0.2 <= time.perf_counter() - began < 5.0
    for each in held:
        each.close()


def test_a_lost_answer_to_a_put_makes_no_second_sample() -> None:
    def swallow(number: int, caller: socket.socket, server: socket.socket) -> bool:
        if number:
            return False
        server.sendall(whole(caller))
        server.recv(1 << 16)
        for each in (caller, server):
            each.close()
        return True

    with linked() as (broker, direct):
        identity = direct.meta().identity
        with (
            between(f"http://127.0.0.1:{direct._port}", swallow) as address,
            HttpLink(address, QUICK) as link,
        ):
            assert link.put([sample(0)], identity).settled == 1
        assert broker.stats().waiting == {"t2i/32x32": 1}
        assert broker.stats().repeated == 1


def test_a_server_that_stays_away_is_one_clear_line() -> None:
    with linked() as (_, link):
        address = f"http://127.0.0.1:{link._port}"
    with pytest.raises(HanmoError, match=r"does not answer .* see whether it runs"):
        HttpLink(address, ClientConfig(patience=0.1)).meta()
    with pytest.raises(RequestError, match="is no link"):
        HttpLink("10.0.0.5")


def test_a_server_may_be_replaced_while_a_consumer_goes_on() -> None:
    broker = Broker(IDENTITY)
    broker.put([sample(n) for n in range(4)], broker.meta().identity)
    broker.complete()
    with serving(broker) as address:
        port = int(address.rpartition(":")[2])
        link = HttpLink(address, QUICK)
        batches = LinkBatches(link, 2)
        first = next(batches)
    restarted = threading.Event()

    def restart() -> None:
        time.sleep(0.3)
        with serving(broker, port=port):
            restarted.wait(10.0)

    thread = threading.Thread(target=restart)
    thread.start()
    batches.used(first)
    second = next(batches)
    link.close()
    restarted.set()
    thread.join()
    assert {one.weight for one in (*first, *second)} == {1, 2, 3, 4}


def test_strangers_are_refused_and_other_hosts_need_a_token() -> None:
    broker = Broker(IDENTITY)
    with serving(broker, token="secret") as address:
        with HttpLink(address, QUICK) as stranger, pytest.raises(RequestError, match="wants a token"):
            stranger.meta()
        with HttpLink(address, ClientConfig(token="secret")) as link:
            assert link.meta() == broker.meta()
    with pytest.raises(RequestError, match="needs a token"), serving(broker, host="0.0.0.0"):
        pass


def test_nonsense_is_answered_and_the_server_goes_on() -> None:
    with linked() as (_, link):
        for path, body in (("put?wait=1", b"no samples"), ("lease", b"{}"), ("nothing", b"{}"), ("ack", b"[")):
            status = link._try(path, [body], 0.0).status
            assert 400 <= status < 500, path
        assert link.meta().version == 1
