"""A shallower transformer out of a deep one: which blocks stay, and the model that they make.

The report has one depth, 60 blocks. Half of them, some 10B parameters, is our choice for a student; how it learns is
in `objectives/distill_depth`. A block adds to its streams, so a model without it is still one, a worse one. Which
blocks stay is either every second one, or measured: the block whose absence changes the velocity least goes first,
then the next, looked for among those that are left. That costs some 3/8 n^2 forward passes to lose half of n blocks.

It does not know training, batches or files. Letters: n blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.log import get_logger
from hanmo.model.mmdit import MMDiT

log = get_logger(__name__)

_BLOCKS = "transformer_blocks."

Measure = Callable[[MMDiT], Tensor]
"""The velocity that a model predicts on some fixed inputs."""


def prune(teacher: MMDiT, keep: Sequence[int]) -> MMDiT:
    """The teacher with the blocks `keep` only; its weights are the teacher's own tensors, not copies.

    Args:
        teacher: any depth.
        keep: numbers of blocks, rising, counted from 0.

    Raises:
        ConfigError: no block, an unknown one, or numbers that do not rise.
    """
    weights = teacher.state_dict()
    names = pruned_names(weights, len(teacher.transformer_blocks), keep)
    state = {name: weights[there] for name, there in names.items()}
    with torch.device("meta"):
        student = MMDiT(dataclasses.replace(teacher.config, num_layers=len(keep)))
    student.load_state_dict(state, assign=True)
    theirs: Any = teacher.transformer_blocks
    ours: Any = student.transformer_blocks
    for block, number in zip(ours, keep, strict=True):
        block.attn.attend = theirs[number].attn.attend
    return student.train(teacher.training)


def pruned_names(names: Iterable[str], count: int, keep: Sequence[int]) -> dict[str, str]:
    """What the tensors of a student are called, and what each is called in its teacher.

    Args:
        names: of the teacher's tensors.
        count: the teacher's blocks.
        keep: numbers of blocks, rising, counted from 0.

    Raises:
        ConfigError: no block, an unknown one, or numbers that do not rise.
    """
    _check(keep, count)
    place = {number: place for place, number in enumerate(keep)}
    found: dict[str, str] = {}
    for name in names:
        if not name.startswith(_BLOCKS):
            found[name] = name
            continue
        digits, rest = name.removeprefix(_BLOCKS).split(".", 1)
        if int(digits) in place:
            found[f"{_BLOCKS}{place[int(digits)]}.{rest}"] = name
    return found


def every_second(count: int, keep: int) -> tuple[int, ...]:
    """`keep` of `count` blocks, evenly spread; the first and the last stay (60 -> 30: 0, 2, 4, ..., 56, 59).

    Raises:
        ConfigError: fewer than one, or more than there are.
    """
    _check_number(keep, count)
    return (0,) if keep == 1 else tuple(place * (count - 1) // (keep - 1) for place in range(keep))


@torch.no_grad()
def least_missed(teacher: MMDiT, keep: int, measure: Measure) -> tuple[int, ...]:
    """`keep` blocks, after those were left out one by one whose absence changes the velocity least.

    Args:
        teacher: any depth.
        keep: how many blocks stay.
        measure: must always use the same inputs.

    Raises:
        ConfigError: as `every_second`.
    """
    count = len(teacher.transformer_blocks)
    _check_number(keep, count)
    wanted = measure(teacher).float()
    left = tuple(range(count))
    while len(left) > keep:
        change = {
            block: float((measure(prune(teacher, [b for b in left if b != block])).float() - wanted).square().mean())
            for block in left
        }
        least = min(change, key=lambda block: (change[block], block))
        left = tuple(block for block in left if block != least)
        share = (change[least] / max(float(wanted.square().mean()), 1e-30)) ** 0.5
        log.info("without block %d: %.3f of the velocity has changed, %d blocks left", least, share, len(left))
    return left


def _check_number(keep: int, count: int) -> None:
    if not 1 <= keep <= count:
        raise ConfigError(f"depth.keep is {keep}; the teacher has {count} blocks, so give 1 to {count}")


def _check(keep: Sequence[int], count: int) -> None:
    if not keep or list(keep) != sorted(set(keep)) or not 0 <= keep[0] <= keep[-1] < count:
        raise ConfigError(
            f"depth.blocks is {list(keep)}; give numbers from 0 to {count - 1} that rise, without repeats"
        )
