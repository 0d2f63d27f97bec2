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


def test_its_gradients_are_those_of_the_fused_one() -> None:
    generator = torch.Generator().manual_seed(1)
    mask = torch.tensor([[True] * 7, [True] * 4 + [False] * 3])[:, None, None]
    for each in (None, mask):
        found = []
        for attend in (plain_attention, sdpa):
            q, k, v = (torch.randn(2, 3, 7, 8, generator=generator.manual_seed(n)).requires_grad_() for n in range(3))
            attend(q, k, v, each).square().sum().backward()
            found.append([x.grad for x in (q, k, v)])
        for one, two in zip(*found, strict=True):
            torch.testing.assert_close(one, two)


def test_under_autocast_products_are_bfloat16_and_gradients_have_their_arguments_format() -> None:
    generator = torch.Generator().manual_seed(2)
    q, k, v = (torch.randn(1, 2, 5, 8, generator=generator).requires_grad_() for _ in range(3))
    with torch.autocast("cpu", torch.bfloat16):
        made = plain_attention(q, k, v, None)
    assert made.dtype == torch.bfloat16
    made.float().square().sum().backward()
    assert q.grad is not None
    assert q.grad.dtype == torch.float32
    exact = sdpa(q.detach(), k.detach(), v.detach(), None)
    assert float((made.detach() - exact).abs().max()) < 0.02


def test_nothing_of_queries_by_keys_is_kept() -> None:
    q, k, v = (torch.randn(1, 1, 64, 4).requires_grad_() for _ in range(3))
    kept: list[int] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        plain_attention(q, k, v, None)
    assert max(kept) == 64 * 4
