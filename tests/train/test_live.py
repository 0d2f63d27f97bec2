"""Producers at work while a run trains: the same samples, the same losses after a resume, and what goes wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from producer_samples import same
from tiny_pictures import png

from hanmo.data.collect import CollectConfig, collect
from hanmo.data.layout import shards_of
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import ConfigError, HanmoError, RequestError, TrainingError
from hanmo.producer.sample import Sample
from hanmo.producer.store import Reader, look
from hanmo.train import drive, growing, live
from hanmo.train.curriculum import CurriculumConfig, Stage, Until
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.run import train
from hanmo.train.selection import Only
from hanmo.train.stored import StoreConfig


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
    assert [step for step, _ in decisions(folder)][0] == 0
    said = (folder / "train.log").read_text("utf-8")
    assert "3 of 3 shards are done, 0 at work; 24 samples stored, 0 came again; that was all" in said
    assert list((recipe.data.store / "filled").glob("*.json")), "a second run need not look at the set"
