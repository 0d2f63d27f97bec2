from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hanmo.errors import ConfigError
from hanmo.flow import ScheduleConfig
from hanmo.model.config import TransformerConfig, VAEConfig
from hanmo.model.latents import pack
from hanmo.model.mmdit import MMDiT
from hanmo.producer.sample import Posterior, Sample
from hanmo.train.encode_folder import Kept, write_sample
from hanmo.train.objectives.sample_flow import SampleObjective
from hanmo.train.sample_data import SampleConfig, SampleData


def posterior(width: int, height: int, seed: int) -> Posterior:
    generator = torch.Generator().manual_seed(seed)
    mean, logvar = (torch.randn(16, height // 8, width // 8, generator=generator) for _ in range(2))
    return mean, logvar - 3


def keep(folder: Path, number: int, size: tuple[int, int], sources: tuple[tuple[int, int], ...] = ()) -> Kept:
    sample = Sample(
        id=f"{number:032x}",
        task="ti2i" if sources else "t2i",
        size=size,
        target=posterior(*size, number),
        sources=tuple(posterior(*one, 100 + number) for one in sources),
        hidden=torch.full((3 + number, 8), float(number + 1)),
        caption=str(number),
    )
    path = folder / f"{number}.safetensors"
    write_sample(path, sample, torch.zeros(2, 8))
    return Kept(path, (size, *sources))


@pytest.fixture
def kept(tmp_path: Path) -> list[Kept]:
    plain = [keep(tmp_path, number, (64, 32)) for number in range(5)]
    return [
        *plain,
        keep(tmp_path, 5, (32, 32), ((32, 32), (32, 32))),
        keep(tmp_path, 6, (32, 32), ((32, 32), (32, 32))),
    ]


def data(kept: list[Kept], **options: object) -> SampleData:
    config = SampleConfig(**{"dropout": 0.0, **options})  # type: ignore[arg-type]
    return SampleData(config, 3, 2, 2, kept, VAEConfig(), ScheduleConfig())


def test_an_epoch_holds_every_sample_in_full_batches_of_one_layout(kept: list[Kept]) -> None:
    made = data(kept)
    assert made.per_epoch == 4
    seen = []
    for number in range(4):
        batch = made.batch(*divmod(number, 2))
        assert len(batch.latents) == 2
        seen += [int(row.max()) - 1 for row in batch.states]
        sources = batch.condition is not None
        assert batch.shapes == (((1, 2, 2), (1, 2, 2), (1, 2, 2)) if sources else ((1, 2, 4),))
        if batch.condition is not None:
            assert batch.condition.shape[1] == 8
    assert sorted(set(seen)) == list(range(7))
    assert len(seen) == 8


def test_a_batch_is_a_function_of_its_number_and_an_epoch_is_dealt_anew(kept: list[Kept]) -> None:
    first, second = data(kept), data(kept)
    second.batch(9, 1)
    for one, other in zip(vars(first.batch(2, 1)).items(), vars(second.batch(2, 1)).items(), strict=True):
        same = torch.equal(one[1], other[1]) if isinstance(one[1], torch.Tensor) else one[1] == other[1]
        assert same, one[0]
    orders = {
        tuple(int(row.max()) for n in range(4) for row in first.batch(*divmod(e * 4 + n, 2)).states) for e in range(4)
    }
    assert len(orders) > 1


def test_targets_are_drawn_from_the_posterior_and_sources_are_its_mean(kept: list[Kept]) -> None:
    made = data(kept[5:])
    batch, again = made.batch(0, 0), made.batch(0, 1)
    assert batch.condition is not None
    assert again.condition is not None
    assert not torch.equal(batch.latents, again.latents)
    mean = torch.stack([posterior(32, 32, 100 + int(row.max()) - 1)[0] for row in batch.states])
    config = VAEConfig()
    middle, spread = (torch.tensor(x)[:, None, None] for x in (config.latents_mean, config.latents_std))
    assert torch.allclose(batch.condition[:, :4], pack((mean - middle) / spread))


def test_a_dropped_prompt_becomes_the_empty_one_and_padding_is_masked(kept: list[Kept]) -> None:
    batch = data(kept[:2], dropout=1.0).batch(0, 0)
    assert batch.states.shape == (2, 2, 8)
    assert batch.mask is None
    assert float(batch.states.abs().max()) == 0
    padded = data(kept[:2]).batch(0, 0)
    assert padded.mask is not None
    assert sorted(padded.mask.sum(1).tolist()) == [3, 4]


def test_shifted_times_lean_to_noise_for_large_pictures(kept: list[Kept]) -> None:
    plain, shifted = data(kept[:2]), data(kept[:2], shift=True)
    assert bool((shifted.batch(0, 0).t > plain.batch(0, 0).t).all())


@pytest.mark.parametrize(("key", "value"), [("dropout", 1.5), ("t_std", 0.0)])
def test_a_share_out_of_range_is_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"samples.{key}"):
        SampleConfig(**{key: value})


def test_the_loss_counts_samples_by_weight_and_padding_not_at_all(kept: list[Kept]) -> None:
    torch.manual_seed(0)
    model = MMDiT(
        TransformerConfig(
            num_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=8, axes_dims_rope=(4, 2, 2)
        )
    )
    objective = SampleObjective(model, data(kept[:2]), torch.device("cpu"))
    batch = objective.batch(0, 0)
    whole = float(objective.loss(batch, 0.0)["loss"].detach())
    alone = []
    for row in range(2):
        length = 4 if batch.mask is None else int(batch.mask[row].sum())
        cut = {name: value[row : row + 1] for name, value in vars(batch).items() if isinstance(value, torch.Tensor)}
        one = type(batch)(**{**vars(batch), **cut, "states": cut["states"][:, :length], "mask": None})
        alone.append(float(objective.loss(one, 0.0)["loss"].detach()))
    assert whole == pytest.approx(sum(alone) / 2, rel=1e-4)
    weighted = type(batch)(**{**vars(batch), "weight": torch.tensor([2.0, 0.0])})
    assert float(objective.loss(weighted, 0.0)["loss"].detach()) == pytest.approx(alone[0], rel=1e-4)
