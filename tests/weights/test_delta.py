"""A change applied beside a matrix equals the change of the matrix itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.weights.delta import Delta, Kronecker, LowRank, hadamard

SIDE = st.integers(1, 5)


def rand(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@settings(max_examples=25, deadline=None)
@given(SIDE, SIDE, SIDE, SIDE, st.floats(-2, 2))
def test_beside_equals_merged(a: int, b: int, c: int, d: int, weight: float) -> None:
    deltas: list[Delta] = [LowRank(rand(a, b), rand(c, a), 0.7), Kronecker(rand(a, b), rand(c, d), 0.7)]
    for delta in deltas:
        x = rand(2, 3, delta.shape[1])
        assert delta.matrix().shape == delta.shape
        torch.testing.assert_close(delta.times(x, weight), weight * x @ delta.matrix().T, atol=1e-5, rtol=1e-5)


def test_a_kronecker_product_has_the_written_out_entries() -> None:
    left, right = rand(2, 3), rand(4, 5)
    matrix = Kronecker(left, right, 2.0).matrix()
    assert float(matrix[1 * 4 + 2, 2 * 5 + 3]) == pytest.approx(2 * float(left[1, 2] * right[2, 3]))


def test_a_hadamard_product_of_low_rank_is_of_the_product_of_the_ranks() -> None:
    a1, b1, a2, b2 = rand(6, 2), rand(2, 7), rand(6, 3), rand(3, 7)
    delta = hadamard((a1, b1), (a2, b2), 0.5)
    assert delta.down.shape == (6, 7)
    torch.testing.assert_close(delta.matrix(), 0.5 * (a1 @ b1) * (a2 @ b2), atol=1e-5, rtol=1e-5)


def test_the_side_path_keeps_the_dtype_of_its_input() -> None:
    deltas: list[Delta] = [LowRank(rand(2, 6), rand(4, 2), 1.0), Kronecker(rand(2, 2), rand(2, 3), 1.0)]
    for delta in deltas:
        x = rand(3, 6)
        half = delta.times(x.bfloat16(), 0.5)
        assert half.dtype == torch.bfloat16
        torch.testing.assert_close(half.float(), delta.times(x, 0.5), atol=0.1, rtol=0.05)
        moved = delta.to(torch.device("cpu"), torch.bfloat16)
        assert {tensor.dtype for tensor in moved.tensors()} == {torch.bfloat16}
