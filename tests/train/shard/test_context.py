"""Processes that divide the tokens of a batch take the steps of one, whatever stands in its rows.

This file is also the program of those processes (see the end), as in `test_shard`: the first
process saves the collected weights, averages, norms and losses.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hanmo.model import linear
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.attention import use_plain_attention
from hanmo.train.plan.flops import Work
from hanmo.train.plan.memory import activation_bytes
from hanmo.train.rows import Shapes, row_positions, tokens_of
from hanmo.train.shard.config import ShardConfig
from hanmo.train.shard.context import split_tokens
from hanmo.train.shard.mesh import MeshRanks, joined
from tests.train.shard.steps import ACCUMULATE, Readout, Toy, five_steps, furthest, randomise, same, together

pytestmark = pytest.mark.slow
"""Several processes each."""

SCENARIOS = {
    2: {
        "context 2": ShardConfig(context=2),
        "context 2, full": ShardConfig(context=2, checkpointing="full"),
        "context 2, selective, bfloat16": ShardConfig(context=2, checkpointing="selective", gather="bfloat16"),
    },
    4: {
        "data 2 x context 2": ShardConfig(data=2, context=2),
        "context 2 x tensor 2": ShardConfig(context=2, tensor=2, checkpointing="selective"),
        "context 4": ShardConfig(context=4),
    },
    8: {"data 2 x context 2 x tensor 2": ShardConfig(data=2, context=2, tensor=2)},
}
TARGET = (1, 3, 5)
LAYOUTS: tuple[tuple[tuple[Shapes, ...], tuple[int, ...]], ...] = (
    # The rows' pictures, and how long their texts are: nothing comes out even.
    (((TARGET,), (TARGET, (1, 3, 3)), (TARGET, (1, 1, 3), (1, 2, 2))), (7, 3, 5)),
    (((TARGET,), (TARGET,), (TARGET,)), (1, 1, 1)),
    (((TARGET, (1, 3, 5)),) * 3, (5, 5, 5)),
    (((TARGET,), (TARGET, (1, 1, 1)), (TARGET,)), (4, 4, 2)),
)
CONFIG = TransformerConfig(
    in_channels=8, out_channels=2, num_layers=3, attention_head_dim=8, num_attention_heads=4,
    joint_attention_dim=12, axes_dims_rope=(2, 2, 4),
)  # fmt: skip


WORK = Work(3, 64, 32)


@dataclass(frozen=True)
class Batch:
    """Text to image and edits side by side."""

    rows: tuple[Shapes, ...]
    lengths: tuple[int, ...]
    latents: Tensor
    states: Tensor
    t: Tensor
    wanted: Tensor
    part: int


def toy() -> dict[str, nn.Module]:
    """A toy transformer, no weight of which is zero, and a readout before it, a copy of which is in each process."""
    return randomise({"transformer": MMDiT(CONFIG), "encoder": Readout()})


def batch(step: int, part: int) -> Batch:
    """A function of its two numbers, as the loop asks; every layout comes in each step."""
    generator = torch.Generator().manual_seed(1000 * step + part)
    rows, lengths = LAYOUTS[part % len(LAYOUTS)]
    sources = max(tokens_of(shapes) for shapes in rows)
    made = [torch.randn(3, *n, generator=generator) for n in ((15 + sources, 8), (max(lengths), 5), (15, 8))]
    return Batch(rows, lengths, made[0], made[1], torch.rand(3, generator=generator), made[2], part)


def loss(modules: dict[str, nn.Module], given: Batch) -> Tensor:
    """Squared error of the velocity; each row with its own positions, and with masks of text and sources."""
    encoder, transformer = modules["encoder"], modules["transformer"]
    assert isinstance(transformer, MMDiT)
    states = encoder.widen(given.states)
    if given.part == 1:
        states = states + encoder.sometimes
    length = max(given.lengths)
    mask = None
    if min(given.lengths) < length:
        mask = torch.arange(length)[None] < torch.tensor(given.lengths)[:, None]
    use_plain_attention(transformer)
    shapes = row_positions(transformer).use(given.rows, mask, length, torch.device("cpu"))
    made = transformer(given.latents, states, mask, given.t, shapes, 15)
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


@pytest.mark.parametrize("name", ["context 2", "context 2, full"])
def test_two_processes_divide_tokens_and_take_the_steps_of_one(
    name: str, alone: dict[str, Any], pairs: dict[str, Any]
) -> None:
    same(alone, pairs[name])


def test_what_travels_under_autocast_is_rounded_and_no_more(pairs: dict[str, Any]) -> None:
    rounded, made = five_steps(TOY, autocast=True), pairs["context 2, selective, bfloat16"]
    assert rounded["losses"] == pytest.approx(made["losses"], rel=1e-2)
    assert rounded["norms"] == pytest.approx(made["norms"], rel=2e-2)
    assert furthest(rounded["weights"], made["weights"]) <= 1e-2


@pytest.mark.parametrize("name", list(SCENARIOS[4]))
def test_tokens_are_divided_beside_batches_and_heads(name: str, alone: dict[str, Any], fours: dict[str, Any]) -> None:
    same(alone, fours[name])


def test_what_two_processes_keep_is_what_a_plan_says(pairs: dict[str, Any]) -> None:
    assert activation_bytes(CONFIG, WORK, 1, "off", 4.0, context=2) == pytest.approx(pairs["kept"], rel=0.03)
    assert pairs["kept"] < 0.7 * activation_bytes(CONFIG, WORK, 1, "off", 4.0)


def kept(ranks: MeshRanks) -> int:
    """Bytes that autograd keeps in a process of two; counted as `test_memory` counts those of one."""
    assert ranks.context is not None
    linear._HERE = False  # the counter does not know the products of oneDNN
    model = MMDiT(CONFIG)
    split_tokens(model, ranks.context)
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    latents = torch.randn(WORK.pictures, WORK.image, CONFIG.in_channels)
    states = torch.randn(WORK.pictures, WORK.text, CONFIG.joint_attention_dim)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        made = model(latents, states, None, torch.rand(WORK.pictures), ((1, 4, WORK.target // 4),), WORK.target)
    assert made.requires_grad
    linear._HERE = True
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


def main(folder: Path) -> None:
    """Be one of the processes: the first scenario meets as torchrun says, the others in a file."""
    torch.set_num_threads(1)
    results: dict[str, Any] = {}
    for number, (name, config) in enumerate(SCENARIOS[int(os.environ["WORLD_SIZE"])].items()):
        autocast = config.gather == "bfloat16"
        with joined(config, torch.device("cpu"), folder / f"store-{number}" if number else None) as ranks:
            config.check(ranks.count, ACCUMULATE, CONFIG.num_attention_heads, autocast)
            results[name] = five_steps(TOY, config, ranks, autocast)
            if name == "context 2":
                results["kept"] = kept(ranks)
            ranks.wait()
            if ranks.first:
                torch.save(results, folder / "results.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
