"""From a link into a store: everything once, and a full disk only costs time."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from producer_samples import IDENTITY, same, sample

from hanmo.errors import OutputError
from hanmo.producer import collect
from hanmo.producer.broker import Broker
from hanmo.producer.collect import Collector
from hanmo.producer.store import Reader, look


def linked(count: int = 5) -> Broker:
    broker = Broker(IDENTITY)
    broker.put([sample(n) for n in range(count)], broker.meta().identity)
    return broker


def test_what_comes_is_written_once_and_acked_when_it_is_on_the_disk(tmp_path: Path) -> None:
    broker = linked()
    identity = broker.meta().identity
    first = Collector(broker, tmp_path, identity, {sample(4).id: frozenset()}, per_shard=3)
    thread = threading.Thread(target=first.run, args=(threading.Event(),))
    thread.start()
    while not first.news.wait(5.0) or broker.stats().leased:
        pass
    broker.put([sample(1), sample(7)], identity)
    broker.complete()
    thread.join()
    shards = {shard.name: shard for shard in look(tmp_path, identity).shards}
    assert set(first.fresh()) == set(shards)
    assert first.fresh() == ()
    assert sorted(key for shard in shards.values() for key in shard.ids) == sorted(
        sample(n).id for n in (0, 1, 2, 3, 7)
    )
    assert (first.stored, first.repeated) == (5, 2)
    assert broker.stats().done
    reader = Reader(tmp_path)
    found = [reader.sample(name, row) for name, shard in shards.items() for row in range(len(shard.ids))]
    wanted = {sample(n).id: sample(n) for n in range(8)}
    assert all(one is not None and same(one, wanted[one.id]) for one in found)


def test_a_disk_without_room_makes_producers_wait_unless_nothing_was_ever_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "AGAIN", 0.3)
    monkeypatch.setattr(collect, "FIRST", 0.0)
    broker, identity = linked(1), Broker(IDENTITY).meta().identity
    blocked = tmp_path / "i2i"
    blocked.write_text("where a folder must be")
    collector = Collector(broker, tmp_path, identity)
    thread = threading.Thread(target=collector.run, args=(threading.Event(),))
    thread.start()
    assert collector.news.wait(20.0)
    broker.put([sample(1, task="i2i")], identity)
    time.sleep(1.0)
    assert thread.is_alive()
    assert broker.stats().acked == 1
    blocked.unlink()
    broker.complete()
    thread.join(20.0)
    assert collector.stored == 2
    blocked = tmp_path / "other"
    blocked.write_text("where a folder must be")
    broker = linked(1)
    broker.complete()
    with pytest.raises(OutputError, match="cannot be made"):
        Collector(broker, blocked, identity).run(threading.Event())
