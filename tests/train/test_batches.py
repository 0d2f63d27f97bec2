from __future__ import annotations

import math
from dataclasses import replace

import pytest
import tiny
import torch
from torch import Tensor
from toy_samples import NOTHING, STATISTICS, WIDTH, changed, generators, maker, mixed, sample

from hanmo.errors import ConfigError, RequestError
from hanmo.flow import ScheduleConfig
from hanmo.model.latents import image_to_tensor, pack
from hanmo.model.vae import VAE
from hanmo.pipeline.conditions import latents_of
from hanmo.pipeline.pictures import Source
from hanmo.train.batches import Maker, MixConfig, SampleBatch
from hanmo.train.samples import EmptyPrompts, Listed


def test_a_batch_holds_rows_of_every_task_padded_on_the_right() -> None:
    samples = mixed()
    batch = maker().batch(samples, generators(5))
    assert batch.tasks == ("t2i", "ti2i", "ti2i", "i2i", "t2i")
    assert batch.latents.shape == (5, 8, 64)
    assert batch.states.shape == (5, 7, WIDTH)
    assert batch.mask is not None
    assert batch.mask.sum(1).tolist() == [7, 3, 5, 2, 4]
    assert not batch.states[~batch.mask].any()
    assert batch.shapes[2] == ((1, 2, 4), (1, 2, 2), (1, 3, 6))
    assert batch.condition is not None
    assert batch.condition.shape == (5, 22, 64)
    assert not batch.condition[0].any()
    assert not batch.condition[1, 8:].any()
    assert batch.weights.tolist() == [1.0, 2.0, 1.0, 0.5, 1.0]


def test_a_reconstruction_without_a_source_is_conditioned_on_its_own_picture() -> None:
    own = sample(4, "i2i")
    batch = maker().batch([own], generators(1))
    assert batch.condition is not None
    assert batch.shapes == (((1, 2, 4), (1, 2, 4)),)
    torch.testing.assert_close(batch.condition, pack(maker().normalise(own.target[0])[None]))
    other = changed(own, sources=sample(9).sources or (sample(9).target,))
    theirs = maker().batch([other], generators(1)).condition
    torch.testing.assert_close(theirs, pack(maker().normalise(sample(9).target[0])[None]))


def test_pictures_are_normalised_and_packed_as_the_pipeline_does() -> None:
    torch.manual_seed(0)
    vae = VAE(replace(STATISTICS, base_dim=8, dim_mult=(1, 1, 1, 1), num_res_blocks=1)).eval()
    pictures = [tiny.picture(64, 32), tiny.picture(32, 48, seed=1)]
    with torch.no_grad():
        found = [vae.encode(image_to_tensor(picture)) for picture in pictures]
        shown = torch.cat([latents_of([Source(picture)], vae) for picture in pictures], dim=1)
    posteriors = [(each.mean[0], torch.full_like(each.logvar[0], -60.0)) for each in found]
    edit = changed(sample(1, "ti2i"), target=posteriors[0], sources=tuple(posteriors))
    batch = maker().batch([edit], generators(1))
    assert batch.condition is not None
    torch.testing.assert_close(batch.condition, shown, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(batch.latents, shown[:, :8], rtol=1e-5, atol=1e-6)
    assert batch.shapes[0] == ((1, 2, 4), (1, 2, 4), (1, 3, 2))


def test_latents_are_drawn_from_the_posterior_at_every_use() -> None:
    wide = sample(1, size=(256, 256))
    mean, logvar = torch.full((16, 32, 32), 0.3), torch.full((16, 32, 32), -1.0)
    wide = changed(wide, target=(mean, logvar))
    drawn = [maker().batch([wide], generators(1, seed)).latents * 0.8 + 0.1 for seed in (0, 1)]
    assert not torch.equal(*drawn)
    for each in drawn:
        assert float(each.mean()) == pytest.approx(0.3, abs=0.02)
        assert float(each.var()) == pytest.approx(math.exp(-1.0), abs=0.02)


def test_a_row_is_the_same_in_any_batch() -> None:
    samples = mixed()
    whole = maker().batch(samples, generators(5))
    for row, each in enumerate(samples):
        alone = maker().batch([each], [generators(5)[row]])
        assert torch.equal(alone.latents[0], whole.latents[row])
        assert torch.equal(alone.noise[0], whole.noise[row])
        assert torch.equal(alone.t[0], whole.t[row])


def _share_dropped(batch: SampleBatch) -> float:
    return sum(torch.equal(row[:2], NOTHING) for row in batch.states) / len(batch.states)


def test_captions_are_dropped_at_their_share_and_edits_keep_their_pictures() -> None:
    plain = [sample(number, length=3) for number in range(400)]
    assert _share_dropped(maker(dropout=0.25).batch(plain, generators(400))) == pytest.approx(0.25, abs=0.06)
    edits = [sample(number, "ti2i", sources=((32, 32),), length=3) for number in range(20)]
    assert _share_dropped(maker(dropout=1.0).batch(edits, generators(20))) == 0.0
    edits = [changed(each, empty=torch.full((2, WIDTH), float(number + 1))) for number, each in enumerate(edits)]
    dropping = Maker(MixConfig(1.0, 1.0), STATISTICS, EmptyPrompts(torch.zeros(2, WIDTH)), ScheduleConfig())
    dropping.check(Listed(edits).entries())
    batch = dropping.batch([*edits, sample(50)], generators(21))
    assert batch.states[:, 0, 0].tolist() == [*range(1, 21), 0.0]
    assert batch.condition is not None
    assert bool(batch.condition[:20].any())


def test_an_edit_without_an_empty_prompt_cannot_be_dropped() -> None:
    edit = sample(2, "ti2i", sources=((32, 32),))
    with pytest.raises(RequestError, match=r"0002 \(ti2i\).*mix\.edit_dropout = 0"):
        maker(edit_dropout=1.0).batch([edit], generators(1))
    nothing = Maker(MixConfig(dropout=1.0), STATISTICS, EmptyPrompts(), ScheduleConfig())
    with pytest.raises(RequestError, match=r"mix\.dropout = 0"):
        nothing.batch([sample(1)], generators(1))


def test_missing_empty_prompts_are_found_before_the_first_step() -> None:
    entries = Listed([sample(1), sample(2, "ti2i", sources=((32, 32),))]).entries()
    maker(dropout=0.1).check(entries)
    with pytest.raises(ConfigError, match=r"mix\.edit_dropout is 0\.1, but sample 0+2 \(ti2i\)"):
        maker(edit_dropout=0.1).check(entries)
    with pytest.raises(ConfigError, match=r"mix\.dropout is 0\.1, but sample 0+1 "):
        Maker(MixConfig(0.1), STATISTICS, EmptyPrompts(), ScheduleConfig()).check(entries)


def test_times_are_logit_normal_and_shifted_by_resolution_where_said() -> None:
    small = [sample(number, size=(16, 16), length=1) for number in range(500)]
    plain = maker().batch(small, generators(500)).t
    shifted = maker(shift=True).batch(small, generators(500)).t
    assert float(torch.logit(plain).mean()) == pytest.approx(0.0, abs=0.12)
    assert float(torch.logit(plain).std()) == pytest.approx(1.0, abs=0.1)
    mu = 0.5 - 255 * 0.4 / 7936  # one token, on the released line from 0.5 at 256 to 0.9 at 8192
    torch.testing.assert_close(torch.logit(shifted), torch.logit(plain) + mu, rtol=1e-4, atol=1e-4)


def _damaged(target: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return target[0][:, :, :-1], target[1][:, :, :-1]


def test_samples_that_do_not_fit_are_refused_with_their_id() -> None:
    with pytest.raises(RequestError, match="32x64, 64x32"):
        maker().batch([sample(1), sample(2, size=(32, 64))], generators(2))
    with pytest.raises(RequestError, match=r"target of sample 0+1 has latents of \[16, 4, 7\].*64x32"):
        maker().batch([changed(sample(1), target=_damaged(sample(1).target))], generators(1))
    edit = sample(2, "ti2i", sources=((32, 32),))
    with pytest.raises(RequestError, match=r"source of sample 0+2 has latents"):
        maker().batch([changed(edit, sources=(_damaged(edit.sources[0]),))], generators(1))
    with pytest.raises(RequestError, match="no hidden states"):
        maker().batch([sample(1, length=0)], generators(1))
    with pytest.raises(RequestError, match="no samples"):
        maker().batch([], [])


def test_shares_outside_their_range_name_the_key() -> None:
    with pytest.raises(ConfigError, match=r"mix\.edit_dropout is 1\.5"):
        MixConfig(edit_dropout=1.5)
    with pytest.raises(ConfigError, match=r"mix\.t_std"):
        MixConfig(t_std=0.0)
