"""Optimizers and averages of weights that lie in shards, and the whole of a state on one process.

AdamW and the moving average work element by element, so each process keeps them for what it holds: the
"distributed optimizer" of the report (section 4.1.2) is AdamW over DTensors. Muon is not: it needs whole matrices.

It does not know files.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.optim import EMA, Muon
from hanmo.train.shard.gradients import local


def regroup(optimizers: Sequence[torch.optim.Optimizer]) -> None:
    """Cut the groups of new optimizers by how weights lie, in place: one fused update takes one kind only.

    Raises:
        ConfigError: Muon is among them.
    """
    for optimizer in optimizers:
        if isinstance(optimizer, Muon):
            raise ConfigError('optim.kind is "muon", which needs whole matrices; with shards use optim.kind = "adamw"')
        groups: list[dict[str, Any]] = []
        for group in optimizer.param_groups:
            kinds: dict[Hashable, list[Tensor]] = {}
            for parameter in group["params"]:
                kind = parameter.device_mesh if isinstance(parameter, DTensor) else None
                kinds.setdefault(kind, []).append(parameter)
            groups += [{**group, "params": parameters} for parameters in kinds.values()]
        optimizer.param_groups[:] = groups


class ShardedEMA(EMA):
    """The moving average of weights in shards; make it after the weights were put there."""

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after update number `step` (counted from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        averages = [local(average) for average in self._average.values()]
        torch._foreach_lerp_(averages, [local(weight) for weight in self._live.values()], 1.0 - decay)


@torch.no_grad()
def whole(state: Mapping[str, Tensor], first: bool, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Collect a state (a module's, an average's) on the first process; every process must call it.

    One tensor is collected at a time, so no device holds more than its own shards and one whole tensor.

    Args:
        state: names and tensors, in the same order everywhere.
        first: whether this process keeps the result.
        dtype: to which numbers with a point are rounded; None keeps theirs.

    Returns:
        Tensors on the CPU with memory of their own, on the first process; nothing on the others.
    """
    kept: dict[str, Tensor] = {}
    for name, tensor in state.items():
        full = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        if first:
            target = dtype if dtype is not None and full.is_floating_point() else full.dtype
            kept[name] = full.detach().to("cpu", target, copy=True)
    return kept


def assembled(config: TransformerConfig, state: Mapping[str, Tensor]) -> MMDiT:
    """A single-device transformer around a collected state, to preview with and to export; no weight is copied."""
    with torch.device("meta"):
        model = MMDiT(config)
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)
