"""What a run on a user's folder is told: `kind = "lora"` trains an adapter, `kind = "sft"` the whole transformer.

Defaults are those that users of the released model found good for adapters (rank 16, 1e-4); the report gives no numbers
for either. It knows no tensors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hanmo.errors import ConfigError
from hanmo.train.adapters import AdapterConfig
from hanmo.train.batches import MixConfig
from hanmo.train.optim import OptimConfig
from hanmo.train.plan.config import PlanConfig
from hanmo.train.run_config import RunConfig
from hanmo.train.shard.config import ShardConfig


@dataclass(frozen=True)
class FolderConfig:
    """Where examples are.

    Attributes:
        folder: pictures and texts (`folder_data` says how they are named).
        size: what pictures for text-to-image are brought to, in this area; [0, 0] takes the checkpoint's.
    """

    folder: Path = Path("pictures")
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check the size.

        Raises:
            ConfigError: sides that are no multiples of 16.
        """
        if any(side < 0 or side % 16 for side in self.size) or (0 in self.size) != (self.size == (0, 0)):
            raise ConfigError(
                f"data.size is {list(self.size)}; give two multiples of 16, or [0, 0] for the model's own"
            )


@dataclass(frozen=True)
class MemoryConfig:
    """How a large transformer fits.

    Attributes:
        base: what frozen weights are kept in; int8 and float8 are for adapters.
        checkpointing: compute activations twice rather than keep them.
        resident_blocks: blocks on the accelerator at a time, the rest in the computer's memory; 0 is all of them.
    """

    base: Literal["float32", "bfloat16", "int8", "float8"] = "float32"
    checkpointing: bool = False
    resident_blocks: int = 0

    def __post_init__(self) -> None:
        """Check that the wishes go together.

        Raises:
            ConfigError: blocks to be swapped without checkpointing, or fewer than none.
        """
        if self.resident_blocks < 0:
            raise ConfigError(f"memory.resident_blocks is {self.resident_blocks}; it must be at least 0 (all)")
        if self.resident_blocks and not self.checkpointing:
            raise ConfigError("memory.resident_blocks needs memory.checkpointing = true")

    def check_shards(self) -> None:
        """Check that a frozen base can lie in shards.

        Raises:
            ConfigError: it is in eight bits, or its blocks are to be swapped.
        """
        if self.base in ("int8", "float8"):
            raise ConfigError(
                f'memory.base is "{self.base}", whose weights are whole in each process: with shards set '
                'memory.base = "bfloat16" and raise shard.data; without them begin a new run'
            )
        if self.resident_blocks:
            raise ConfigError(
                f"memory.resident_blocks is {self.resident_blocks}, but shards come and go block by block already: "
                "with them set it to 0; without them begin a new run"
            )


@dataclass(frozen=True)
class ShowConfig:
    """Pictures painted while training; the encoder and the VAE are loaded for them and let go again.

    Attributes:
        prompts: of text-to-image; what stands in double quotes is read by a judge.
        seed: of the first picture.
        steps: of the sampler; 0 takes the checkpoint's.
    """

    prompts: tuple[str, ...] = ()
    seed: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a negative number of steps.
        """
        if self.steps < 0:
            raise ConfigError(f"show.steps is {self.steps}; it must be at least 0 (the checkpoint's)")


@dataclass(frozen=True)
class LoraRecipe:
    """A run that trains an adapter; `model` is a folder, a hub id, or "" for the bundled model."""

    name: str = "lora"
    kind: Literal["lora"] = "lora"
    seed: int = 0
    model: str = ""
    run: RunConfig = field(default_factory=lambda: RunConfig(batch=1))
    data: FolderConfig = field(default_factory=FolderConfig)
    mix: MixConfig = field(default_factory=lambda: MixConfig(edit_dropout=0.05))
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(lr=1e-4, ema=0.99))
    show: ShowConfig = field(default_factory=ShowConfig)
    shard: ShardConfig = field(default_factory=ShardConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check that the tables go together.

        Raises:
            ConfigError: an optimizer that is for whole matrices; copies of a divided model; with shards a base that
                cannot lie in them; checkpointing said twice, or elsewhere than in `memory`.
        """
        if self.optim.kind == "muon":
            raise ConfigError('optim.kind is "muon", which is for whole matrices; an adapter needs "adamw"')
        self.shard.check_copies(self.run.processes)
        if self.shard.tensor > 1:
            raise ConfigError(
                f"shard.tensor is {self.shard.tensor}, but adapters are not cut by heads: set shard.tensor = 1 and "
                f"shard.data = {self.shard.count}"
            )
        self.shard.refuse_context(self.kind)
        if self.shard.checkpointing != "off":
            raise ConfigError(
                f'shard.checkpointing is "{self.shard.checkpointing}", which forgets random numbers that dropout of '
                "an adapter draws: for lora set memory.checkpointing = true"
            )
        if self.shard.count > 1:
            self.memory.check_shards()


@dataclass(frozen=True)
class SFTRecipe:
    """A run that goes on training the whole transformer, on few and good pictures; the encoder rests."""

    name: str = "sft"
    kind: Literal["sft"] = "sft"
    seed: int = 0
    model: str = ""
    run: RunConfig = field(default_factory=RunConfig)
    data: FolderConfig = field(default_factory=FolderConfig)
    mix: MixConfig = field(default_factory=lambda: MixConfig(edit_dropout=0.05))
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(lr=1e-5, ema=0.99))
    show: ShowConfig = field(default_factory=ShowConfig)
    shard: ShardConfig = field(default_factory=ShardConfig)
    plan: PlanConfig | None = None

    def __post_init__(self) -> None:
        """Check that the tables go together.

        Raises:
            ConfigError: a frozen base, or blocks swapped: everything learns here; checkpointing said twice;
                copies of a divided model.
        """
        self.shard.check_copies(self.run.processes)
        if self.memory.base != "float32" or self.memory.resident_blocks:
            raise ConfigError(
                'kind = "sft" trains every weight in float32: memory.base and resident_blocks are for lora'
            )
        if self.memory.checkpointing and self.shard.checkpointing != "off":
            raise ConfigError(
                f'memory.checkpointing is true and shard.checkpointing "{self.shard.checkpointing}": set one of them'
            )
