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
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.result import Result
from hanmo.safety.policy import Blocked, Passed, Policy

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


def test_a_size_the_checkpoint_was_not_made_for_is_painted_and_said(
    pipe: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    assert pipe.generate("a", size=(528, 16), steps=1, cfg_scale=1.0).images[0].size == (528, 16)
    assert "528x16 is outside what" in caplog.text
    caplog.clear()
    pipe.generate("a", size=(48, 16), steps=1, cfg_scale=1.0)
    assert not caplog.records


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


def test_weights_that_paint_one_value_are_reported_with_the_step(pipe: Pipeline) -> None:
    """A velocity so large that nothing of the noise is left."""
    layer = pipe.transformer.proj_out
    kept = layer.weight.detach().clone(), layer.bias.detach().clone()
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(1e12)
    try:
        with pytest.raises(HanmoError, match="constant after step 1 of 3"):
            pipe.generate("a", seed=0)
    finally:
        with torch.no_grad():
            layer.weight.copy_(kept[0])
            layer.bias.copy_(kept[1])


# --- under a safety policy -------------------------------------------------------------------------


def under(pipe: Pipeline, policy: Policy) -> Pipeline:
    parts = (pipe.transformer, pipe.vae, pipe.encoder, pipe.schedule, pipe.preferences)
    return Pipeline(*parts, policy=policy)


def no_hello(prompt: str) -> str | None:
    return "a greeting" if "HELLO" in prompt else None


def test_a_blocked_prompt_is_not_computed_and_leaves_the_others_as_they_are(pipe: Pipeline) -> None:
    heard: list[StepInfo] = []
    result = under(pipe, Policy("block", no_hello)).generate(PROMPTS, seed=4, on_step=heard.append)
    assert {len(info.latents) for info in heard} == {2}
    assert (len(result.images), result.seeds, result.request.prompts) == (2, (4, 5, 6), tuple(PROMPTS))
    first, second, third = result.outcomes
    assert isinstance(second, Blocked)
    assert second.reason == "prompt: a greeting"
    assert [first, third] == result.images
    assert result.safety == {0: Passed(), 1: second, 2: Passed()}
    for index, image in ((0, first), (2, third)):
        assert isinstance(image, Image.Image)
        assert furthest(image, pipe.generate(PROMPTS[index], seed=4 + index).images[0]) <= 1


def test_blocked_sources_of_edits_keep_prompts_and_pictures_together(pipe: Pipeline) -> None:
    pictures = [tiny.picture(96, 64, seed) for seed in range(2)]
    result = under(pipe, Policy("block", no_hello)).edit(pictures, ["HELLO", "你好 text"], seed=8)
    assert furthest(result.images[0], pipe.edit(pictures[1], "你好 text", seed=9).images[0]) <= 1


def test_when_every_prompt_is_blocked_nothing_runs(pipe: Pipeline) -> None:
    heard: list[StepInfo] = []
    result = under(pipe, Policy("block", no_hello)).generate("HELLO", seed=4, on_step=heard.append)
    assert (result.images, heard, result.timings.total) == ([], [], 0.0)
    assert isinstance(result.outcomes[0], Blocked)
    assert result.request.sizes == ((96, 64),)


def test_a_blocked_picture_is_absent_and_its_verdict_says_why(pipe: Pipeline) -> None:
    seen: list[Image.Image] = []

    def second(picture: Image.Image) -> str | None:
        seen.append(picture)
        return "the second" if len(seen) == 2 else None

    result = under(pipe, Policy("block", picture=second)).generate(PROMPTS, seed=4)
    assert result.images == [seen[0], seen[2]]
    assert [isinstance(outcome, Blocked) for outcome in result.outcomes] == [False, True, False]


def test_logging_paints_what_it_finds(pipe: Pipeline) -> None:
    plain = pipe.generate("HELLO", seed=4)
    logged = under(pipe, Policy("log", no_hello)).generate("HELLO", seed=4)
    assert furthest(logged.images[0], plain.images[0]) == 0
    assert logged.safety[0].to_dict()["findings"] == [{"stage": "prompt", "reason": "a greeting"}]
    assert plain.safety == {}


def test_some_pictures_of_a_request_are_a_request(pipe: Pipeline) -> None:
    request = make_request("generate", ["a", "b", "c"], negative=["x", "y", "z"], seed=1)
    part = request.only([0, 2])
    assert (part.prompts, part.negatives, part.seeds, part.images) == (("a", "c"), ("x", "z"), (1, 3), ())


def test_a_run_leaves_the_weights_fit_for_training(pipe: Pipeline) -> None:
    pipe.generate("a", seed=0)
    states = pipe.encoder.encode(["a"])
    latents = torch.zeros(1, 24, 64)
    velocity = pipe.transformer(latents, states.states, states.mask, torch.tensor([0.5]), [(1, 4, 6)])
    velocity.square().mean().backward()
    assert pipe.transformer.img_in.bias.grad is not None
    pipe.transformer.zero_grad(set_to_none=True)
    pipe.encoder.model.zero_grad(set_to_none=True)
