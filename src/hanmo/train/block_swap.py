"""Block swap: the frozen weights of a transformer lie in the computer's memory, a few blocks on the accelerator.

Before a block computes, its frozen tensors are brought in, and those that were used longest ago are dropped; they never
change, so dropping costs nothing: the copy in memory is the original. Going backward, activation checkpointing runs
each block once more just before its gradients are computed, which brings it in again; without checkpointing autograd
would keep every weight where it was used, so it is required. What learns stays on the accelerator. The tables of
modulation are made for all blocks at once before the first one: each counts as a unit of its own.

Musubi and others swap blocks too; this is ours and has no second stream, so copies are not hidden behind arithmetic.
It does not know adapters, eight bits or devices other than by what it moves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hanmo.errors import ConfigError, RequestError
from hanmo.model.mmdit import MMDiT

Move = Callable[[Tensor], Tensor]


@dataclass(eq=False)
class Unit:
    """Tensors that come and go together: (owner, name, the tensor at home)."""

    tensors: Sequence[tuple[nn.Module, str, Tensor]]

    def bring(self, move: Move) -> None:
        """Let the owners use moved copies."""
        for owner, name, home in self.tensors:
            _set(owner, name, move(home))

    def drop(self) -> None:
        """Let the owners use the tensors at home again."""
        for owner, name, home in self.tensors:
            _set(owner, name, home)


@dataclass(eq=False)
class Swap:
    """Which units are on the accelerator, the one used last at the end; at most `keep`."""

    keep: int
    move: Move
    resident: OrderedDict[int, Unit] = field(default_factory=OrderedDict)
    brought: int = 0

    def need(self, unit: Unit) -> None:
        """See that a unit is there."""
        if id(unit) in self.resident:
            self.resident.move_to_end(id(unit))
            return
        while len(self.resident) >= self.keep:
            self.resident.popitem(last=False)[1].drop()
        unit.bring(self.move)
        self.resident[id(unit)] = unit
        self.brought += 1


def swap_blocks(transformer: MMDiT, keep: int, device: torch.device, move: Move | None = None) -> Swap:
    """Leave a transformer's frozen block weights where they are and bring them to a device when they are used.

    Args:
        transformer: on the CPU, adapted (or frozen) and checkpointing; what is not a frozen tensor of a block is moved
            to the device now.
        keep: units on the device at a time, at least 1; a block is one, each of its two modulations another.
        device: where it computes.
        move: how a tensor gets there; None copies it, from pinned memory where that exists.

    Raises:
        ConfigError: `keep` is below 1.
        RequestError: the transformer does not checkpoint its activations.
    """
    if keep < 1:
        raise ConfigError(f"memory.resident_blocks is {keep}; at least one block must be on the accelerator")
    if not transformer.checkpointing:
        raise RequestError("block swap needs activation checkpointing: set transformer.checkpointing = True first")
    if move is None:

        def move(home: Tensor) -> Tensor:
            return home.to(device, non_blocking=True)

    swap = Swap(keep, move)
    homes: list[tuple[nn.Module, str, Tensor]] = []
    for block in transformer.transformer_blocks:
        for hooked, parts in _units(block):
            unit = Unit([triple for part in parts for triple in _frozen(part)])
            homes += unit.tensors
            hooked.register_forward_pre_hook(_before(swap, unit))
    for owner, name, tensor in homes:  # out of the way while all else moves
        _set(owner, name, tensor.new_empty(0))
    transformer.to(device)
    for owner, name, home in homes:
        _set(owner, name, home)
    return swap


def _before(swap: Swap, unit: Unit) -> Callable[[nn.Module, Any], None]:
    def hook(module: nn.Module, inputs: Any) -> None:
        swap.need(unit)

    return hook


def _units(block: nn.Module) -> list[tuple[nn.Module, list[nn.Module]]]:
    """Of one block: what is called, and whose tensors that call needs."""
    modulations = [block.get_submodule("img_mod.1"), block.get_submodule("txt_mod.1")]
    rest = [child for name, child in block.named_children() if name not in ("img_mod", "txt_mod")]
    return [(block, rest), *((module, [module]) for module in modulations)]


def _frozen(part: nn.Module) -> list[tuple[nn.Module, str, Tensor]]:
    """Every tensor below a module that does not learn."""
    found = []
    for owner in part.modules():
        named = [*owner.named_parameters(recurse=False), *owner.named_buffers(recurse=False)]
        found += [(owner, name, _pinned(tensor.data)) for name, tensor in named if not tensor.requires_grad]
    return found


def _pinned(tensor: Tensor) -> Tensor:
    return tensor.pin_memory() if torch.cuda.is_available() else tensor


def _set(owner: nn.Module, name: str, value: Tensor) -> None:
    if name in owner._parameters:
        owner.get_parameter(name).data = value
    else:
        owner._buffers[name] = value
