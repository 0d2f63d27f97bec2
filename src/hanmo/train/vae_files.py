"""A `vae/` folder by itself, as a run that trains the autoencoder leaves it and a run that uses it finds it.

A folder that holds it need not be a whole checkpoint. It does not know training.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError

from hanmo.errors import ConfigError, OutputError, WeightsError
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.model.vae_layout import is_temporal, published_shape, to_published
from hanmo.weights.files import atomic_folder
from hanmo.weights.fill import fill
from hanmo.weights.folder import DIFFUSION_STEM
from hanmo.weights.hub import BUNDLED, bundled, resolve
from hanmo.weights.released import RELEASED
from hanmo.weights.save import save_tensors
from hanmo.weights.tensors import open_tensors

PATTERNS = ("vae/*.json", "vae/*.safetensors")
"""Files of a repository on a hub that are fetched for its autoencoder."""


def save_vae(folder: Path, vae: VAE, config: VAEConfig) -> None:
    """Write `folder/vae` in the published layout, float32, whole or not at all.

    Args:
        folder: made when missing.
        vae: the weights.
        config: its config, completed with the latents' statistics.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_folder(folder / "vae") as new:
            text = json.dumps(config.to_dict(), indent=2) + "\n"
            (new / "config.json").write_text(text, encoding="utf-8")
            tensors = to_published(vae.state_dict(), config)
            save_tensors(new, DIFFUSION_STEM, {name: value.cpu().contiguous() for name, value in tensors.items()})
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"cannot write {folder / 'vae'}: {error}; free some space or choose another folder"
        ) from error


def vae_home(init: Path) -> Path:
    """The folder that `model.init` of a recipe means: itself, the bundled model's, or a published one's, fetched first.

    Raises:
        WeightsError: it cannot be fetched.
    """
    if str(init) == BUNDLED:
        return bundled()
    published = not init.exists() and str(init) in {one.hub_id for one in RELEASED.values()}
    return resolve(str(init), patterns=PATTERNS) if published else init


def load_vae(folder: Path) -> VAE:
    """The VAE of `folder/vae` in float32, in evaluation mode.

    Raises:
        WeightsError: it is missing, damaged, or does not fit its config.
    """
    place = folder / "vae"
    try:
        config = VAEConfig.from_dict(json.loads((place / "config.json").read_text(encoding="utf-8")))
    except OSError as error:
        raise WeightsError(f"{place} holds no VAE ({error.strerror}): train one first, or give its folder") from error
    except (ConfigError, TypeError, ValueError) as error:
        raise WeightsError(f"{place / 'config.json'}: {error}") from error
    with torch.device("meta"):
        vae = VAE(config)
    entries = open_tensors(place, DIFFUSION_STEM)
    fill(
        str(place),
        vae,
        entries,
        dtype=torch.float32,
        published_shape=published_shape,
        left_on_disk=is_temporal,
    )
    return vae.eval()


def vae_hash(vae: VAE) -> str:
    """Sixteen digits that change with any weight and with the latents' statistics."""
    digest = hashlib.sha256(repr((vae.config.latents_mean, vae.config.latents_std)).encode())
    for name, tensor in sorted(vae.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
