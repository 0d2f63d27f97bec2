from __future__ import annotations

import math

import pytest
import torch

from hanmo.model.msrope import apply, image_positions, rope, text_start

AXES = (8, 12, 12)


def test_the_image_grid_is_centred_on_the_origin() -> None:
    positions = image_positions([(1, 4, 6)])
    assert positions[:, 0].unique().tolist() == [0]
    assert positions[:, 1].unique().tolist() == [-2, -1, 0, 1]
    assert positions[:, 2].unique().tolist() == [-3, -2, -1, 0, 1, 2]


def test_an_odd_grid_keeps_its_extra_row_before_the_origin() -> None:
    assert image_positions([(1, 3, 1)])[:, 1].tolist() == [-2, -1, 0]


def test_each_picture_of_an_edit_has_its_own_frame() -> None:
    positions = image_positions([(1, 2, 2), (1, 2, 1), (1, 1, 1)])
    assert positions[:, 0].tolist() == [0, 0, 0, 0, 1, 1, 2]


def test_the_condition_of_a_layered_checkpoint_has_frame_minus_one() -> None:
    positions = image_positions([(1, 1, 1), (1, 1, 1), (1, 1, 1)], layered=True)
    assert positions[:, 0].tolist() == [0, 1, -1]


def test_text_starts_just_outside_the_largest_picture() -> None:
    assert text_start([(1, 4, 6), (1, 10, 2)]) == 5
    assert text_start([(1, 1, 1)] * 4, layered=True) == 3


def test_text_runs_along_the_diagonal() -> None:
    tables = rope([(1, 4, 6)], 3, AXES)
    for index in range(3):
        position = 3 + index
        assert tables.text_cos[index, 0] == pytest.approx(math.cos(position), abs=1e-6)
        assert tables.text_cos[index, 4] == pytest.approx(math.cos(position), abs=1e-6)
        assert tables.text_cos[index, 10] == pytest.approx(math.cos(position), abs=1e-6)


def test_text_beyond_4096_positions_is_allowed() -> None:
    assert rope([(1, 4, 6)], 5000, AXES).text_cos.isfinite().all()


def test_rotation_turns_neighbouring_pairs_and_keeps_their_length() -> None:
    tables = rope([(1, 4, 4)], 2, AXES)
    x = torch.randn(2, 16, 3, 32, generator=torch.Generator().manual_seed(0))
    y = apply(x, tables.image_cos, tables.image_sin)
    assert torch.allclose(y.unflatten(-1, (-1, 2)).norm(dim=-1), x.unflatten(-1, (-1, 2)).norm(dim=-1), atol=1e-5)
    turned = (
        torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
        * torch.complex(tables.image_cos, tables.image_sin)[:, None]
    )
    assert torch.allclose(torch.view_as_real(turned).flatten(-2), y, atol=1e-6)


def test_attention_depends_on_relative_positions_only() -> None:
    q, k = torch.randn(1, 1, 1, 32), torch.randn(1, 1, 1, 32)
    tables = rope([(1, 8, 8)], 1, AXES)

    def score(first: int, second: int) -> float:
        rotated = [
            apply(x, tables.image_cos[i : i + 1], tables.image_sin[i : i + 1]) for x, i in ((q, first), (k, second))
        ]
        return float((rotated[0] * rotated[1]).sum())

    assert score(0, 9) == pytest.approx(score(18, 27), abs=1e-4)


def test_a_complex_product_gives_the_bits_of_the_real_form() -> None:
    x = torch.randn(2, 7, 3, 32, generator=torch.Generator().manual_seed(0))
    angles = torch.randn(7, 16, generator=torch.Generator().manual_seed(1))
    cos, sin = angles.cos(), angles.sin()
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    real = torch.stack(
        [even * cos[:, None] - odd * sin[:, None], even * sin[:, None] + odd * cos[:, None]], dim=-1
    ).flatten(-2)
    assert torch.equal(apply(x, cos, sin), real)
    apart = apply(x.transpose(1, 2).contiguous().transpose(1, 2), cos, sin)  # strides of an attention's output
    assert torch.equal(apart, real)
