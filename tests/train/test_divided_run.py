"""`torchrun -m hanmo train` with [shard]: steps, averages and validation losses of one process; and their resume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError, TrainingError
from hanmo.train.consolidate import load_plain
from hanmo.train.curriculum import CurriculumConfig, Plateau, Stage, Until
from hanmo.train.lora_recipe import FolderConfig, SFTRecipe
from hanmo.train.recipe import NewTransformer, SamplesRecipe
from hanmo.train.run import train
from hanmo.train.shard.config import ShardConfig
from hanmo.train.status import status
from hanmo.weights.folder import load_transformer

pytestmark = pytest.mark.slow
"""Several processes each."""


@pytest.fixture
def recipe(samples_recipe: SamplesRecipe) -> SamplesRecipe:
    """Adam's first steps have the length of the rate whatever the gradient; `eps` keeps rounding from deciding them."""
    optim = replace(samples_recipe.optim, lr=1e-3, eps=1e-5, schedule="constant")
    return replace(samples_recipe, run=replace(samples_recipe.run, accumulate=2), optim=optim)


def together(recipe: SamplesRecipe | SFTRecipe, count: int, *words: str, restarts: int = 0, dies: int = 0) -> str:
    """Run it under torchrun; process 1 of the first start dies after so many steps. What the processes said."""
    path = recipe.run.folder / f"{recipe.name}.toml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    script = recipe.run.folder / "start.py"
    script.write_text(
        "import os, sys, hanmo.cli.main as cli, hanmo.train.loop as loop\n"
        f"dies = {dies} if os.environ['RANK'] == '1' and os.environ['TORCHELASTIC_RESTART_COUNT'] == '0' else -1\n"
        "run = loop.run\n"
        "def dying(objective, parts, ema, plan, start, after):\n"
        "    def then(report):\n"
        "        after(report)\n"
        "        report.step == dies and os._exit(1)\n"
        "    run(objective, parts, ema, plan, start, then)\n"
        "loop.run = dying\n"
        "sys.exit(cli.main(['train', *sys.argv[1:], '--no-judge', '--quiet']))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    done = subprocess.run(
        [*command, "--max-restarts", str(restarts), str(script), str(path), *words],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def told(folder: Path, key: str) -> dict[int, float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line[key] for line in lines if key in line}


def same(one: Path, many: Path) -> None:
    """Losses, norms, validation losses, and what was exported."""
    for key in ("flow", "grad_norm", "val/loss"):
        assert told(one, key) == pytest.approx(told(many, key), rel=1e-4), key
    single, divided = (load_transformer(folder / "export", dtype=torch.float32) for folder in (one, many))
    for name, weight in single.state_dict().items():  # exports are bfloat16: the last digit may differ
        torch.testing.assert_close(divided.state_dict()[name], weight, rtol=2**-7, atol=1e-4)


def furthest(one: Path, many: Path) -> float:
    """The largest difference of averages in the last snapshots; both float32."""
    state = torch.load(one / "checkpoints" / "step-000000008.pt", weights_only=True)["ema"]
    model = load_transformer(many / "export", dtype=torch.float32)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    load_plain(many / "checkpoints" / "step-000000008", {"transformer": model})
    averages: dict[str, Tensor] = {f"transformer/{name}": weight for name, weight in model.named_parameters()}
    return max(float((state[name] - averages[name].detach()).abs().max()) for name in state)


def test_shards_heads_and_tokens_take_the_steps_of_one_process(recipe: SamplesRecipe) -> None:
    one = train(replace(recipe, name="one")).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    four = replace(recipe, name="four", shard=ShardConfig(data=2, tensor=2, checkpointing="selective"))
    for divided in (two, four):
        folder = recipe.run.folder / divided.name
        assert together(divided, divided.shard.count) == f"{folder / 'export'}\n"
        same(one, folder)
        assert furthest(one, folder) <= 1e-5
        assert status(folder).snapshot == 8
    with pytest.raises(TrainingError, match="divided model"):
        train(replace(two, shard=ShardConfig()), resume=True)
    tokens = replace(recipe, name="tokens", shard=ShardConfig(context=2, checkpointing="full"))
    together(replace(tokens, run=replace(recipe.run, steps=4)), 2)
    together(replace(tokens, shard=ShardConfig(data=2)), 2, "--resume")  # tokens are divided no more
    same(one, recipe.run.folder / "tokens")
    assert furthest(one, recipe.run.folder / "tokens") <= 1e-5


def test_a_process_that_dies_is_started_again_and_four_ranks_go_on_as_two(recipe: SamplesRecipe) -> None:
    one = train(replace(recipe, name="one")).parent
    half = replace(recipe, name="half", shard=ShardConfig(data=2, tensor=2))
    folder = recipe.run.folder / "half"
    together(replace(half, run=replace(half.run, steps=4)), 4)
    assert status(folder).snapshot == 4
    two = replace(half, shard=ShardConfig(data=2))
    together(two, 2, "--resume", restarts=1, dies=6)
    assert told(folder, "flow") == pytest.approx(told(one, "flow"), rel=1e-4)
    assert furthest(one, folder) <= 1e-5


def test_new_weights_begin_the_same_and_a_plateau_is_found_by_all(recipe: SamplesRecipe) -> None:
    plateau = Until(plateau=Plateau(window=1, improvement=0.99, patience=1))
    recipe = replace(
        recipe,
        model=replace(recipe.model, new=NewTransformer(2, 2, 8, (2, 2, 4))),
        curriculum=CurriculumConfig((Stage("first", until=plateau), Stage("second"))),
        run=replace(recipe.run, steps=12, preview_every=2, save_every=12),
    )
    one = train(replace(recipe, name="one")).parent
    two = replace(recipe, name="two", shard=ShardConfig(data=2))
    together(two, 2)
    folder = recipe.run.folder / "two"
    same(one, folder)
    for log in ("train.log", "worker-1.log"):
        assert (folder / log).read_text("utf-8").count("the stage second begins at step") == 1


def test_a_folder_of_pictures_teaches_a_divided_model(recipe: SamplesRecipe) -> None:
    run = replace(recipe.run, steps=4)
    tuned = SFTRecipe(model=recipe.model.init, run=run, data=FolderConfig(recipe.run.folder / "pictures", (64, 64)))
    one = train(replace(tuned, name="one", optim=recipe.optim)).parent
    two = replace(tuned, name="two", optim=recipe.optim, shard=ShardConfig(data=2))
    together(two, 2)
    same(one, recipe.run.folder / "two")


def test_degrees_that_do_not_fit_are_one_line(recipe: SamplesRecipe) -> None:
    with pytest.raises(ConfigError, match="torchrun --nproc-per-node 2"):
        train(replace(recipe, shard=ShardConfig(data=2)))
    with pytest.raises(ConfigError, match=r"set run\.processes = 1"):
        replace(recipe, shard=ShardConfig(data=2), run=replace(recipe.run, processes=2))
