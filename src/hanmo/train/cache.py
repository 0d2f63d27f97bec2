"""Kept latents: the cards of a run, seen once by the VAE, then read from a file of the run's folder.

Cards are drawn from a seed; their latents (posterior means, normalised) depend on the cards and on the
VAE. The file's name holds a digest of both, so that a resumed run, or one with the same cards, finds
them, and another never does. Captions are not kept: they are drawn anew at every use.

Letters: N cards, H W pixels, Z latent channels, h w latent cells (pixels / 8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hanmo.data.synthesize.cards import Card, draw_array
from hanmo.data.synthesize.edits import edit_pair
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.errors import OutputError
from hanmo.log import get_logger, progress
from hanmo.model.vae import VAE
from hanmo.train.data import Kept
from hanmo.train.objectives.vae import to_unit
from hanmo.train.randomness import random_for
from hanmo.train.vae_files import vae_hash
from hanmo.weights.files import atomic_file

log = get_logger(__name__)
BATCH = 64
_CARDS, _PAIRS = 1, 2  # what a seed is used for, so that both lists differ
_SAMPLES = 16


def kept_cards(count: int, config: CardConfig, seed: int, vae: VAE, folder: Path) -> Kept:
    """`count` cards and their latents.

    Args:
        count: how many.
        config: which cards.
        seed: of the cards.
        vae: on its device, in evaluation mode.
        folder: where the file is, or is put.

    Raises:
        OutputError: the disk is full.
    """
    rng = random_for(seed, _CARDS)
    cards = [sample_card(rng, config) for _ in range(count)]
    return Kept(cards, latents_of(cards, vae, folder, "cards"))


def kept_pairs(count: int, config: CardConfig, seed: int, vae: VAE, folder: Path) -> Kept:
    """`count` pairs of cards for edits, and the latents of both sides; see `kept_cards`."""
    rng = random_for(seed, _PAIRS)
    pairs = [edit_pair(rng, config) for _ in range(count)]
    targets = [pair.target for pair in pairs]
    latents = latents_of([*targets, *(pair.source for pair in pairs)], vae, folder, "pairs")
    return Kept(targets, latents[:count], pairs, latents[count:])


def latents_of(cards: Sequence[Card], vae: VAE, folder: Path, name: str) -> Float[Tensor, "N Z h w"]:
    """Normalised latents of cards of one size, float32, from the folder when they were kept there."""
    path = folder / f"{name}-{_digest(cards, vae)}.safetensors"
    if path.is_file():
        try:
            return load_file(path)["latents"]
        except (SafetensorError, KeyError):
            log.warning("%s is damaged and is made anew", path)
    latents = _encode(cards, vae, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}; choose another run.folder") from error
    with atomic_file(path) as file:
        file.write(save({"latents": latents}))
    return latents


@torch.no_grad()
def _encode(cards: Sequence[Card], vae: VAE, name: str) -> Float[Tensor, "N Z h w"]:
    device = next(vae.parameters()).device
    found = []
    with progress(len(cards), f"latents of {name}") as bar:
        for start in range(0, len(cards), BATCH):
            part = cards[start : start + BATCH]
            pixels = torch.from_numpy(np.stack([draw_array(card) for card in part])).to(device)
            found.append(vae.normalise(vae.encode(to_unit(pixels)).mode()).float().cpu())
            bar.update(len(part))
    return torch.cat(found)


def _digest(cards: Sequence[Card], vae: VAE) -> str:
    """Changes with any card, with how cards are drawn, and with the VAE."""
    digest = hashlib.sha256(vae_hash(vae).encode())
    digest.update(repr(list(cards)).encode())
    for card in cards[:_SAMPLES]:
        digest.update(draw_array(card).tobytes())
    return digest.hexdigest()[:16]
