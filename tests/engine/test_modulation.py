"""What is computed before the first step gives the same velocity as the model called afresh."""

from __future__ import annotations

import pytest
import torch

from hanmo.engine import modulation
from hanmo.engine.guidance import guide
from hanmo.engine.modulation import join, modulation_tables, predictor, text_stream
from hanmo.flow import ScheduleConfig
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.sampler import schedule

SHAPES = ((1, 4, 6), (1, 2, 4))
LEVELS = schedule(3, 24, ScheduleConfig())


def model(zero_cond_t: bool = False) -> MMDiT:
    torch.manual_seed(0)
    config = TransformerConfig(
        num_layers=2,
        attention_head_dim=32,
        num_attention_heads=2,
        joint_attention_dim=48,
        axes_dims_rope=(8, 12, 12),
        zero_cond_t=zero_cond_t,
    )
    return MMDiT(config).eval().requires_grad_(False)


def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    mask = torch.arange(9) < torch.tensor([[9], [5]])
    positive = torch.randn(2, 9, 48, generator=g) * mask[..., None]
    negative, x = torch.randn(2, 6, 48, generator=g), torch.randn(2, 24, 64, generator=g)
    return x, torch.randn(2, 8, 64, generator=g), positive, mask, negative


@pytest.mark.parametrize("zero_cond_t", [False, True])
@pytest.mark.parametrize("limit", [0, 1 << 40], ids=["two passes", "one batch"])
def test_the_prepared_velocity_equals_the_model_called_afresh(
    zero_cond_t: bool, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modulation, "JOIN_BELOW", limit)
    transformer = model(zero_cond_t)
    x, pictures, positive, mask, negative = inputs()
    velocity = predictor(
        transformer,
        modulation_tables(transformer, LEVELS[:-1]),
        text_stream(transformer, positive, mask, SHAPES),
        text_stream(transformer, negative, None, SHAPES),
        4.0,
        pictures,
    )
    tokens = torch.cat([x, pictures], dim=1)
    for index in range(3):
        t = LEVELS[index].expand(2)
        conditioned = transformer(tokens, positive, mask, t, SHAPES)[:, :24]
        unconditioned = transformer(tokens, negative, None, t, SHAPES)[:, :24]
        expected = guide(conditioned, unconditioned, 4.0)
        torch.testing.assert_close(velocity(x, index), expected, atol=2e-5, rtol=2e-5)


def test_without_a_negative_the_velocity_is_the_plain_one() -> None:
    transformer = model()
    x, _, positive, mask, _ = inputs()
    stream = text_stream(transformer, positive, mask, SHAPES[:1])
    velocity = predictor(transformer, modulation_tables(transformer, LEVELS[:-1]), stream)
    expected = transformer(x, positive, mask, LEVELS[1].expand(2), SHAPES[:1])
    torch.testing.assert_close(velocity(x, 1), expected, atol=2e-5, rtol=2e-5)


def test_modulation_weights_are_not_read_again_during_the_steps() -> None:
    transformer = model()
    x, _, positive, mask, _ = inputs()
    tables = modulation_tables(transformer, LEVELS[:-1])
    velocity = predictor(transformer, tables, text_stream(transformer, positive, mask, SHAPES[:1]))
    before = velocity(x, 0)
    for block in transformer.transformer_blocks:
        block.img_mod[1].weight.fill_(float("nan"))
        block.txt_mod[1].weight.fill_(float("nan"))
    assert torch.equal(velocity(x, 0), before)


def test_streams_of_one_length_join_without_a_mask() -> None:
    transformer = model()
    negative = inputs()[4]
    stream = text_stream(transformer, negative, None, SHAPES[:1])
    assert join(stream, stream).mask is None
    assert join(stream, stream).text.shape == (4, 6, 64)


def test_latents_keep_float32_beside_a_model_in_bfloat16() -> None:
    transformer = model().to(torch.bfloat16)
    x, _, positive, mask, _ = inputs()
    stream = text_stream(transformer, positive, mask, SHAPES[:1])
    velocity = predictor(transformer, modulation_tables(transformer, LEVELS[:-1]), stream)
    assert velocity(x, 0).dtype == torch.float32
