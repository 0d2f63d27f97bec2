"""Several processes take the steps of one: shards, heads and both, with clipping, averaging and accumulation.

This file is also the program of those processes (see the end): each scenario is five steps of a toy
transformer, and the first process saves the collected weights, averages, norms and losses.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import hanmo
from hanmo.errors import ConfigError
from hanmo.model import linear
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.optim import build
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.mesh import MeshRanks, joined
from hanmo.train.shard.parallel import parallelise
from hanmo.train.shard.parts import read_parts
from hanmo.train.shard.recompute import recompute
from hanmo.train.shard.state import assembled, regroup, whole
from hanmo.weights.tensors import read_header
from tests.train.shard.steps import ACCUMULATE, OPTIM, Readout, Toy, five_steps, furthest, randomise, same, together

pytestmark = pytest.mark.slow
"""Several processes each: a minute in all."""

BUNDLED = Path(hanmo.__file__).parent / "assets" / "hanmo-tiny"
CPU = torch.device("cpu")
SCENARIOS = {
    2: {
        "data 2": ShardConfig(data=2),
        "data 2, bfloat16": ShardConfig(data=2, gather="bfloat16", checkpointing="full"),
        "tensor 2": ShardConfig(tensor=2, checkpointing="selective"),
    },
    4: {"data 2 x tensor 2": ShardConfig(data=2, tensor=2)},
}


@dataclass(frozen=True)
class Batch:
    """Two pictures with a source each: the target's tokens come first."""

    latents: Tensor
    states: Tensor
    t: Tensor
    wanted: Tensor
    part: int


def toy() -> dict[str, nn.Module]:
    """A toy transformer, no weight of which is zero, and a readout before it."""
    config = TransformerConfig(
        in_channels=8, out_channels=2, num_layers=2, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=12, axes_dims_rope=(2, 2, 4),
    )  # fmt: skip
    modules: dict[str, nn.Module] = {"transformer": MMDiT(config), "encoder": Readout()}
    return randomise(modules)


def batch(step: int, part: int) -> Batch:
    """A function of its two numbers, as the loop asks."""
    generator = torch.Generator().manual_seed(1000 * step + part)
    latents, states, wanted = (torch.randn(2, *n, generator=generator) for n in ((12, 8), (3, 5), (8, 8)))
    return Batch(latents, states, torch.rand(2, generator=generator), wanted, part)


def loss(modules: dict[str, nn.Module], given: Batch) -> Tensor:
    """Squared error of the velocity; some weights have a gradient in some batches only, some in none."""
    encoder = modules["encoder"]
    states = encoder.widen(given.states)
    if given.part == 1:
        states = states + encoder.sometimes
    mask = torch.tensor([[True, True, True], [True, True, False]])
    made = modules["transformer"](given.latents, states, mask, given.t, [(1, 2, 4), (1, 2, 2)], 8)
    return (made - given.wanted).square().mean()


TOY = Toy(toy, lambda modules, step, part: loss(modules, batch(step, part)))


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return five_steps(TOY)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return together(__file__, 2, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def fours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return together(__file__, 4, tmp_path_factory.mktemp("four"))


def test_the_toy_is_a_hard_one(alone: dict[str, Any]) -> None:
    moved = {f"{name}/{key}": value for name, m in toy().items() for key, value in m.state_dict().items()}
    assert furthest(alone["weights"], moved) > 1e-2
    assert min(alone["norms"]) > OPTIM.clip
    assert abs(alone["swapped"] - alone["back"]) > 1e-4


@pytest.mark.parametrize("name", ["data 2", "tensor 2"])
def test_two_processes_take_the_steps_of_one(name: str, alone: dict[str, Any], pairs: dict[str, Any]) -> None:
    same(alone, pairs[name])


def test_four_processes_take_the_steps_of_one(alone: dict[str, Any], fours: dict[str, Any]) -> None:
    same(alone, fours["data 2 x tensor 2"])


def test_weights_travel_in_bfloat16_and_stay_float32(pairs: dict[str, Any]) -> None:
    rounded, made = five_steps(TOY, autocast=True), pairs["data 2, bfloat16"]
    assert made["used"] == {torch.bfloat16}
    assert {weight.dtype for weight in made["weights"].values()} == {torch.float32}
    assert rounded["losses"] == pytest.approx(made["losses"], rel=1e-2)
    assert rounded["norms"] == pytest.approx(made["norms"], rel=2e-2)
    assert furthest(rounded["weights"], made["weights"]) <= 5e-3


def test_a_collected_model_is_a_single_device_one(fours: dict[str, Any]) -> None:
    made = fours["data 2 x tensor 2"]
    modules = toy()
    for name, module in modules.items():
        state = {key.removeprefix(f"{name}/"): v for key, v in made["weights"].items() if key.startswith(name)}
        modules[name] = assembled(module.config, state) if isinstance(module, MMDiT) else module
        modules[name].load_state_dict(state)
    with torch.no_grad():
        assert float(loss(modules, batch(99, 0))) == pytest.approx(made["back"], rel=1e-5)


def test_each_process_reads_its_part_of_a_file(fours: dict[str, Any]) -> None:
    assert furthest(fours["read"], toy()["transformer"].state_dict()) == 0.0


def test_a_checkpoint_folder_begins_a_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    from hanmo.train.shard.load import load_parallel  # not at the top: transformers comes along, for each process
    from hanmo.weights.folder import load_transformer

    with joined(ShardConfig(), CPU, tmp_path / "store") as ranks:
        made = load_parallel(BUNDLED, ranks, ShardConfig())
        state = whole(made.state_dict(), ranks.first)
    single = load_transformer(BUNDLED, dtype=torch.float32)
    assert made.training
    assert all(parameter.requires_grad for parameter in made.parameters())
    assert furthest(state, single.state_dict()) == 0.0


@pytest.mark.parametrize("how", ["selective", "full"])
def test_forgotten_activations_change_no_number(how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_HERE", False)  # the counter does not know the products of oneDNN

    def run(kind: Any) -> tuple[Tensor, list[Tensor], int]:
        modules = toy()
        recompute(modules["transformer"], kind)
        with FlopCounterMode(display=False) as counter:
            made = loss(modules, batch(0, 0))
            made.backward()
        grads = [p.grad for m in modules.values() for p in m.parameters() if p.grad is not None]
        return made.detach(), grads, counter.get_total_flops()

    kept, forgotten = run("off"), run(how)
    assert torch.equal(kept[0], forgotten[0])
    assert all(torch.equal(one, two) for one, two in zip(kept[1], forgotten[1], strict=True))
    assert (forgotten[2] > 1.2 * kept[2]) if how == "full" else (forgotten[2] == kept[2])


def test_the_compiler_sees_blocks_that_forget(pairs: dict[str, Any]) -> None:
    assert pairs["compiled"]["graphs"] >= 2
    assert pairs["compiled"]["loss"] == pytest.approx(float(loss(toy(), batch(0, 0)).detach()))


def test_two_ways_to_forget_are_refused() -> None:
    model = toy()["transformer"]
    model.checkpointing = True
    with pytest.raises(ConfigError, match="is on"):
        recompute(model, "full")


def test_a_config_says_what_would_fit() -> None:
    with pytest.raises(ConfigError, match=r"shard\.data is 0"):
        ShardConfig(data=0)
    with pytest.raises(ConfigError, match=r"shard\.context is 0"):
        ShardConfig(context=0)
    with pytest.raises(ConfigError, match="leave 4 in a process; allowed: 1, 2, 4"):
        ShardConfig(context=3, tensor=2).check(6, 2, 8, autocast=False)
    config = ShardConfig(data=2, tensor=3)
    with pytest.raises(ConfigError, match="needs 6 processes, but 4"):
        config.check(4, 2, 24, autocast=False)
    with pytest.raises(ConfigError, match="multiple of 2"):
        config.check(6, 3, 24, autocast=False)
    with pytest.raises(ConfigError, match="allowed: 1, 2, 4, 8"):
        config.check(6, 2, 8, autocast=False)
    with pytest.raises(ConfigError, match=r"run\.precision"):
        ShardConfig(gather="bfloat16").check(1, 1, 8, autocast=False)
    config.check(6, 4, 24, autocast=False)


def test_muon_is_refused() -> None:
    modules = toy()
    with pytest.raises(ConfigError, match="adamw"):
        regroup(build(modules, replace(OPTIM, kind="muon")))


def test_a_process_that_torchrun_did_not_start_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match="torchrun --nproc-per-node 2"), joined(ShardConfig(data=2), CPU):
        pass
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match="needs 2 processes, but 4"), joined(ShardConfig(data=2), CPU):
        pass


def main(folder: Path) -> None:
    """Be one of the processes: the first scenario meets as torchrun says, the others in a file."""
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    count = int(os.environ["WORLD_SIZE"])
    if count == 2:
        results["compiled"] = compiled()
    for number, (name, config) in enumerate(SCENARIOS[count].items()):
        autocast = config.gather == "bfloat16"
        with joined(config, CPU, folder / f"store-{number}" if number else None) as ranks:
            config.check(ranks.count, ACCUMULATE, 2, autocast)
            results[name] = five_steps(TOY, config, ranks, autocast)
            if count == 4:
                results["read"] = read_back(config, ranks, folder / "toy.safetensors")
            ranks.wait()
            if ranks.first:
                torch.save(results, folder / "results.pt")


def compiled() -> dict[str, float]:
    """What torch's compiler is handed of blocks that forget; here, since it cannot read checks of shapes."""
    handed: list[Any] = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        handed.append(graph)
        return graph.forward

    modules = toy()
    recompute(modules["transformer"], "full")
    for block in modules["transformer"].transformer_blocks:
        block.compile(dynamic=True, backend=backend)
    made = loss(modules, batch(0, 0))
    made.backward()
    return {"graphs": len(handed), "loss": float(made.detach())}


def read_back(config: ShardConfig, ranks: MeshRanks, path: Path) -> dict[str, Tensor]:
    """The toy's weights, written to a file, read in parts and collected."""
    single = toy()["transformer"]
    if ranks.first:
        save_file(single.state_dict(), path)
    ranks.wait()
    with torch.device("meta"):
        model = MMDiT(single.config)
    parallelise(model, ranks, config)
    model.to_empty(device=CPU)
    read_parts(model, read_header(path))
    return whole(model.state_dict(), ranks.first)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
