"""Producers at work while a run trains: the same samples, the same losses after a resume, and what goes wrong."""

from __future__ import annotations

import copy
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from producer_samples import same
from worker_processes import command, free_port

from hanmo.data.collect import CollectConfig, collect
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import ConfigError, OutputError, RequestError, TrainingError
from hanmo.producer.client import HttpLink
from hanmo.producer.config import ProducerConfig, producer_config
from hanmo.producer.encode import Networks, identity_of, networks_of
from hanmo.producer.link import put_all
from hanmo.producer.produce import RunConfig, samples_of
from hanmo.producer.sample import Sample
from hanmo.producer.store import Reader, look
from hanmo.producer.worker import WorkerConfig, load_networks
from hanmo.train import choice, growing
from hanmo.train.curriculum import Curriculum, CurriculumConfig, Stage, Until
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.growing import Growing, Record
from hanmo.train.live import producing
from hanmo.train.mixture import Mixture
from hanmo.train.ranks import ALONE
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.run import train
from hanmo.train.samples_run import load_frozen
from hanmo.train.selection import Only
from hanmo.train.stored import StoreConfig, StoreSource
from hanmo.train.validation import Held, ValidationConfig
from hanmo.weights.folder import open_folder
from hanmo.weights.hub import resolve


@pytest.fixture
def recipe(samples_recipe: SamplesRecipe) -> SamplesRecipe:
    """Twelve pictures in three shards, whose samples come while sixteen steps are trained."""
    data = samples_recipe.run.folder / "thirds"
    data.mkdir()
    collect(
        [FolderSource(samples_recipe.run.folder / "pictures", "grey")], data / "set0", CollectConfig(items_per_shard=4)
    )
    run = replace(samples_recipe.run, steps=16, preview_every=0)
    fed = replace(samples_recipe.data, sets=(data,), feed="live", begin=4, refresh=1)
    return replace(samples_recipe, run=run, data=fed)


def stored(store: Path) -> dict[str, Sample]:
    reader, found = Reader(store), {}
    for shard in look(store).shards:
        for row, name in enumerate(shard.ids):
            assert name not in found, "once"
            read = reader.sample(shard.name, row)
            assert read is not None
            found[name] = read
    return found


def losses(folder: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line["flow"] for line in lines if "flow" in line}


def decisions(folder: Path) -> list[tuple[int, int]]:
    lines = [json.loads(line) for line in (folder / growing.FILE).read_text("utf-8").splitlines()]
    return [(line["step"], len(line["shards"])) for line in lines]


def test_a_live_run_comes_to_its_end_with_the_samples_of_one_fed_before(recipe: SamplesRecipe) -> None:
    folder = train(recipe).parent
    assert list(losses(folder)) == list(range(1, 17))
    found = stored(recipe.data.store)
    before = replace(recipe.data, feed="before", begin=0, refresh=10, store=recipe.data.store.with_name("before"))
    train(replace(recipe, name="before", data=before, run=replace(recipe.run, steps=1)))
    wanted = stored(before.store)
    assert len(wanted) == 24
    assert found.keys() == wanted.keys()
    assert all(same(found[key], wanted[key]) for key in wanted)
    assert decisions(folder)[0][0] == 0
    said = (folder / "train.log").read_text("utf-8")
    assert "3 of 3 shards are done, 0 at work; 24 samples stored, 0 came again; that was all" in said
    assert list((recipe.data.store / "filled").glob("*.json")), "a second run need not look at the set"


class Producer(threading.Thread):
    """One over HTTP that makes a shard when the test says so."""

    def __init__(self, recipe: SamplesRecipe, networks: Networks, script: Callable[[Producer], None]) -> None:
        super().__init__(daemon=True)
        self.recipe, self.networks, self.script = recipe, networks, script
        self.folder = recipe.run.folder / recipe.name
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with HttpLink(f"http://{self.recipe.data.listen}") as self.link:
                try:
                    self.script(self)
                finally:  # so that the run ends, whatever has gone wrong here
                    while (claim := self.link.claim()) is not None:
                        self.link.finish(claim.id)
        except BaseException as error:
            self.error = error

    def make(self, **other: object) -> list[str]:
        """The tasks of a shard's samples, made by the newest configuration and handed over."""
        claim, meta = self.link.claim(), self.link.meta()
        assert claim is not None
        config = producer_config(meta.config)
        made, config = [], replace(config, choose=replace(config.choose, **other))  # type: ignore[arg-type]
        for group in samples_of(Path(claim.unit), self.networks, config, RunConfig(batch=4)):
            put_all(self.link, group, meta.identity, claim.id)
            made += [sample.task for sample in group]
        self.link.finish(claim.id)
        return made

    def until(self, name: str, words: str) -> None:
        """Until a file of the run says something."""
        path, late = self.folder / name, time.monotonic() + 600
        while not (path.exists() and words in path.read_text("utf-8")):
            assert time.monotonic() < late, f"{name} never said {words}"
            time.sleep(0.02)


@pytest.fixture
def networks(samples_base: Path) -> Networks:
    place = open_folder(samples_base)
    frozen = load_frozen(place, torch.device("cpu"))
    return networks_of(frozen.encoder, frozen.vae, place.preferences)


@pytest.fixture
def listening(recipe: SamplesRecipe) -> SamplesRecipe:
    """Nobody works but who joins."""
    data = replace(recipe.data, producers=0, listen=f"127.0.0.1:{free_port()}", begin=1)
    return replace(recipe, run=replace(recipe.run, steps=24, save_every=12), data=data)


def test_a_run_waits_for_a_stage_and_one_that_was_killed_sees_the_same_shards_at_every_step(
    listening: SamplesRecipe, networks: Networks
) -> None:
    def script(producer: Producer) -> None:
        producer.make(tasks=("t2i",))
        producer.until("metrics.jsonl", '"step": 15,')
        producer.make()

    stages = (Stage("text", Only(tasks=("t2i",)), until=Until(20)), Stage("pictures", Only(tasks=("i2i",))))
    recipe = replace(listening, curriculum=CurriculumConfig(stages))
    producer = Producer(recipe, networks, script)
    producer.start()
    folder = train(recipe).parent
    assert producer.error is None
    assert [step for step, count in decisions(folder) if count] == [0, 20]
    whole = losses(folder)
    assert list(whole) == list(range(1, 25))
    (newest,) = (folder / "checkpoints").glob("*24.pt")
    newest.unlink()  # as if the run had been killed before its last snapshot, while it wrote a decision
    with (folder / growing.FILE).open("a", encoding="utf-8") as file:
        file.write('{"step": 25, "sha')
    train(recipe, resume=True)
    assert losses(folder) == whole


def test_a_changed_choice_is_taken_for_later_shards_and_a_wrong_one_refused(
    listening: SamplesRecipe, networks: Networks
) -> None:
    made: list[list[str]] = []

    def script(producer: Producer) -> None:
        made.append(producer.make())
        file = producer.folder / choice.FILE
        text = file.read_text("utf-8")
        file.write_text(text.replace('["t2i", "i2i"]', '["t2i"]'), encoding="utf-8")
        producer.until(choice.RECORD, '"version": 2')
        made.append(producer.make())
        for wrong in ("tasks = 3", '[choose]\ntasks = ["t2i", "ti3i"]', text + "[encode]\nresolution = 640"):
            file.write_text(wrong, encoding="utf-8")
            producer.until("train.log", f"{choice.FILE} is refused")
            (producer.folder / "train.log").write_text("", encoding="utf-8")
        with pytest.raises(RequestError, match="encode cannot change"):
            producer.link.configure({**producer.link.meta().config, "encode": {"resolution": 640}})
        made.append(producer.make())

    run = replace(listening.run, steps=10)
    endless = replace(listening, run=run, data=replace(listening.data, begin=16))  # 8 + 4 + 4
    producer = Producer(endless, networks, script)
    producer.start()
    train(endless)
    assert producer.error is None
    assert made == [["t2i"] * 4 + ["i2i"] * 4, ["t2i"] * 4, ["t2i"] * 4]
    assert len(stored(endless.data.store)) == 16


@pytest.mark.slow
def test_a_process_joins_another_is_killed_and_everything_arrives_once(listening: SamplesRecipe) -> None:
    run = replace(listening.run, steps=10, accumulate=2, processes=2)
    whole = replace(listening, run=run, data=replace(listening.data, begin=24))
    with command(whole.data.listen, whole.model.init) as killed, command(whole.data.listen, whole.model.init):
        done = threading.Thread(target=train, args=(whole,), daemon=True)
        done.start()
        while not list(whole.data.store.rglob("*.safetensors")):
            time.sleep(0.05)
        killed.kill()
        done.join(300)
    assert not done.is_alive()
    assert len(stored(whole.data.store)) == 24
    assert list(losses(run.folder / whole.name)) == list(range(1, 11))


def growth(recipe: SamplesRecipe, networks: Networks, feed: growing.Feed) -> Growing:
    source = StoreSource(recipe.data.store, identity_of(networks, recipe.encode), growing=True)
    mixture = Mixture(source, Curriculum(CurriculumConfig()), 0, 2, 1, growing=True)
    held = Held(source, ValidationConfig())
    return Growing(source, mixture, held, Record(recipe.run.folder / growing.FILE), ALONE, 8, 1, lambda _: None, feed)


def test_when_all_producers_have_failed_the_run_stops_with_their_error(
    recipe: SamplesRecipe, networks: Networks
) -> None:
    config = ProducerConfig(recipe.encode, recipe.choose)
    broken = replace(networks, vae=copy.deepcopy(networks.vae).to("meta"))
    place = Path(recipe.model.init)
    with (
        producing(recipe.data, broken, config, place, recipe.run.folder, False, lambda _: None) as live,
        pytest.raises(TrainingError, match=r"no producer is left; the last ended with: [^\n]*meta[^\n]*$"),
    ):
        growth(recipe, networks, live).begin(0, 4)


def test_what_cannot_be_is_one_line_before_the_first_step(recipe: SamplesRecipe) -> None:
    with pytest.raises(ConfigError, match=r'data\.listen is for data\.feed = "live"'):
        StoreConfig(listen="127.0.0.1:1")
    with pytest.raises(ConfigError, match="so nobody works"):
        StoreConfig(feed="live", producers=0)
    with pytest.raises(ConfigError, match="give HOST:PORT"):
        StoreConfig(feed="live", listen="8123")
    with pytest.raises(ConfigError, match=r'data\.engine is "ray"'):
        StoreConfig(feed="live", engine="ray")
    with pytest.raises(ConfigError, match='is for kind = "samples"'):
        DistillRecipe(data=StoreConfig(feed="live"))
    with pytest.raises(TrainingError, match=r"producers are done, and curriculum\.stages\.all has nothing to draw"):
        train(replace(recipe, data=replace(recipe.data, sets=())))
    with pytest.raises(RequestError, match="needs a token"):
        train(replace(recipe, data=replace(recipe.data, listen="0.0.0.0:0")))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = replace(recipe.data, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(OutputError, match="cannot listen on"):
            train(replace(recipe, data=busy, name="other"))


def test_a_worker_has_the_networks_of_the_run_whatever_the_format_of_the_files() -> None:
    bundled = open_folder(resolve(None))
    assert bundled.tensors("vae")["decoder.conv_in.bias"].dtype == "BF16"
    frozen, worker = load_frozen(bundled, torch.device("cpu")), WorkerConfig("http://127.0.0.1:1", bundled.path)
    ours = networks_of(frozen.encoder, frozen.vae, bundled.preferences)
    theirs = load_networks(worker.checkpoint, worker.device, worker.precision)
    assert theirs.identity == ours.identity
