"""Training the autoencoder, or tuning its decoder (report section 2.3): from a recipe to a `vae/` folder.

Without [pictures] it looks at cards that are drawn at every step; with them at crops that are kept (`vae_pictures`).
With model.train = "decoder" the encoder stays as it is, to the bit, and so do the latents' statistics. It does not know
the transformer.

Letters: B pictures, Z latent channels, h w latent cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from hanmo.data.synthesize.cards import Card, draw, text_box
from hanmo.data.synthesize.sample import sample_card
from hanmo.log import get_logger
from hanmo.model.config import VAEConfig
from hanmo.model.latents import image_to_tensor, tensor_to_images
from hanmo.model.vae import VAE
from hanmo.train.drive import Job, drive
from hanmo.train.files import RunFolder
from hanmo.train.judge import Judge, Verdict, summary
from hanmo.train.metrics import Metrics
from hanmo.train.objectives.perceptual import Perceptual, perceptual_loss
from hanmo.train.objectives.ratio import Ratio
from hanmo.train.objectives.vae import VAEObjective, freeze_encoder, to_unit
from hanmo.train.randomness import generator_for, random_for
from hanmo.train.ranks import ALONE, Ranks
from hanmo.train.recipe import NewVAE, VAERecipe
from hanmo.train.sheet import save_sheet, sheet
from hanmo.train.vae_data import Cards
from hanmo.train.vae_files import load_vae, save_vae, vae_home
from hanmo.train.vae_init import identity_start, principal_start
from hanmo.train.vae_measure import look_at
from hanmo.train.vae_pictures import KeptPictures, keep_pictures

log = get_logger(__name__)
Look = Callable[[Path], Mapping[str, float]]
"""Paints a sheet of reconstructions to a file and says how good they are."""
# Steps that no run reaches, for cards of their own.
_BEGIN, _PREVIEW, _MEASURE = 1_000_000_000, 1_000_000_001, 1_000_000_002


def train_vae(recipe: VAERecipe, folder: RunFolder, resume: bool, judge: Judge | None, ranks: Ranks = ALONE) -> None:
    """Train as the recipe says; the result is `folder.export / "vae"`."""
    device = torch.device(recipe.run.device)
    vae = begin(recipe.model, Cards(recipe.cards, recipe.seed)).to(device)
    tuned = recipe.model.train == "decoder"
    if tuned:
        freeze_encoder(vae)
    cards = Cards(recipe.cards, recipe.seed, recipe.loss.recolor, recipe.loss.crop)
    kept: KeptPictures | None = None
    if recipe.pictures.any:
        with ranks.in_turn():
            kept = keep_pictures(recipe.pictures, recipe.cards, recipe.seed, vae, tuned, folder.path)
    nn.Module.to(vae, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.run.compile:
        vae.encoder.compile()
        vae.decoder.compile()
    modules: dict[str, nn.Module] = {"vae": vae}
    perceptual: Perceptual | None = None
    ratio: Ratio | None = None
    if recipe.perceptual is not None:
        perceptual = perceptual_loss(recipe.perceptual, smallest_side(recipe), device)
        modules["ratio"] = ratio = Ratio(recipe.ratio).to(device)
    pictures = kept or cards

    objective = VAEObjective(
        vae,
        lambda step, part: pictures.batch(step, part, recipe.run.batch),
        recipe.loss,
        device,
        perceptual,
        ratio,
    )
    look = _look(recipe, vae, kept, judge)

    def preview(step: int, metrics: Metrics) -> Mapping[str, float]:
        return look(folder.previews / f"step-{step:09d}.png")

    def export() -> None:
        config = vae.config
        if not tuned:
            mean, std = statistics(vae, Cards(recipe.cards, recipe.seed), recipe.measure)
            config = replace(config, latents_mean=mean, latents_std=std)
        save_vae(folder.export, vae, config)

    if tuned and ranks.first and not resume:
        with torch.no_grad():
            values = look(folder.previews / "before.png")
        log.info("before tuning: %s", ", ".join(f"{key} {value:.4g}" for key, value in values.items()))
    drive(
        Job(recipe.name, recipe.seed, objective, modules, recipe.run, recipe.optim, preview, export, ranks),
        folder,
        resume,
    )


def smallest_side(recipe: VAERecipe) -> int:
    """Shorter side of the pictures that the loss sees, pixels."""
    if recipe.pictures.any:
        return recipe.pictures.size
    return min(recipe.cards.height, recipe.loss.crop or recipe.cards.width)


def begin(model: NewVAE, cards: Cards) -> VAE:
    """A new autoencoder, or the one of `model.init`, in float32."""
    if model.init is not None:
        return load_vae(vae_home(model.init)).train()
    config = VAEConfig(
        base_dim=model.base_dim,
        dim_mult=model.dim_mult,
        num_res_blocks=model.num_res_blocks,
        temperal_downsample=(False, *(True,) * (len(model.dim_mult) - 2)),
        latents_mean=(0.0,) * 16,
        latents_std=(1.0,) * 16,
    )
    vae = VAE(config)
    generator = generator_for(cards.seed, _BEGIN)
    if model.principal:
        principal_start(vae, to_unit(cards.pictures(_BEGIN, 0, 512)), generator)
    else:
        identity_start(vae, generator)
    return vae.train()


def _look(recipe: VAERecipe, vae: VAE, kept: KeptPictures | None, judge: Judge | None) -> Look:
    """What previews look at: pictures that are held out, or cards, which a judge reads."""
    if kept is not None:
        count = len(kept.held_out)
        chosen = kept.held_out[torch.linspace(0, count - 1, min(recipe.previews, count)).long()]
        return lambda path: look_at(vae, list(chosen), path)
    rng = random_for(recipe.seed, _PREVIEW)
    shown = [sample_card(rng, recipe.cards) for _ in range(recipe.previews)]
    return lambda path: look_at_cards(vae, shown, judge, path)


def look_at_cards(vae: VAE, cards: list[Card], judge: Judge | None, path: Path) -> dict[str, float]:
    """Reconstruct cards: a sheet (real above, made below), PSNR in dB, and how many a judge still reads."""
    device = next(vae.parameters()).device
    real, made = [draw(card) for card in cards], []
    errors = []
    for picture in real:
        pixels = image_to_tensor(picture).to(device)
        back = vae.decode(vae.encode(pixels).mode())
        errors.append(float((back - pixels).square().mean()))
        made += tensor_to_images(back)
    columns = min(8, len(real))
    rows = [
        picture for at in range(0, len(real), columns) for half in (real, made) for picture in half[at : at + columns]
    ]
    save_sheet(path, sheet(rows, columns))
    psnr = sum(10 * math.log10(4.0 / max(error, 1e-10)) for error in errors) / len(errors)
    values = {"psnr": psnr, "score": psnr}
    if judge is not None:
        verdicts: list[Verdict] = [
            judge(picture, text_box(card), card.text) for picture, card in zip(made, cards, strict=True)
        ]
        values |= summary(verdicts, "text")
    return values


def statistics(vae: VAE, cards: Cards, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of every latent channel over the posterior means of `count` cards."""
    device = next(vae.parameters()).device
    sums: list[Tensor] = []
    for part in range(math.ceil(count / 64)):
        latents = vae.encode(to_unit(cards.pictures(_MEASURE, part, 64).to(device))).mode().double()
        sums.append(torch.stack([latents.mean((0, 2, 3)), latents.square().mean((0, 2, 3))]))
    mean, square = torch.stack(sums).mean(0).unbind(0)
    std = (square - mean.square()).clamp(min=1e-12).sqrt()
    return tuple(round(value, 6) for value in mean.tolist()), tuple(round(value, 6) for value in std.tolist())
