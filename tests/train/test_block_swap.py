from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor

pytest.importorskip("peft")

from hanmo.errors import ConfigError, RequestError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.adapters import AdapterConfig, Trained, adapt
from hanmo.train.block_swap import swap_blocks
from hanmo.train.frozen import round_frozen

BLOCKS = 3


class Device:
    """A place to compute that counts: copies of tensors, and how many bytes of them are alive at once."""

    def __init__(self) -> None:
        self.alive, self.most, self.copies = 0, 0, 0

    def take(self, home: Tensor) -> Tensor:
        copy = home.clone()
        self.copies += 1
        self.alive += copy.nbytes
        self.most = max(self.most, self.alive)
        weakref.finalize(copy.untyped_storage(), self._gone, copy.nbytes)
        return copy

    def _gone(self, size: int) -> None:
        self.alive -= size


def model(eight: bool) -> tuple[MMDiT, Trained]:
    torch.manual_seed(0)
    transformer = MMDiT(
        TransformerConfig(
            num_layers=BLOCKS,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=12,
            axes_dims_rope=(4, 2, 2),
        )
    )
    weights = adapt(transformer, AdapterConfig(rank=2), seed=0)
    with torch.no_grad():
        for parameter in weights.parameters():
            parameter.add_(0.05)
    if eight:
        round_frozen(transformer, "int8")
    transformer.checkpointing = True
    return transformer, weights


def step(transformer: MMDiT, weights: Trained) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    latents, states = (torch.randn(2, n, d, generator=generator) for n, d in ((8, 64), (3, 12)))
    made = transformer(latents, states, None, torch.tensor([0.2, 0.7]), [(1, 2, 4)])
    made.square().mean().backward()
    return [made.detach(), *(p.grad for p in weights.parameters() if p.grad is not None)]


@pytest.mark.parametrize("eight", [False, True])
@pytest.mark.parametrize("keep", [1, 2])
def test_swapped_blocks_give_the_same_bits_and_no_more_than_so_many_are_there(keep: int, eight: bool) -> None:
    wanted = step(*model(eight))
    transformer, weights = model(eight)
    device = Device()
    block = transformer.transformer_blocks[0]
    frozen = [t for t in (*block.parameters(), *block.buffers()) if not t.requires_grad]
    modulated = [t for name in ("img_mod", "txt_mod") for t in _tensors(block.get_submodule(name))]
    largest = sum(t.nbytes for t in frozen) - sum(t.nbytes for t in modulated)
    swap = swap_blocks(transformer, keep, torch.device("cpu"), device.take)
    made = step(transformer, weights)
    assert len(made) == len(wanted) > 6
    assert all(torch.equal(a, b) for a, b in zip(made, wanted, strict=True))
    gc.collect()
    assert len(swap.resident) == keep
    assert largest < device.most + 1 <= keep * largest + 1
    assert device.alive <= keep * largest
    # Two modulations and the block on the way forward; on the way back all but those still there.
    assert swap.brought == 3 * BLOCKS + BLOCKS - keep
    assert device.copies > 0


def test_what_learns_is_never_moved_away() -> None:
    transformer, weights = model(eight=False)
    places = {name: p.data_ptr() for name, p in weights.named_parameters()}
    swap_blocks(transformer, 1, torch.device("cpu"), lambda home: home.clone())
    step(transformer, weights)
    assert places == {name: p.data_ptr() for name, p in weights.named_parameters()}


def test_block_swap_without_checkpointing_or_without_a_block_is_refused() -> None:
    transformer, _ = model(eight=False)
    with pytest.raises(ConfigError, match="resident_blocks is 0"):
        swap_blocks(transformer, 0, torch.device("cpu"))
    transformer.checkpointing = False
    with pytest.raises(RequestError, match="checkpointing"):
        swap_blocks(transformer, 1, torch.device("cpu"))


def _tensors(module: torch.nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
