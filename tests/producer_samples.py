"""Small samples with real numbers, for the tests of producers, stores and links."""

from __future__ import annotations

import hashlib

import torch

from hanmo.producer.identity import Identity
from hanmo.producer.sample import Sample, Task

IDENTITY = Identity("e" * 16, "a" * 16, "c" * 16)


def sample(
    number: int,
    size: tuple[int, int] = (32, 32),
    task: Task = "t2i",
    tokens: int = 3,
    dtype: torch.dtype = torch.float32,
) -> Sample:
    """Sample `number`: its own numbers and id."""
    generator = torch.Generator().manual_seed(number)

    def posterior() -> tuple[torch.Tensor, torch.Tensor]:
        shape = (16, size[1] // 8, size[0] // 8)
        mean, logvar = (torch.randn(shape, generator=generator).to(dtype) for _ in range(2))
        return mean, logvar

    return Sample(
        id=hashlib.blake2b(f"{number}".encode(), digest_size=16).hexdigest(),
        task=task,
        size=size,
        target=posterior(),
        sources=() if task == "t2i" else (posterior(),),
        hidden=torch.randn(tokens + number % 3, 8, generator=generator).to(dtype),
        caption=f"卡片 {number}",
        source="tests",
        weight=1.0 + number,
    )


def tensors(one: Sample) -> list[torch.Tensor]:
    return [*one.target, *(tensor for source in one.sources for tensor in source), one.hidden]


def same(one: Sample, other: Sample) -> bool:
    """Whether two samples agree in every bit."""
    plain = [(s.id, s.task, s.size, s.caption, s.source, s.weight, len(s.sources)) for s in (one, other)]
    return plain[0] == plain[1] and all(
        a.dtype == b.dtype and torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True)
    )
