"""How the processes of a run divide one model (report section 4.1.2: data and tensor parallelism, TP 4).

The report trains with a distributed optimizer, bfloat16 all-gather and float32 reduce-scatter, tensor
parallelism of degree 4 with head-wise attention, and without activation checkpointing, which cost it 3.75
times the step's time for 11 % of memory. Checkpointing is "off" by default here too, but it can be chosen.

The report has no context parallelism (tokens of one batch on several devices): its longest sequences fit one device
once heads are dealt out. It is optional here, for longer ones. It knows no tensors and no processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hanmo.errors import ConfigError

_WHY = {
    "muon": "needs whole matrices",
    "adamw8bit": "is bitsandbytes', which knows no shards",
    "paged_adamw8bit": "is bitsandbytes', which knows no shards",
}
"""What keeps other optimizers from shards."""


@dataclass(frozen=True)
class ShardConfig:
    """Three degrees whose product is the number of processes, and what is traded for memory.

    Attributes:
        data: groups that the batches of a step are dealt out to. Among these and the context processes weights,
            gradients, averages and the optimizer's states lie in shards (FSDP2, ZeRO 3).
        context: processes of a group that share its batches and divide the tokens of each (Ulysses).
        tensor: processes that share batches and tokens, and divide heads and MLPs.
        checkpointing: activations not kept for the backward pass: none ("off"), all but products of matrices
            and attention ("selective"), all inside a block ("full").
        gather: number format in which blocks' weights are collected before use. Masters and the reduction
            of gradients are always float32; "bfloat16" needs `run.precision = "bfloat16"`.
    """

    data: int = 1
    context: int = 1
    tensor: int = 1
    checkpointing: Literal["off", "selective", "full"] = "off"
    gather: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a degree below 1; the message names the key.
        """
        for key in ("data", "context", "tensor"):
            if getattr(self, key) < 1:
                raise ConfigError(f"shard.{key} is {getattr(self, key)}; it must be at least 1")

    @property
    def count(self) -> int:
        """Processes in all."""
        return self.shards * self.tensor

    @property
    def shards(self) -> int:
        """Pieces that weights lie in, beside heads that are dealt out."""
        return self.data * self.context

    @property
    def words(self) -> str:
        """The degrees, for people."""
        return f"shard.data {self.data} x shard.context {self.context} x shard.tensor {self.tensor}"

    def check_copies(self, processes: int) -> None:
        """Check that processes are started in one way.

        Raises:
            ConfigError: copies of a divided model.
        """
        if self.count > 1 and processes > 1:
            raise ConfigError(
                f"run.processes is {processes} with {self.words}: the processes of a "
                "divided model are started by torchrun, so set run.processes = 1"
            )

    def refuse_context(self, kind: str) -> None:
        """Say that runs of a kind look at tokens that another process would have.

        Raises:
            ConfigError: tokens are divided.
        """
        if self.context > 1:
            raise ConfigError(
                f'shard.context is {self.context}, but kind = "{kind}" knows data and tensor alone: set it to 1 and '
                "raise shard.data"
            )

    def check(self, processes: int, accumulate: int, heads: int, autocast: bool) -> None:
        """Check this against a run and its model, before anything is built.

        Args:
            processes: started (torchrun's WORLD_SIZE).
            accumulate: batches of one step.
            heads: attention heads of the transformer.
            autocast: whether products are made in bfloat16.

        Raises:
            ConfigError: what does not fit; the message says which numbers would.
        """
        if processes != self.count:
            raise ConfigError(
                f"{self.words} needs {self.count} processes, but {processes} "
                f"were started; start torchrun with {self.count}, or change the degrees"
            )
        if accumulate % self.data:
            raise ConfigError(
                f"run.accumulate is {accumulate} and shard.data {self.data}: the batches of a step are dealt out "
                f"evenly, so accumulate must be a multiple of {self.data}"
            )
        if heads % self.tensor:
            fit = ", ".join(str(n) for n in range(1, heads + 1) if heads % n == 0)
            raise ConfigError(f"shard.tensor is {self.tensor}, but {heads} heads are dealt out evenly; allowed: {fit}")
        if heads // self.tensor % self.context:
            fit = ", ".join(str(n) for n in range(1, heads + 1) if heads // self.tensor % n == 0)
            raise ConfigError(
                f"shard.context is {self.context}, but attention exchanges tokens for heads, and {heads} heads over "
                f"shard.tensor {self.tensor} leave {heads // self.tensor} in a process; allowed: {fit}"
            )
        if self.gather == "bfloat16" and not autocast:
            raise ConfigError(
                'shard.gather is "bfloat16" while products are made in float32; set run.precision = "bfloat16", or '
                'shard.gather = "float32"'
            )


def check_optimizer(kind: str) -> None:
    """Check that an optimizer of a divided model works number by number, on torch's own shards.

    Args:
        kind: `optim.kind`.

    Raises:
        ConfigError: it is another than AdamW.
    """
    if kind != "adamw":
        raise ConfigError(f'optim.kind is "{kind}", which {_WHY[kind]}; with shards use optim.kind = "adamw"')
