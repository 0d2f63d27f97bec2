"""Guidance with the rescale to the positive velocity's norm."""

from __future__ import annotations

import torch

from hanmo.engine.guidance import guide


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    positive, negative = torch.randn(2, 3, 24, 64, generator=torch.Generator().manual_seed(0))
    return positive, negative


def test_scale_one_gives_the_positive_velocity_back() -> None:
    positive, negative = pair()
    torch.testing.assert_close(guide(positive, negative, 1.0), positive)


def test_each_token_keeps_the_norm_of_its_positive_velocity() -> None:
    positive, negative = pair()
    guided = guide(positive, negative, 4.0)
    torch.testing.assert_close(guided.norm(dim=-1), positive.norm(dim=-1))
    mixed = negative + 4.0 * (positive - negative)
    torch.testing.assert_close(torch.cosine_similarity(guided, mixed, dim=-1), torch.ones(3, 24))


def test_tokens_do_not_see_each_other() -> None:
    positive, negative = pair()
    assert torch.equal(guide(positive, negative, 4.0)[:, :5], guide(positive[:, :5], negative[:, :5], 4.0))


def test_a_mixture_of_zero_stays_zero() -> None:
    zero = torch.zeros(1, 2, 64)
    assert torch.equal(guide(zero, zero, 4.0), zero)
