from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hanmo.errors import ConfigError
from hanmo.model.latents import pack
from hanmo.train.data import DataConfig, FlowBatch
from hanmo.train.flow_run import begin, data_of
from hanmo.train.recipe import FlowRecipe

Make = Callable[..., FlowRecipe]


def _batch(make: Make, folder: Path, step: int, **data: float) -> FlowBatch:
    recipe = make(data=replace(make().data, **data))
    return data_of(recipe, begin(recipe, folder), folder).batch(step, 0)


def test_a_batch_is_a_function_of_seed_and_step(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = flow_recipe(data=DataConfig(cards=24, pairs=8, edits=0.5))
    first = data_of(recipe, begin(recipe, tmp_path), tmp_path)
    second = data_of(recipe, begin(recipe, tmp_path), tmp_path)
    for step in (0, 1, 9):
        first.batch(step, 0)
    again, fresh = first.batch(9, 0), second.batch(9, 0)
    assert again.ids == fresh.ids
    assert again.kind == fresh.kind
    assert torch.equal(again.noise, fresh.noise)
    assert torch.equal(again.latents, fresh.latents)
    assert first.batch(10, 0).ids != again.ids


def test_both_tasks_come_in_whole_batches(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = flow_recipe(data=DataConfig(cards=24, pairs=8, edits=0.5))
    data = data_of(recipe, begin(recipe, tmp_path), tmp_path)
    kinds = set()
    for step in range(16):
        batch = data.batch(step, 0)
        kinds.add(batch.kind)
        assert (batch.condition is None) == (batch.kind == "t2i")
        assert len(batch.shapes) == (1 if batch.kind == "t2i" else 2)
    assert kinds == {"t2i", "edit"}


def test_prompts_of_a_batch_are_of_like_length(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = flow_recipe(run=replace(flow_recipe().run, batch=16))
    data = data_of(recipe, begin(recipe, tmp_path), tmp_path)
    spans = []
    for step in range(8):
        lengths = [len(ids) for ids in data.batch(step, 0).ids]
        spans.append(max(lengths) - min(lengths))
    assert sorted(spans)[4] <= 4


def test_an_edit_carries_the_sources_latents_and_its_picture(flow_recipe: Make, tmp_path: Path) -> None:
    recipe = flow_recipe(data=DataConfig(cards=0, pairs=8, edits=1.0, repaint=0.0, dropout=0.0))
    data = data_of(recipe, begin(recipe, tmp_path), tmp_path)
    batch = data.batch(0, 0)
    kept = data.edits
    assert kept is not None
    assert kept.sources is not None
    assert batch.condition is not None
    assert batch.patches is not None
    rows = [int((pack(kept.sources) == each).all(-1).all(-1).nonzero()[0]) for each in batch.condition]
    torch.testing.assert_close(batch.latents, pack(kept.latents[rows]))


def test_repainting_gives_the_source_back(flow_recipe: Make, tmp_path: Path) -> None:
    batch = _batch(flow_recipe, tmp_path, 0, cards=0, pairs=8, edits=1.0, repaint=1.0)
    assert batch.condition is not None
    assert torch.equal(batch.latents, batch.condition)


def test_every_prompt_may_be_dropped(flow_recipe: Make, tmp_path: Path) -> None:
    batch = _batch(flow_recipe, tmp_path, 0, dropout=1.0)
    assert all(ids == batch.ids[0] for ids in batch.ids)
    assert int((batch.labels.token >= 0).sum()) == 0
    assert float(batch.glyphs.sum()) > 0


@pytest.mark.parametrize(
    ("key", "values"),
    [("dropout", {"dropout": 1.5}), ("pairs", {"edits": 0.5}), ("cards", {"cards": 0}), ("t_std", {"t_std": 0.0})],
)
def test_data_that_cannot_be_made_is_named(key: str, values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"data.{key}"):
        DataConfig(**values)  # type: ignore[arg-type]
