"""Tuning the image decoder: what stays, what learns, what is resumed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import ConfigError, RequestError, WeightsError
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.train.checkpoint import snapshots
from hanmo.train.objectives.perceptual import PerceptualConfig
from hanmo.train.objectives.ratio import Ratio, RatioConfig
from hanmo.train.objectives.vae import PictureBatch, VAELoss, VAEObjective, freeze_encoder, kl, to_unit
from hanmo.train.optim import OptimConfig, build
from hanmo.train.recipe import NewVAE, RunConfig, VAERecipe, read
from hanmo.train.run import train
from hanmo.train.vae_crops import cut
from hanmo.train.vae_files import load_vae
from hanmo.train.vae_init import identity_start
from hanmo.train.vae_measure import quality
from hanmo.train.vae_picture_config import PictureConfig
from hanmo.train.vae_pictures import keep_pictures

CPU = torch.device("cpu")


@pytest.fixture
def tuning(vae_folder: Path, tmp_path: Path) -> Callable[..., VAERecipe]:
    """A recipe that tunes a toy decoder on sheets of cards; keyword arguments replace whole tables."""

    def make(**tables: object) -> VAERecipe:
        run = RunConfig(tmp_path, 6, 2, log_every=1, save_every=3, preview_every=0, threads=1, precision="float32")
        recipe = VAERecipe(
            name="tuned",
            seed=3,
            previews=2,
            run=run,
            model=NewVAE(init=vae_folder, train="decoder"),
            cards=CardConfig(characters=50),
            pictures=PictureConfig(size=32, held_out=2, cards=12),
            perceptual=PerceptualConfig(levels=2),
            ratio=RatioConfig(smooth=0.5),
            optim=OptimConfig(lr=3e-3, warmup=2, ema=0.5, schedule="constant"),
        )
        return replace(recipe, **tables)  # type: ignore[arg-type]

    return make


def _lines(folder: Path) -> list[dict[str, float]]:
    told = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k in ("step", "loss", "pixel", "perceptual", "ratio")} for line in told]


def test_the_frozen_encoder_and_its_latents_do_not_change_by_a_bit(
    tuning: Callable[..., VAERecipe], vae_folder: Path
) -> None:
    before, after = load_vae(vae_folder), load_vae(train(tuning()))
    for name, tensor in after.state_dict().items():
        if name.startswith(("encoder.", "quant_conv.")):
            assert torch.equal(tensor, before.state_dict()[name]), name
    assert not torch.equal(after.decoder.conv_out.weight, before.decoder.conv_out.weight)
    assert not torch.equal(after.post_quant_conv.weight, before.post_quant_conv.weight)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert torch.equal(after.encode(picture).mean, before.encode(picture).mean)
    assert torch.equal(after.encode(picture).logvar, before.encode(picture).logvar)
    assert after.config == before.config  # the latents' statistics above all


def test_the_loss_falls_and_the_run_says_how_good_it_was_before(tuning: Callable[..., VAERecipe]) -> None:
    one = PictureConfig(size=32, held_out=2, cards=3)  # a single crop to learn
    folder = train(tuning(run=replace(tuning().run, steps=20), pictures=one)).parent
    told = [line for line in _lines(folder) if "pixel" in line]
    assert told[-1]["pixel"] < 0.8 * told[0]["pixel"]
    assert told[-1]["perceptual"] < told[0]["perceptual"]
    assert all(0.05 <= line["ratio"] <= 20.0 for line in told)
    assert len({line["ratio"] for line in told}) > 5
    assert "before tuning: psnr" in (folder / "train.log").read_text()
    assert (folder / "previews" / "before.png").is_file()


def test_a_resumed_run_goes_on_with_the_same_numbers_and_ratio(tuning: Callable[..., VAERecipe]) -> None:
    whole = train(replace(tuning(), name="whole"))
    folder = train(tuning()).parent
    for late in snapshots(folder / "checkpoints")[1:]:
        late.unlink()
    (first,) = snapshots(folder / "checkpoints")
    assert torch.load(first, weights_only=True)["step"] == 3
    (folder / "best.json").unlink()
    again = train(tuning(), resume=True)
    assert _lines(again.parent) == _lines(whole.parent)
    one, two = load_vae(whole).state_dict(), load_vae(again).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_kept_posteriors_are_what_the_encoder_gives_and_are_found_again(vae_folder: Path, tmp_path: Path) -> None:
    vae, config = load_vae(vae_folder), PictureConfig(size=64, held_out=2, cards=6, crops=2)
    kept = keep_pictures(config, CardConfig(characters=50), 1, vae, True, tmp_path)
    assert kept.pixels.shape == (8, 64, 64, 3)
    assert kept.held_out.shape == (2, 64, 64, 3)
    assert kept.mean is not None
    assert kept.logvar is not None
    posterior = vae.encode(to_unit(kept.pixels))
    torch.testing.assert_close(kept.mean, posterior.mean)
    torch.testing.assert_close(kept.logvar, posterior.logvar)
    (place,) = tmp_path.iterdir()
    written = (place / "pixels").stat().st_mtime_ns
    again = keep_pictures(config, CardConfig(characters=50), 1, vae, True, tmp_path)
    assert (place / "pixels").stat().st_mtime_ns == written
    batch = again.batch(5, 0, 4)
    assert torch.equal(batch.pixels, kept.batch(5, 0, 4).pixels)
    assert not torch.equal(batch.pixels, kept.batch(6, 0, 4).pixels)
    with torch.no_grad():
        vae.encoder.conv_in.weight.add_(0.1)
    keep_pictures(config, CardConfig(characters=50), 1, vae, True, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another encoder, other posteriors


def test_a_folders_small_pictures_are_left_out_and_too_few_are_refused(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(1)
    for number, side in enumerate((80, 90, 40, 100)):
        Image.fromarray(noise.integers(0, 255, (side, side, 3), np.uint8)).save(photos / f"{number}.png")
        (photos / f"{number}.txt").write_text("a picture")
    config, vae = PictureConfig(size=64, held_out=1, folder=photos), VAE(VAEConfig(base_dim=8, num_res_blocks=1))
    kept = keep_pictures(config, CardConfig(), 1, vae, False, tmp_path)
    assert (len(kept.pixels), len(kept.held_out), kept.mean) == (2, 1, None)
    with pytest.raises(RequestError, match="photos gave 3 pictures of 64 pixels or more"):
        keep_pictures(replace(config, held_out=3), CardConfig(), 1, vae, False, tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.name.startswith("pictures-")]) == 1


def test_a_crop_is_taken_where_there_is_something_to_see() -> None:
    page = np.full((64, 256, 3), 255, np.uint8)
    page[:, 150:200:2] = 0  # letters
    seen = [float(np.ptp(cut(page, 64, seed))) for seed in range(20)]
    assert sum(value > 0 for value in seen) >= 18


def test_the_encoder_learns_with_its_divergence_and_the_perceptual_part_where_it_is_not_frozen() -> None:
    vae = VAE(VAEConfig(base_dim=8, num_res_blocks=1))
    identity_start(vae, torch.Generator().manual_seed(0))
    pixels = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    ratio = Ratio(RatioConfig(kind="schedule", points=((0.0, 0.5),)))
    objective = VAEObjective(
        vae, lambda step, part: PictureBatch(pixels, 1), VAELoss(kl=0.1), CPU, lambda x, y: (x - y).abs().mean(), ratio
    )
    losses = objective.loss(objective.batch(0, 0), 0.0)
    torch.testing.assert_close(losses["kl"], kl(vae.encode(to_unit(pixels))))
    wanted = losses["pixel"] + losses["edge"] + 0.5 * losses["perceptual"] + 0.1 * losses["kl"]
    torch.testing.assert_close(losses["loss"], wanted)
    losses["loss"].backward()
    assert vae.encoder.conv_in.weight.grad is not None
    freeze_encoder(vae.requires_grad_(True))
    assert "kl" not in objective.loss(objective.batch(0, 0), 0.0)


def test_the_published_autoencoder_has_the_reports_sizes_and_tunes_its_decoder_alone() -> None:
    with torch.device("meta"):
        vae = VAE(VAEConfig())
    freeze_encoder(vae)
    millions = {True: 0.0, False: 0.0}
    for parameter in vae.parameters():
        millions[parameter.requires_grad] += parameter.numel() / 1e6
    assert {key: round(value) for key, value in millions.items()} == {True: 25, False: 19}  # Table 2: image params
    moved = {
        id(p)
        for optimizer in build({"vae": vae}, OptimConfig("muon"))
        for g in optimizer.param_groups
        for p in g["params"]
    }
    assert moved == {id(p) for p in [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]}


def test_the_published_class_tunes_at_toy_width(tmp_path: Path, tuning: Callable[..., VAERecipe]) -> None:
    from hanmo.train.vae_files import save_vae

    vae = VAE(VAEConfig(base_dim=8))  # the published levels, blocks and statistics; eight channels instead of 96
    identity_start(vae, torch.Generator().manual_seed(0))
    save_vae(tmp_path / "published", vae, vae.config)
    model = NewVAE(init=tmp_path / "published", train="decoder")
    result = train(tuning(model=model, run=replace(tuning().run, steps=2)))
    assert load_vae(result).config == vae.config


def test_quality_is_the_mean_over_pictures_and_needs_some(vae_folder: Path) -> None:
    vae = load_vae(vae_folder)
    pictures = list(
        torch.randint(0, 255, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    )
    whole, parts = quality(vae, pictures, batch=2), [quality(vae, [one]) for one in pictures]
    assert whole.psnr == pytest.approx(sum(part.psnr for part in parts) / 3, rel=1e-5)
    assert whole.ssim == pytest.approx(sum(part.ssim for part in parts) / 3, abs=1e-5)
    with pytest.raises(RequestError, match="no pictures"):
        quality(vae, [])


def test_the_recipe_of_the_bundled_decoder_is_read_and_wrong_ones_are_named(root: Path, tmp_path: Path) -> None:
    recipe = read(root / "recipes" / "tiny" / "vae_decoder.toml")
    assert isinstance(recipe, VAERecipe)
    assert recipe.model.train == "decoder"
    for text, word in (
        ('[model]\ntrain = "decoder"', "model.init"),
        ("[pictures]\nsize = 100", "pictures.size"),
        ("[pictures]\npages = 4", "pictures.pages"),
        ("[perceptual]\n[run]\nprocesses = 2\naccumulate = 2", "ratio.kind"),
        ("[perceptual]\n[run]\ncompile = true", "ratio.kind"),
    ):
        path = tmp_path / "wrong.toml"
        path.write_text(f'kind = "vae"\n{text}\n', encoding="utf-8")
        with pytest.raises(ConfigError, match=word):
            read(path)


def test_a_run_with_wrong_perceptual_weights_ends_with_one_line(
    tuning: Callable[..., VAERecipe], tmp_path: Path
) -> None:
    path = tmp_path / "vgg16.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="give the state dict of a VGG16") as caught:
        train(tuning(perceptual=PerceptualConfig(vgg16=path)))
    assert "\n" not in str(caught.value)


def test_a_run_on_cards_needs_no_package_of_the_data_engine() -> None:
    lacking = "import sys\nsys.modules |= dict.fromkeys(['pyarrow', 'cv2', 'fontTools'])\nimport hanmo.train.run"
    done = subprocess.run([sys.executable, "-c", lacking], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
