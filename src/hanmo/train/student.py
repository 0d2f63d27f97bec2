"""A student and its teacher as this process holds them: whole, or in shards over the same mesh (`shard`).

A student in shards reads what it keeps of its teacher's files, tensor by tensor, and shares no memory with it; one that
is whole is a copy of the teacher at hand. It does not know which blocks are kept why (`prune`), losses or stores.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch

from hanmo.model.mmdit import MMDiT
from hanmo.train.attention import use_plain_attention
from hanmo.train.distill_recipe import DistillRecipe
from hanmo.train.divided import device_of
from hanmo.train.prune import prune
from hanmo.train.ranks import Ranks
from hanmo.train.shard.load import load_parallel
from hanmo.train.shard.mesh import MeshRanks
from hanmo.train.shard.parallel import compile_blocks, prepare_blocks
from hanmo.weights.folder import Folder, load_transformer


def teacher_of(recipe: DistillRecipe, checkpoint: Folder, ranks: Ranks) -> MMDiT:
    """The teacher's transformer, float32, frozen and in evaluation mode.

    Raises:
        ConfigError: `shard` does not fit the model or the run.
        WeightsError: the files do not fit the config, or are damaged.
    """
    run, shard = recipe.run, recipe.shard
    if isinstance(ranks, MeshRanks):
        shard.check(ranks.count, run.accumulate, checkpoint.transformer.num_attention_heads, run.precision != "float32")
        kept = replace(shard, checkpointing="off")  # nothing of it is kept for a backward pass
        teacher = load_parallel(checkpoint.path, ranks, kept, run.compile, learns=False)
    else:
        teacher = load_transformer(checkpoint, dtype=torch.float32).requires_grad_(False).to(device_of(ranks, run))
    if run.device == "cpu":
        use_plain_attention(teacher)
    return teacher


def student_of(
    recipe: DistillRecipe, checkpoint: Folder, teacher: MMDiT, ranks: Ranks, keep: Sequence[int] | None
) -> MMDiT:
    """The student before its first step, in training mode; where `run.compile` says so, both are compiled now.

    Args:
        recipe: what blocks forget, and whether they are compiled.
        checkpoint: the teacher's.
        teacher: see `teacher_of`.
        ranks: of the run.
        keep: the teacher's blocks that stay; None for all of them.

    Raises:
        ConfigError: blocks that the teacher has not.
    """
    if isinstance(ranks, MeshRanks):
        student = load_parallel(checkpoint.path, ranks, recipe.shard, recipe.run.compile, keep)
        if recipe.run.device == "cpu":
            use_plain_attention(student)
        return student
    # A copy; the function by which it attends is shared, what its rows add to it (`rows`) is not.
    student = copy.deepcopy(teacher if keep is None else prune(teacher, keep)).train().requires_grad_(True)
    prepare_blocks(student, recipe.shard.checkpointing, recipe.run.compile)
    if recipe.run.compile:
        compile_blocks(teacher)
    return student
