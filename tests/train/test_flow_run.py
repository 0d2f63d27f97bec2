from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from hanmo.errors import ConfigError, RequestError
from hanmo.flow import ScheduleConfig
from hanmo.pipeline.pipeline import Pipeline
from hanmo.train.data import DataConfig
from hanmo.train.drive import averaged
from hanmo.train.flow_run import begin
from hanmo.train.judge import Box, Verdict
from hanmo.train.objectives.flow_matching import weighted_error
from hanmo.train.optim import EMA
from hanmo.train.recipe import FlowRecipe, NewModel
from hanmo.train.run import train
from hanmo.weights.folder import load_encoder, load_schedule, load_transformer, load_vae, open_folder

Make = Callable[..., FlowRecipe]


def _lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_over_all_tasks_learns_and_leaves_a_checkpoint_that_paints(flow_recipe: Make) -> None:
    base = flow_recipe()
    recipe = replace(
        base,
        run=replace(base.run, steps=24, log_every=4, save_every=24),
        data=DataConfig(cards=24, pairs=8, edits=0.4, repaint=0.3),
        preview=replace(base.preview, edits=2),
        optim=replace(base.optim, kind="muon", lr=5e-3),
    )
    boxes: list[Box] = []

    def judge(picture: Image.Image, box: Box, text: str) -> Verdict:
        assert picture.size == (128, 64)
        boxes.append(box)
        return Verdict(text, True, 1.0)

    export = train(recipe, judge=judge)
    lines = _lines(export.parent)
    flow = [line["flow"] for line in lines if "flow" in line]
    assert flow[-1] < flow[0]
    assert {"alignment", "identity", "images_per_second"} <= lines[0].keys()
    assert lines[-1]["t2i_en_exact"] == 1.0
    assert len(boxes) == 4
    opened = open_folder(export)
    assert opened.preferences == recipe.preferences
    pipeline = Pipeline(
        load_transformer(opened, dtype="float32"),
        load_vae(opened, dtype="float32"),
        load_encoder(opened, dtype="float32"),
        load_schedule(opened),
        opened.preferences,
    )
    picture = pipeline.generate('a red card "AB"', seed=1).images[0]
    assert picture.size == (128, 64)
    assert pipeline.edit(picture, "make it blue", seed=1).images[0].size == (128, 64)
    assert not any("head" in name for name in opened.tensors("transformer"))
    assert (export.parent / "previews" / "step-000000024.png").is_file()


def test_a_checkpoint_is_continued_with_its_own_weights_and_schedule(flow_recipe: Make, tmp_path: Path) -> None:
    base = flow_recipe()
    first = replace(base, run=replace(base.run, steps=1), schedule=ScheduleConfig(base_shift=0.25))
    export = train(first)
    second = replace(base, name="second", model=NewModel(init=export))
    model = begin(second, tmp_path)
    assert model.schedule.base_shift == 0.25
    assert model.transformer.proj_out.weight.dtype == torch.float32
    saved = load_transformer(export, dtype="float32").state_dict()
    assert all(torch.equal(value, saved[key]) for key, value in model.transformer.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.transformer.parameters())


def test_the_best_preview_is_the_one_that_is_kept(flow_recipe: Make) -> None:
    base = flow_recipe()
    recipe = replace(
        base, run=replace(base.run, steps=3, preview_every=1), preview=replace(base.preview, prompts=1, edits=0)
    )
    verdicts = iter([False, True, False])

    def judge(picture: Image.Image, box: Box, text: str) -> Verdict:
        return Verdict("", next(verdicts), 0.0)

    export = train(recipe, judge=judge)
    assert json.loads((export.parent / "best.json").read_text()) == {"step": 2, "score": 1.0}
    newest = torch.load(export.parent / "checkpoints" / "step-000000003.pt", weights_only=True)["ema"]
    saved = load_transformer(export, dtype="float32").state_dict()
    key = "transformer_blocks.0.img_mod.1.bias"
    assert not torch.equal(saved[key], newest[f"transformer/{key}"].bfloat16().float())


def test_letters_weigh_more_and_the_loss_stays_a_mean_over_samples() -> None:
    made, wanted = torch.zeros(1, 2, 4), torch.ones(1, 2, 4)
    assert float(weighted_error(made, wanted, torch.tensor([[1.0, 0.0]]), 3.0)) == pytest.approx(2.0)


def test_averaged_weights_are_only_borrowed() -> None:
    layer = torch.nn.Linear(2, 2)
    modules = {"layer": layer}
    ema = EMA(modules, 0.5)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(1.0)
    with averaged(modules, ema):
        assert torch.equal(layer.weight, before)
        assert not layer.training
    assert torch.equal(layer.weight, before + 1.0)
    assert layer.training


def test_edits_of_a_size_that_would_be_resized_are_refused(flow_recipe: Make) -> None:
    base = flow_recipe()
    wrong = replace(
        base,
        data=DataConfig(cards=8, pairs=8, edits=0.5),
        preferences=replace(base.preferences, edit_area=1024 * 1024),
    )
    with pytest.raises(ConfigError, match=r"preferences\.edit_area"):
        train(wrong)


def test_overrides_need_a_file(flow_recipe: Make) -> None:
    with pytest.raises(RequestError, match="overrides"):
        train(flow_recipe(), ["run.steps=2"])
