from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hanmo.config import dump_recipe
from hanmo.errors import ConfigError
from hanmo.train.checkpoint import snapshots
from hanmo.train.data import DataConfig
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import FlowRecipe, RunConfig, VAERecipe
from hanmo.train.run import train

Make = Callable[..., FlowRecipe]


def _state(folder: Path) -> dict[str, torch.Tensor]:
    state = torch.load(snapshots(folder / "checkpoints")[-1], weights_only=True)
    return {f"{name}/{key}": value for name, part in state["modules"].items() for key, value in part.items()}


def _losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


def _furthest(first: Path, second: Path) -> float:
    one, two = _state(first), _state(second)
    assert one.keys() == two.keys()
    return max(float((one[key] - two[key]).abs().max()) for key in one)


def test_two_processes_take_the_steps_that_one_would_take(flow_recipe: Make) -> None:
    base = replace(flow_recipe(data=DataConfig(cards=24, pairs=8, edits=0.4)), name="one")
    base = replace(base, run=replace(base.run, accumulate=2), optim=replace(base.optim, kind="muon"))
    one = train(base).parent
    two = train(replace(base, name="two", run=replace(base.run, processes=2))).parent
    assert _furthest(one, two) <= 1e-5
    assert _losses(one) == pytest.approx(_losses(two), rel=1e-4)
    kept = {path.relative_to(two).as_posix() for path in two.iterdir()}
    assert "worker-1.log" in kept
    first, second = (load_file(path / "export/transformer/diffusion_pytorch_model.safetensors") for path in (one, two))
    assert first.keys() == second.keys()


@pytest.mark.slow
def test_torchrun_takes_the_same_steps_and_restarts_from_the_last_snapshot(flow_recipe: Make, tmp_path: Path) -> None:
    base = replace(flow_recipe(data=DataConfig(cards=24, pairs=8, edits=0.4)), name="one")
    base = replace(base, run=replace(base.run, accumulate=2, save_every=2))
    one = train(base).parent
    two = replace(base, name="two")
    (tmp_path / "two.toml").write_text(dump_recipe(two), encoding="utf-8")
    script = tmp_path / "start.py"
    script.write_text(
        "import os, sys, hanmo.cli.main as cli, hanmo.train.drive as drive\n"
        "if os.environ['TORCHELASTIC_RESTART_COUNT'] == '0' and os.environ['RANK'] == '1':\n"
        "    import hanmo.train.loop as loop\n"
        "    run = loop.run\n"
        "    def dies(objective, parts, ema, plan, start, after):\n"
        "        def last(report):\n"
        "            report.step == 3 and os._exit(1)\n"
        "        run(objective, parts, ema, plan, start, last)\n"
        "    loop.run = dies\n"
        "sys.exit(cli.main(['train', sys.argv[1], '--no-judge', '--quiet']))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--max-restarts", "1", str(script), str(tmp_path / "two.toml")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    folder = two.run.folder / "two"
    assert done.stdout == f"{folder / 'export'}\n"
    assert _furthest(one, folder) <= 1e-5


def test_the_autoencoder_too(vae_recipe: VAERecipe) -> None:
    run = replace(vae_recipe.run, steps=3, save_every=3, accumulate=2)
    one = train(replace(vae_recipe, name="one", run=run)).parent
    two = train(replace(vae_recipe, name="two", run=replace(run, processes=2))).parent
    assert _furthest(one, two) <= 1e-5


def test_two_processes_killed_resume_to_the_same_losses(flow_recipe: Make, tmp_path: Path) -> None:
    base = flow_recipe()
    whole = replace(base, name="whole", run=replace(base.run, steps=10, accumulate=2, processes=2))
    train(whole)
    killed = replace(whole, name="killed")
    recipe = tmp_path / "killed.toml"
    recipe.write_text(dump_recipe(killed), encoding="utf-8")
    code = f"from hanmo.train.run import train; train({str(recipe)!r})"
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    folder = tmp_path / "killed"
    while not snapshots(folder / "checkpoints"):
        assert child.poll() is None, "the run ended before it was killed"
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    train(killed, resume=True)
    assert _losses(folder) == _losses(tmp_path / "whole")


def test_a_worker_that_fails_ends_the_run_with_one_line(flow_recipe: Make, tmp_path: Path) -> None:
    base = flow_recipe()
    recipe = replace(base, run=replace(base.run, steps=400, accumulate=2, processes=2))
    path = tmp_path / "recipe.toml"
    path.write_text(dump_recipe(recipe), encoding="utf-8")
    code = (
        "from hanmo.errors import TrainingError\nfrom hanmo.train.run import train\n"
        f"try: train({str(path)!r})\nexcept TrainingError as error: print('said:', error)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    while not snapshots(tmp_path / "toy" / "checkpoints"):
        assert parent.poll() is None
        time.sleep(0.02)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    if not children.exists():
        parent.kill()
        pytest.skip("needs Linux's /proc")
    for child in children.read_text().split():
        os.kill(int(child), signal.SIGKILL)
    said, _ = parent.communicate(timeout=120)
    assert "another process of the run has ended" in said
    assert "--resume" in said


def test_parts_are_dealt_out_and_one_process_sums_nothing() -> None:
    assert [list(Ranks(rank, 3).parts(6)) for rank in range(3)] == [[0, 3], [1, 4], [2, 5]]
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    assert ALONE.sum([weight], {"loss": 2.0}) == {"loss": 2.0}
    assert weight.grad.tolist() == [1.0, 1.0]


def test_batches_must_come_out_even() -> None:
    with pytest.raises(ConfigError, match="multiple of 2"):
        RunConfig(processes=2, accumulate=3)
    with pytest.raises(ConfigError, match="share a CPU only"):
        RunConfig(processes=2, accumulate=2, device="cuda")
