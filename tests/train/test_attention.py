from __future__ import annotations

import torch

from hanmo.model.mmdit import sdpa
from hanmo.train.attention import plain_attention


def test_plain_attention_equals_the_fused_one_with_and_without_a_mask() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 7, 8, generator=generator) for _ in range(3))
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])[:, None, None]
    for each in (None, mask):
        torch.testing.assert_close(plain_attention(q, k, v, each), sdpa(q, k, v, each))
