"""From a set of the data engine through frozen networks and a store to a checkpoint, at toy size."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hanmo.data.collect import collect
from hanmo.data.sources.folder import FolderSource
from hanmo.errors import ConfigError, RequestError, TrainingError
from hanmo.producer.config import EncodeConfig
from hanmo.producer.encode import identity_of, networks_of
from hanmo.train.batches import MixConfig
from hanmo.train.curriculum import CurriculumConfig, Plateau, Stage, Until
from hanmo.train.recipe import SamplesRecipe, read
from hanmo.train.run import train
from hanmo.train.samples import Listed
from hanmo.train.samples_run import check_plateaus, load_frozen
from hanmo.train.selection import Only
from hanmo.train.status import status
from hanmo.train.stored import StoreSource
from hanmo.train.validation import Held, ValidationConfig
from hanmo.weights.folder import open_folder


@pytest.fixture
def recipe(samples_recipe: SamplesRecipe) -> SamplesRecipe:
    return samples_recipe


def losses(folder: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line["flow"] for line in lines if "flow" in line}


def test_a_set_becomes_a_store_and_the_store_a_checkpoint(recipe: SamplesRecipe, samples_base: Path) -> None:
    export = train(recipe)
    assert open_folder(export).transformer == open_folder(samples_base).transformer
    assert {path.name for path in recipe.data.store.iterdir()} == {"t2i", "i2i", "filled"}
    assert list(losses(export.parent)) == list(range(1, 9))
    measured = [json.loads(line) for line in (export.parent / "validation.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in measured] == [4, 8]
    assert measured[1]["loss"] < measured[0]["loss"]
    assert read(export.parent / "recipe.toml") == recipe


def test_a_resumed_run_repeats_every_loss(recipe: SamplesRecipe) -> None:
    folder = train(recipe).parent
    whole = losses(folder)
    (newest,) = (folder / "checkpoints").glob("*8.pt")
    newest.unlink()  # as if the run had been killed before its last snapshot
    train(recipe, resume=True)
    assert losses(folder) == whole


def test_a_run_killed_before_its_preview_looks_first_when_it_is_resumed(recipe: SamplesRecipe) -> None:
    folder = train(recipe).parent
    measured = (folder / "validation.jsonl").read_text("utf-8")
    (folder / "validation.jsonl").write_text(measured.splitlines()[0] + "\n", encoding="utf-8")
    (folder / "looked").write_text("4\n", encoding="utf-8")
    train(recipe, resume=True)
    assert (folder / "validation.jsonl").read_text("utf-8") == measured
    train(recipe, resume=True)
    assert (folder / "validation.jsonl").read_text("utf-8") == measured


def test_a_store_is_a_source_and_a_stale_one_is_refused(recipe: SamplesRecipe) -> None:
    train(recipe)
    place = open_folder(Path(recipe.model.init))
    frozen = load_frozen(place, torch.device("cpu"))
    identity = identity_of(networks_of(frozen.encoder, frozen.vae, place.preferences), recipe.encode)
    source = StoreSource(recipe.data.store, identity)
    entries = source.entries()
    assert {(entry.source, entry.size) for entry in entries} == {("grey", (64, 64))}
    assert sorted(entry.task for entry in entries) == ["i2i"] * 12 + ["t2i"] * 12
    assert source.sample(entries[0].id).id == entries[0].id
    with pytest.raises(TrainingError, match="cannot be read from"):
        source.sample("0" * 32)
    other = replace(recipe, name="other", encode=replace(recipe.encode, sizes=((64, 64), (64, 128))))
    with pytest.raises(RequestError, match="store"):
        train(other)


def test_captions_of_reconstructions_are_dropped_where_the_store_has_their_empty_prompts(recipe: SamplesRecipe) -> None:
    train(replace(recipe, run=replace(recipe.run, steps=1)))
    with pytest.raises(ConfigError, match=r"mix\.edit_dropout is 0\.5, but encode\.empty_edits is false"):
        replace(recipe, mix=MixConfig(edit_dropout=0.5))
    dropping = replace(
        recipe, name="other", mix=MixConfig(edit_dropout=0.5), encode=replace(recipe.encode, empty_edits=True)
    )
    with pytest.raises(RequestError, match="is stale: its config"):
        train(dropping)
    export = train(replace(dropping, name="new", data=replace(recipe.data, store=recipe.data.store.with_name("new"))))
    assert list(losses(export.parent)) == list(range(1, 9))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_plateau_begins_the_next_stage_and_is_written_down(recipe: SamplesRecipe, processes: int) -> None:
    stages = (
        Stage("text", Only(tasks=("t2i",)), until=Until(plateau=Plateau(window=1, improvement=0.99, patience=1))),
        Stage("all"),
    )
    run = replace(recipe.run, steps=16, preview_every=2, save_every=16, accumulate=2, processes=processes)
    export = train(replace(recipe, run=run, curriculum=CurriculumConfig(stages)))
    told = (export.parent / "train.log").read_text("utf-8")
    assert told.count("the stage all begins at step") == 1
    assert processes == 1 or "the stage all begins at step" in (export.parent / "worker-1.log").read_text("utf-8")


def test_stages_follow_each_other_over_the_sizes_of_one_store(recipe: SamplesRecipe) -> None:
    stages = (
        Stage("small", Only(sizes=((32, 32),)), until=Until(steps=2), batch=4),
        Stage("large", Only(sizes=((64, 64),), tags=("text",))),
    )
    for number, text in enumerate((recipe.data.sets[0].parent / "pictures").glob("*.png")):
        found = {
            "caption": "a red card",
            "domain": "nature",
            "text_split": {"language": ("english", "none")[number % 2]},
        }
        text.with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
    collect([FolderSource(recipe.data.sets[0].parent / "pictures", "grey")], recipe.data.sets[0] / "set1")
    two = replace(
        recipe,
        run=replace(recipe.run, steps=4, preview_every=0),
        encode=EncodeConfig(resolutions=(32, 64), sizes=((32, 32), (64, 64))),
        curriculum=CurriculumConfig(stages),
        validation=replace(recipe.validation, share=0.4, every=2),
    )
    folder = train(two).parent
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [(line["step"], line["stage"]) for line in lines if "stage" in line] == [(1, 0), (3, 1)]
    seen = {
        line["step"]: {key for key in line if re.fullmatch(r"val/\d+x\d+", key)} for line in lines if "val/loss" in line
    }
    assert seen == {2: {"val/32x32"}, 4: {"val/64x64"}}, "a stage is measured on what it draws"
    told = (folder / "train.log").read_text("utf-8")
    assert "stage small: step 0 is its first, 4 pictures a step (start)" in told
    assert "stage large: step 2 is its first, 2 pictures a step (steps)" in told
    assert status(folder).stage == "large"


@pytest.mark.parametrize("growing", [False, True])
def test_a_plateau_that_nothing_measures_is_refused(recipe: SamplesRecipe, growing: bool) -> None:
    stages = (Stage("text", until=Until(plateau=Plateau())), Stage("all"))
    blind = replace(recipe, curriculum=CurriculumConfig(stages), validation=ValidationConfig(share=0.0))
    with pytest.raises(ConfigError, match=r"curriculum\.stages\.text\.until\.plateau is measured on samples"):
        check_plateaus(Held(Listed(()), blind.validation), blind, growing)


def test_no_set_is_one_line(recipe: SamplesRecipe) -> None:
    with pytest.raises(RequestError, match=r"name runs of 'hanmo data' under data\.sets"):
        train(replace(recipe, data=replace(recipe.data, sets=())))
