"""Training samples of toy size with random contents, and a transformer that takes them."""

from __future__ import annotations

import copy

import torch

from hanmo.flow import ScheduleConfig
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Posterior, Sample, Task
from hanmo.train.batches import Maker, MixConfig
from hanmo.train.samples import EmptyPrompts

WIDTH = 24
"""Of hidden states."""
STATISTICS = VAEConfig(latents_mean=(0.1,) * 16, latents_std=(0.8,) * 16)
NOTHING = torch.full((2, WIDTH), 0.5)
"""States of the empty prompt."""


def posterior(size: tuple[int, int], generator: torch.Generator) -> Posterior:
    shape = (16, size[1] // 8, size[0] // 8)
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator) - 2.0


def sample(
    number: int,
    task: Task = "t2i",
    size: tuple[int, int] = (64, 32),
    sources: tuple[tuple[int, int], ...] = (),
    length: int = 5,
    source: str = "cards",
    weight: float = 1.0,
) -> Sample:
    """Sample `number`, whose contents are a function of it; `sources` are their sizes."""
    generator = torch.Generator().manual_seed(number)
    plain = Sample(
        id=f"{number:032x}",
        task=task,
        size=size,
        target=posterior(size, generator),
        sources=(),
        hidden=torch.randn(length, WIDTH, generator=generator),
        caption=f"card {number}",
        source=source,
        weight=weight,
    )
    return changed(plain, sources=tuple(posterior(each, generator) for each in sources))


def changed(given: Sample, **fields: object) -> Sample:
    """`dataclasses.replace`, past the check of `Sample`'s annotation, which wants all pictures of one size."""
    made = copy.copy(given)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def mixed() -> list[Sample]:
    """Rows of one size that differ in everything else: tasks, lengths of text, numbers and sizes of sources."""
    return [
        sample(1, length=7),
        sample(2, "ti2i", sources=((64, 32),), length=3, weight=2.0),
        sample(3, "ti2i", sources=((32, 32), (96, 48)), length=5),
        sample(4, "i2i", length=2, weight=0.5),
        sample(5, "t2i", length=4),
    ]


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(1000 * seed + row) for row in range(count)]


def maker(**changed: object) -> Maker:
    """What makes batches, with nothing dropped unless said."""
    config = MixConfig(**({"dropout": 0.0} | changed))  # type: ignore[arg-type]
    return Maker(config, STATISTICS, EmptyPrompts(NOTHING), ScheduleConfig())


def transformer(seed: int = 0, zero_cond_t: bool = False) -> MMDiT:
    """Two layers, all weights random."""
    torch.manual_seed(seed)
    config = TransformerConfig(
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 6, 6),
        zero_cond_t=zero_cond_t,
    )
    return MMDiT(config)
