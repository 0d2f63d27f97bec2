"""The bundled model's edits keep what no instruction touches."""

from __future__ import annotations

import pytest

import hanmo
from benchmarks.bench_edits import cards, shift, turns
from hanmo.pipeline.pipeline import Pipeline


@pytest.fixture(scope="module")
def pipe() -> Pipeline:
    return hanmo.load()


def test_an_edit_that_changes_nothing_does_not_shift_the_picture(pipe: Pipeline) -> None:
    offset, quality = shift(pipe, cards(8, 11))
    assert offset == (0, 0)
    assert quality > 20


def test_masked_turns_keep_every_byte_and_free_ones_nearly(pipe: Pipeline) -> None:
    assert turns(pipe, cards(2, 11), 3, "masked") == [99.0] * 3
    assert min(turns(pipe, cards(2, 11), 3, "latents")) > 25
