"""`torchrun -m hanmo train` on this machine, and what came of it beside a run of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor

from hanmo.config import dump_recipe
from hanmo.train.consolidate import load_plain
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.lora_recipe import LoraRecipe, SFTRecipe
from hanmo.train.recipe import SamplesRecipe
from hanmo.train.snapshots import newest_snapshot
from hanmo.weights.folder import load_transformer


def together(
    recipe: SamplesRecipe | SFTRecipe | LoraRecipe | DistillRecipe,
    count: int,
    *words: str,
    restarts: int = 0,
    dies: int = 0,
) -> str:
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
    return start(count, script, str(path), *words, restarts=restarts)


def start(count: int, script: Path, *words: str, restarts: int = 0) -> str:
    """Start a script in so many processes; what they said."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    done = subprocess.run(
        [*command, "--max-restarts", str(restarts), str(script), *words],
        env={**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def told(folder: Path, key: str) -> dict[int, float]:
    """One number of a run's metrics, by step."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line[key] for line in lines if key in line}


def furthest(one: Path, many: Path) -> float:
    """The largest difference of averages in the last snapshots, of one process and of several; both float32."""
    state = torch.load(newest(one), weights_only=True)["ema"]
    model = load_transformer(many / "export", dtype=torch.float32)
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    load_plain(newest(many), {"transformer": model})
    averages: dict[str, Tensor] = {f"transformer/{name}": weight for name, weight in model.named_parameters()}
    return max(float((state[name] - averages[name].detach()).abs().max()) for name in state)


def newest(folder: Path) -> Path:
    """The last snapshot of a run."""
    found = newest_snapshot(folder / "checkpoints")
    assert found is not None
    return found[1]


def same_exports(one: Path, many: Path) -> None:
    """See that two runs ended at one checkpoint."""
    single, divided = (load_transformer(folder / "export", dtype=torch.float32) for folder in (one, many))
    for name, weight in single.state_dict().items():  # exports are bfloat16: the last digit may differ
        torch.testing.assert_close(divided.state_dict()[name], weight, rtol=2**-7, atol=1e-4)
