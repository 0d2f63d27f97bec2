"""Weights, gradients and optimizer states in shards over data and context processes (FSDP2; report section 4.1.2).

A block's weights are collected when it is computed and dropped again; its gradients are summed and divided
at once. Three things are due to this model and this loop. The modulation layers are units of their own,
since `MMDiT.modulation` computes all of them before the first block. Gradients are summed and not averaged:
the loop has divided each loss by the number of batches of the whole step. And the root's weights are dropped
after the forward pass too: kept ones would outlive `EMA.swap`.

With bfloat16 gathering, autocast decides what is computed in what, as on one device; embedders and the output
layer stay float32, so that the timestep is not rounded.

It does not know tensor or context parallelism; weights that are DTensors already get a second axis.
"""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

from hanmo.model.mmdit import Block, MMDiT


def shard_weights(model: MMDiT, groups: DeviceMesh, gather: Literal["float32", "bfloat16"]) -> None:
    """Put the weights of `model` in shards over `groups`, in place; optimizers and averages are made after.

    Args:
        model: with float32 weights, the same in each process.
        groups: the mesh's axis of shards.
        gather: format in which weights of blocks travel.
    """
    # Results of blocks may be views; torch warns of in-place sums on them, and the model makes none.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
    summing = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    inside = summing
    if gather == "bfloat16":
        inside = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    for block in model.transformer_blocks:
        assert isinstance(block, Block)
        for unit in (block.img_mod[1], block.txt_mod[1], block):
            fully_shard(unit, mesh=groups, mp_policy=inside, reshard_after_forward=True)
    fully_shard(model, mesh=groups, mp_policy=summing, reshard_after_forward=True)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # a plain sum; gloo has no other with a factor
