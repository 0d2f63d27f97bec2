"""Runs of the one pipeline on a random checkpoint: what is promised of batches, seeds, steps and errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from hanmo.engine.denoise import StepInfo
from hanmo.errors import Cancelled, HanmoError, RequestError
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.result import Result

PROMPTS = ["a red card", 'a card with the text "HELLO WORLD"', "你好"]


def furthest(a: Image.Image, b: Image.Image) -> int:
    return int(np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).max())


def final_latents(run) -> tuple[Result, torch.Tensor]:
    seen: list[StepInfo] = []
    return run(seen.append), seen[-1].latents


@pytest.mark.parametrize("cfg_scale", [1.0, 4.0])
def test_a_picture_of_a_batch_equals_the_one_painted_alone(pipe: Pipeline, cfg_scale: float) -> None:
    options = {"cfg_scale": cfg_scale, "steps": 3}
    batch, latents = final_latents(lambda hear: pipe.generate(PROMPTS, seed=4, on_step=hear, **options))
    assert batch.seeds == (4, 5, 6)
    for index, prompt in enumerate(PROMPTS):
        alone, own = final_latents(
            lambda hear, p=prompt, i=index: pipe.generate(p, seed=4 + i, on_step=hear, **options)
        )
        torch.testing.assert_close(latents[index : index + 1], own, atol=1e-4, rtol=1e-4)
        assert furthest(batch.images[index], alone.images[0]) <= 1


def test_negatives_of_different_lengths_do_not_change_each_other(pipe: Pipeline) -> None:
    negatives = ["bad", "a very long negative text"]
    batch, latents = final_latents(lambda hear: pipe.generate(PROMPTS[:2], negative=negatives, seed=0, on_step=hear))
    assert len(batch.images) == 2
    for index in range(2):
        _, own = final_latents(
            lambda hear, i=index: pipe.generate(PROMPTS[i], negative=negatives[i], seed=i, on_step=hear)
        )
        torch.testing.assert_close(latents[index : index + 1], own, atol=1e-4, rtol=1e-4)


def test_edits_of_a_batch_equal_those_alone(pipe: Pipeline) -> None:
    pictures = [tiny.picture(96, 64, seed) for seed in range(2)]
    prompts = ["make it red", "你好 text"]
    _, latents = final_latents(lambda hear: pipe.edit(pictures, prompts, seed=8, on_step=hear))
    for index in range(2):
        _, own = final_latents(lambda hear, i=index: pipe.edit(pictures[i], prompts[i], seed=8 + i, on_step=hear))
        torch.testing.assert_close(latents[index : index + 1], own, atol=1e-4, rtol=1e-4)


def test_img2img_of_a_batch_equals_that_alone(pipe: Pipeline) -> None:
    pictures = [tiny.picture(96, 64, seed) for seed in range(2)]
    _, latents = final_latents(lambda hear: pipe.img2img(pictures, "red", seed=8, on_step=hear))
    for index in range(2):
        _, own = final_latents(lambda hear, i=index: pipe.img2img(pictures[i], "red", seed=8 + i, on_step=hear))
        torch.testing.assert_close(latents[index : index + 1], own, atol=1e-4, rtol=1e-4)


def test_the_same_seed_gives_the_same_picture_and_another_another(pipe: Pipeline) -> None:
    first, again, other = (pipe.generate("a red card", seed=seed).images[0] for seed in (1, 1, 2))
    assert furthest(first, again) == 0
    assert furthest(first, other) > 0


def test_the_same_prompt_painted_twice_equals_a_list_of_it(pipe: Pipeline) -> None:
    listed = pipe.generate(["a red card"] * 2, seed=1)
    repeated = pipe.generate("a red card", num=2, seed=1)
    assert all(furthest(a, b) == 0 for a, b in zip(listed.images, repeated.images, strict=True))


def test_a_run_draws_nothing_from_the_global_generator(pipe: Pipeline) -> None:
    before = torch.get_rng_state()
    pipe.img2img(tiny.picture(96, 64), "red", seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_the_prompt_the_negative_and_the_source_matter(pipe: Pipeline) -> None:
    base = pipe.generate("a red card", seed=1).images[0]
    assert furthest(base, pipe.generate("a text", seed=1).images[0]) > 0
    assert furthest(base, pipe.generate("a red card", negative="a text", seed=1).images[0]) > 0
    assert furthest(base, pipe.generate("a red card", cfg_scale=1.0, seed=1).images[0]) > 0
    assert furthest(base, pipe.generate("a red card", solver="heun", seed=1).images[0]) > 0
    edits = [pipe.edit(tiny.picture(96, 64, seed), "red", seed=1).images[0] for seed in range(2)]
    assert furthest(*edits) > 0


def test_the_default_size_is_the_checkpoints_and_sources_give_their_shape(pipe: Pipeline) -> None:
    assert pipe.default_size == (96, 64)
    assert pipe.generate("a", seed=0).images[0].size == (96, 64)
    assert pipe.edit(tiny.picture(64, 96), "a", seed=0).images[0].size == (64, 96)
    assert pipe.edit(tiny.picture(64, 96), "a", size=(48, 32), seed=0).images[0].size == (48, 32)
    assert pipe.img2img(tiny.picture(300, 200), "a", seed=0).images[0].size == (96, 64)


def test_weak_strength_stays_near_the_source(pipe: Pipeline) -> None:
    source = tiny.picture(96, 64)
    kept = pipe.img2img(source, "a", strength=1e-3, steps=30, cfg_scale=1.0, seed=0)
    heard: list[StepInfo] = []
    pipe.img2img(source, "a", strength=0.5, steps=10, seed=0, on_step=heard.append)
    assert kept.request.strength == pytest.approx(1e-3)
    assert [info.index for info in heard] == list(range(5))
    assert heard[-1].sigma == 0


def test_on_step_hears_all_steps_and_cancelling_stops(pipe: Pipeline) -> None:
    heard: list[int] = []

    def stop(info: StepInfo) -> None:
        heard.append(info.index)
        if info.index == 1:
            raise Cancelled("stopped by the caller")

    with pytest.raises(Cancelled):
        pipe.generate("a", steps=5, seed=0, on_step=stop)
    assert heard == [0, 1]


def test_the_result_says_all_that_was_done(pipe: Pipeline) -> None:
    result = pipe.generate(["a", "b"], seed=[5, 9])
    assert result.seeds == (5, 9)
    assert (result.request.steps, result.request.sizes, result.request.negatives) == (3, ((96, 64),) * 2, (" ", " "))
    assert result.timings.total == pytest.approx(
        result.timings.conditions + result.timings.denoise + result.timings.decode
    )
    assert result.timings.denoise > 0


def test_a_prompt_beyond_the_limit_is_refused(pipe: Pipeline) -> None:
    with pytest.raises(RequestError, match="at most 40 are read: shorten it"):
        pipe.generate("x y " * 40, seed=0)


def test_a_batch_of_different_pictures_sizes_and_counts_equals_single_runs(pipe: Pipeline) -> None:
    pictures = [tiny.picture(96, 64, 1), [tiny.picture(64, 96, 2), tiny.picture(80, 80, 3)], tiny.picture(96, 64, 4)]
    prompts = ["red", "a red card", "text"]
    together = pipe.edit(pictures, prompts, seed=5)
    for index, (picture, prompt) in enumerate(zip(pictures, prompts, strict=True)):
        alone = pipe.edit([picture], prompt, seed=5 + index)
        ours, single = together.latents[index], alone.latents[0]
        assert ours is not None
        assert single is not None
        torch.testing.assert_close(ours, single, atol=1e-4, rtol=0)
        assert together.images[index].size == alone.images[0].size


def test_steps_of_several_runs_are_counted_through(pipe: Pipeline) -> None:
    seen: list[tuple[int, int, tuple[int, ...]]] = []
    pictures = [tiny.picture(96, 64), tiny.picture(64, 96), tiny.picture(96, 64)]
    pipe.edit(pictures, "a", seed=0, steps=2, on_step=lambda info: seen.append((info.index, info.total, info.pictures)))
    assert seen == [(0, 4, (0, 2)), (1, 4, (0, 2)), (2, 4, (1,)), (3, 4, (1,))]


@pytest.mark.parametrize("task", ["edit", "img2img"])
def test_an_unreadable_picture_is_refused(pipe: Pipeline, task: str, tmp_path: Path) -> None:
    run = getattr(pipe, task)
    with pytest.raises(RequestError, match="does not exist"):
        run(tmp_path / "nothing.png", "a", seed=0)
    broken = tmp_path / "broken.png"
    tiny.picture(96, 64).save(broken)
    broken.write_bytes(broken.read_bytes()[:400])
    with pytest.raises(RequestError, match="cannot be read"):
        run(broken, "a", seed=0)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(RequestError, match="cannot be read"):
        run(str(text), "a", seed=0)


def test_weights_that_are_not_finite_are_reported_with_the_step(pipe: Pipeline) -> None:
    weight = pipe.transformer.proj_out.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.fill_(float("nan"))
    try:
        with pytest.raises(HanmoError, match="not finite after step 1 of 3"):
            pipe.generate("a", seed=0)
    finally:
        with torch.no_grad():
            weight.copy_(kept)


def test_a_run_leaves_the_weights_fit_for_training(pipe: Pipeline) -> None:
    pipe.generate("a", seed=0)
    states = pipe.encoder.encode(["a"])
    latents = torch.zeros(1, 24, 64)
    velocity = pipe.transformer(latents, states.states, states.mask, torch.tensor([0.5]), [(1, 4, 6)])
    velocity.square().mean().backward()
    assert pipe.transformer.img_in.bias.grad is not None
    pipe.transformer.zero_grad(set_to_none=True)
    pipe.encoder.model.zero_grad(set_to_none=True)
