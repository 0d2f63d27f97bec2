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


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (64, 512), (320, 144)])
def test_the_bundled_model_paints_from_64_to_512_pixels(pipe: Pipeline, size: tuple[int, int]) -> None:
    picture = pipe.generate('a red card with the text "红 RED"', size=size, steps=2, seed=1).images[0]
    assert picture.size == size


def test_a_prompt_in_two_languages_reaches_the_encoder_as_it_is(pipe: Pipeline) -> None:
    prompt = '一张 red 卡片, with the text "你好 OK"'
    ids = pipe.encoder.tokenize([prompt], "t2i", 0)[0]
    assert prompt in pipe.encoder.tokenizer.decode(ids)
