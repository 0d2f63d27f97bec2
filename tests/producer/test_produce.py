"""Producers at work: into a store, in threads, and in processes that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from producer_samples import same
from producer_sets import SIZE, captioned, pair, picture, write_set

from hanmo.data.layout import shards_of
from hanmo.data.operator import Threshold
from hanmo.data.pairs import Pair, pair_records
from hanmo.data.record import Caption
from hanmo.errors import ConfigError, HanmoError, RequestError
from hanmo.producer.batches import StoreBatches
from hanmo.producer.broker import Broker, BrokerConfig
from hanmo.producer.config import ChooseConfig, EncodeConfig, ProducerConfig, producer_config
from hanmo.producer.encode import Networks, encode, fitted, identity_of
from hanmo.producer.items import items_of, operators_of
from hanmo.producer.posteriors import Posteriors
from hanmo.producer.prefetch import Prefetch
from hanmo.producer.produce import RunConfig, fill_store, work, working
from hanmo.producer.ray_engine import on_ray
from hanmo.producer.sample import Sample
from hanmo.producer.server import serving
from hanmo.producer.store import Reader, look
from hanmo.producer.stream import LinkBatches
from hanmo.producer.worker import WorkerConfig, main

CONFIG = ProducerConfig(EncodeConfig(sizes=(SIZE,)))
RUN = RunConfig(batch=4, per_shard=4)


def stored(store: Path) -> dict[str, Sample]:
    reader, found = Reader(store), {}
    for shard in look(store).shards:
        for row, name in enumerate(shard.ids):
            read = reader.sample(shard.name, row)
            assert read is not None
            found[name] = read
    return found


def consumed(batches: LinkBatches | Prefetch) -> list[Sample]:
    got = []
    for batch in batches:
        got += batch
        batches.used(batch)
    return got


def broker_for(data: Path, networks: Networks, config: ProducerConfig = CONFIG, **how: object) -> Broker:
    units = [str(shard) for shard in shards_of(data)]
    return Broker(networks.identity, units, BrokerConfig(**how), config.to_json())  # type: ignore[arg-type]


def test_a_set_becomes_a_store_and_is_not_made_twice(tmp_path: Path, networks: Networks) -> None:
    first = [captioned(1), captioned(2, "one", "two", "one"), captioned(3, size=(64, 32))]
    data = write_set(tmp_path / "set", first, pair(10), [captioned(4)])
    counts = fill_store(data, tmp_path / "store", networks, CONFIG, RUN)
    assert counts == {"made": 5, "too small": 1}
    samples = stored(tmp_path / "store")
    assert sorted(one.caption for one in samples.values()) == ["a card 1", "a card 4", "make it darker", "one", "two"]
    assert {one.source for one in samples.values()} == {"set 0", "set 1", "pairs"}
    assert fill_store(data, tmp_path / "store", networks, CONFIG, RUN) == {"known": 5, "too small": 1}
    batches = StoreBatches(tmp_path / "store", 2, 0, identity_of(networks, CONFIG.encode))
    assert batches.counts == {"t2i/128x64": 4, "ti2i/128x64": 1}


def test_a_set_that_went_through_is_not_looked_at_again_until_something_changes(
    tmp_path: Path, networks: Networks
) -> None:
    data, store = write_set(tmp_path / "set", [captioned(1), captioned(2, "one", "one")]), tmp_path / "store"
    (tar,) = shards_of(data)
    whole, times = tar.read_bytes(), tar.stat()
    assert fill_store(data, store, networks, CONFIG, RUN) == {"made": 2}
    tar.write_bytes(b"x" * len(whole))
    os.utime(tar, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fill_store(data, store, networks, CONFIG, RUN) == {"known": 2}, "nothing was read"
    with pytest.raises(HanmoError, match=tar.name):  # another choice may make other samples of the same set
        fill_store(data, store, networks, replace(CONFIG, choose=ChooseConfig(captions="first")), RUN)
    os.utime(tar)
    with pytest.raises(HanmoError, match=tar.name):
        fill_store(data, store, networks, CONFIG, RUN)
    tar.write_bytes(whole)
    os.utime(tar, ns=(times.st_atime_ns, times.st_mtime_ns))
    for path in store.rglob("*.safetensors"):
        path.unlink()
    assert fill_store(data, store, networks, CONFIG, RUN) == {"made": 2}, "what the store has lost is made again"


def test_a_shard_that_is_gone_is_one_line(networks: Networks, tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", [captioned(1), captioned(2)])
    shards_of(data)[0].unlink()
    with pytest.raises(RequestError, match=r"cannot be read .*run 'hanmo data' again for"):
        fill_store(data, tmp_path / "store", networks, CONFIG, RUN)


def test_a_store_of_other_networks_is_refused_before_any_work(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", [captioned(1)])
    fill_store(data, tmp_path / "store", networks, CONFIG, RUN)
    other = replace(networks, identity=replace(networks.identity, vae="0" * 16))
    with pytest.raises(RequestError, match="is stale: its vae is"):
        fill_store(data, tmp_path / "store", other, CONFIG, RUN)


def test_all_three_tasks_come_from_one_set(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", [captioned(1), *pair(10, count=2)])
    choose = ChooseConfig(tasks=("t2i", "ti2i", "i2i"))
    found = Counter((one.task, len(one.sources)) for one in items_of(shards_of(data)[0], choose))
    assert found == {("t2i", 0): 1, ("i2i", 1): 2, ("ti2i", 2): 1}


def test_the_target_of_a_pair_is_text_to_image_where_asked_and_no_picture_is_encoded_twice(
    tmp_path: Path, networks: Networks
) -> None:
    said = (Caption("a dark card", "synthetic", "en"), Caption("一张暗色卡片", "synthetic", "zh"))
    source = np.asarray(picture(10))
    wish = Caption("make it darker", "synthetic", "en")
    data = write_set(tmp_path / "set", pair_records(Pair("darken", (source,), source // 2, (wish,), said), "pairs"))
    (tar,) = shards_of(data)
    assert [one.task for one in items_of(tar, CONFIG.choose)] == ["ti2i"], "off unless asked for"
    choose = ChooseConfig(("t2i", "ti2i", "i2i"), described=True)
    found = list(items_of(tar, choose))
    assert [(one.task, one.caption) for one in found] == [
        ("ti2i", "make it darker"),
        ("t2i", "a dark card"),
        ("t2i", "一张暗色卡片"),
        ("i2i", ""),
    ]
    assert [one.task for one in items_of(tar, ChooseConfig(("ti2i",), described=True))] == ["ti2i"]
    posteriors, targets = Posteriors(networks.vae), []
    for item in found:
        (one,) = fitted(item, networks, CONFIG.encode, identity_of(networks, CONFIG.encode))
        targets += [sample.target[0] for sample in encode([one], networks, CONFIG.encode, posteriors)]
    assert posteriors.asked == 2, "the source and the target, for four samples"
    assert all(torch.equal(target, targets[0]) for target in targets)


def test_remembered_posteriors_are_those_of_their_pictures_also_when_there_is_no_room(networks: Networks) -> None:
    pictures = [picture(1), picture(2), picture(1), picture(3, (64, 64))]
    kept, bare = Posteriors(networks.vae), Posteriors(networks.vae, room=0)
    wanted = [Posteriors(networks.vae).of([one])[0][0] for one in pictures]
    for _ in range(2):
        for posteriors in (kept, bare):
            for (mean, _), own in zip(posteriors.of(pictures), wanted, strict=True):
                torch.testing.assert_close(mean, own, atol=1e-5, rtol=1e-5)
    assert (kept.asked, bare.asked) == (3, 6)


def test_chosen_operators_keep_records_back_and_are_counted(tmp_path: Path) -> None:
    data = write_set(tmp_path / "set", [captioned(1), captioned(2, size=(512, 256))])
    choose = ChooseConfig(use=("resolution",), thresholds={"resolution": {"side": Threshold(low=100.0)}})
    counts: Counter[str] = Counter()
    operators = operators_of(choose, ("tiny_operators",))
    found = list(items_of(shards_of(data)[0], choose, operators, counts))
    assert [one.target.size for one in found] == [(512, 256)]
    assert counts == {"dropped by resolution": 1}
    with pytest.raises(ConfigError, match=r"thresholds\.resolution\.sides"):
        operators_of(replace(choose, thresholds={"resolution": {"sides": Threshold(low=1.0)}}), ("tiny_operators",))


def test_a_configuration_survives_its_way_through_json() -> None:
    config = ProducerConfig(
        EncodeConfig(sizes=((64, 32), (32, 64)), enlarge=1.5),
        ChooseConfig(("i2i",), "first", True, ("a",), {"a": {"b": 1}}, {"a": {"x": Threshold(low=0.5)}}),
    )
    assert producer_config(config.to_json()) == config
    with pytest.raises(ConfigError, match="resolutions"):
        producer_config({"encode": {"resolutions": 3}})


def test_over_a_link_come_the_same_samples_as_into_a_store_in_one_order(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", [captioned(n) for n in range(3)], [captioned(n) for n in range(3, 6)])
    fill_store(data, tmp_path / "store", networks, CONFIG, RUN)
    wanted = stored(tmp_path / "store")
    orders = []
    for _ in range(2):
        broker = broker_for(data, networks, room=3)
        with (
            working(broker, networks, 1, RUN),
            Prefetch(LinkBatches(broker, 2, wanted=identity_of(networks, CONFIG.encode)), 1) as batches,
        ):
            got = consumed(batches)
        orders.append([one.id for one in got])
        assert set(orders[-1]) == set(wanted)
        assert len(got) == 6
        assert all(same(one, wanted[one.id]) for one in got)
    assert orders[0] == orders[1]


def test_several_producers_share_the_work(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", *([captioned(n)] for n in range(6)))
    broker = broker_for(data, networks)
    with working(broker, networks, 3, RUN):
        got = consumed(LinkBatches(broker, 2))
    assert len(got) == len({one.id for one in got}) == 6
    assert broker.stats().repeated == 0


def test_a_new_configuration_is_used_for_new_work_while_a_consumer_goes_on(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", *([captioned(n, f"card {n}", f"again {n}")] for n in range(4)))
    broker = broker_for(data, networks, room=2)
    with working(broker, networks, 1, RUN):
        batches = LinkBatches(broker, 2)
        first = next(batches)
        meta = broker.configure(replace(CONFIG, choose=ChooseConfig(captions="first")).to_json())
        batches.used(first)
        rest = consumed(batches)
    assert meta.version == 2
    said = [one.caption for one in (*first, *rest)]
    assert said[:2] == ["card 0", "again 0"]
    assert said[-1] == "card 3", "not its second caption"
    assert "again 3" not in said


def test_a_new_size_makes_what_waits_stale_and_is_delivered_whole(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", [captioned(n) for n in range(3)], [captioned(3)])
    broker = broker_for(data, networks, room=1)
    with working(broker, networks, 1, RunConfig(batch=1)):
        while not broker.stats().waiting:
            time.sleep(0.01)
        new = ProducerConfig(EncodeConfig(sizes=((64, 32),)))
        broker.configure(new.to_json())
        got = consumed(LinkBatches(broker, 1, wanted=identity_of(networks, new.encode)))
    assert sorted(one.caption for one in got) == [f"a card {n}" for n in range(4)]
    assert {one.size for one in got} == {(64, 32)}
    assert broker.stats().stale >= 1


def test_a_damaged_shard_is_counted_and_passed_over(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", [captioned(1)], [captioned(2)])
    shards_of(data)[0].write_bytes(b"damaged")
    broker = broker_for(data, networks)
    assert work(broker, networks, RUN) == {"made": 1, "damaged shards": 1}
    assert broker.stats().complete


def test_a_producer_with_other_networks_says_so_and_so_does_the_link(tmp_path: Path, networks: Networks) -> None:
    data = write_set(tmp_path / "set", [captioned(1)])
    broker = broker_for(data, replace(networks, identity=replace(networks.identity, encoder="0" * 16)))
    with (
        pytest.raises(HanmoError, match="what this producer would make is stale"),
        working(broker, networks, 1, RUN),
        pytest.raises(HanmoError, match="no producer is left"),
    ):
        next(LinkBatches(broker, 1))


def test_of_two_producers_one_is_killed_and_everything_arrives_once(
    tmp_path: Path, checkpoint: Path, networks: Networks, root: Path
) -> None:
    data = write_set(tmp_path / "set", [captioned(n) for n in range(4)], [captioned(n) for n in range(4, 8)])
    broker = broker_for(data, networks, room=2, claim_seconds=5.0)
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    with serving(broker) as address:
        command = [sys.executable, "-m", "hanmo.producer.worker", address, "--checkpoint", str(checkpoint)]
        command += ["--precision", "float32", "--batch", "1"]
        killed, other = (subprocess.Popen(command, env=environment) for _ in range(2))
        until = time.monotonic() + 90
        while broker.stats().claimed < 2 and time.monotonic() < until:
            time.sleep(0.02)
        assert broker.stats().claimed == 2, "both wait for room in the middle of a shard"
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        got = consumed(LinkBatches(broker, 1))
        assert other.wait(30) == 0
    assert sorted(sample.caption for sample in got) == [f"a card {n}" for n in range(8)]
    assert broker.stats().reclaimed == 1


def test_a_worker_that_finds_no_link_says_so_in_one_line(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = main(["http://127.0.0.1:1", "--checkpoint", str(checkpoint), "--patience", "0.1"])
    assert found == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: the link http://127.0.0.1:1 does not answer")


def test_ray_is_optional_and_its_absence_one_line(checkpoint: Path) -> None:
    try:
        import ray  # noqa: F401
    except ImportError:
        with (
            pytest.raises(RequestError, match=r"pip install 'hanmo\[ray\]'"),
            on_ray(WorkerConfig("http://x:1", checkpoint)),
        ):
            pass
    else:
        pytest.skip("Ray is installed here")
