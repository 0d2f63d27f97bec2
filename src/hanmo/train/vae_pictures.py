"""Pictures that an autoencoder is tuned on, kept on disk, with their posteriors (report section 2.3).

Of each picture some squares are cut (`vae_crops`) and kept as 8-bit pixels. An encoder that is frozen sees each of them
once: mean and log-variance of the posterior are kept beside them and sampled at every use. The folder's name is a
digest of all that it depends on, so a resumed run finds the same pictures. Files are mapped, not read.

It does not know losses.

Letters: N crops, B crops of a batch, S side in pixels, Z latent channels, s side of the latent (S / 8).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hanmo.data.synthesize.sample import CardConfig
from hanmo.errors import OutputError, RequestError
from hanmo.log import get_logger
from hanmo.model.vae import VAE
from hanmo.train.objectives.vae import PictureBatch, to_unit
from hanmo.train.randomness import number_for, random_for
from hanmo.train.vae_files import vae_hash
from hanmo.train.vae_picture_config import PictureConfig
from hanmo.weights.files import atomic_folder

log = get_logger(__name__)


@dataclass(frozen=True)
class KeptPictures:
    """Crops on disk; `mean` and `logvar` are there when the encoder is frozen."""

    seed: int
    pixels: Tensor
    mean: Tensor | None
    logvar: Tensor | None
    held_out: Tensor

    def batch(self, step: int, part: int, count: int) -> PictureBatch:
        """`count` crops, drawn with replacement as a function of (seed, step, part)."""
        chosen = torch.tensor(random_for(self.seed, step, part, 2).choices(range(len(self.pixels)), k=count))
        kept = [None if tensor is None else tensor[chosen] for tensor in (self.mean, self.logvar)]
        return PictureBatch(self.pixels[chosen], number_for(self.seed, step, part, 1), *kept)


def keep_pictures(
    config: PictureConfig, cards: CardConfig, seed: int, vae: VAE, frozen: bool, folder: Path
) -> KeptPictures:
    """The crops of a recipe, drawn and encoded unless `folder` holds them already.

    Args:
        config: which pictures.
        cards: what cards look like.
        seed: of drawing and cutting.
        vae: on its device; asked only when `frozen`.
        frozen: whether its encoder stays as it is, so that posteriors are kept.
        folder: where the folder of crops is, or is put.

    Raises:
        RequestError: a source that is not there, or without a picture that is large enough.
        OutputError: the disk is full.
    """
    said = repr((config, cards, seed, vae_hash(vae) if frozen else ""))
    place = folder / f"pictures-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    if not place.is_dir():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_folder(place) as new:
                _write(new, config, cards, seed, vae if frozen else None)
        except OSError as error:
            raise OutputError(f"cannot write {place}: {error.strerror}; free some space") from error
    side, latent = config.size, (vae.config.z_dim, *(config.size // vae.config.scale,) * 2)
    pixels = _mapped(place / "pixels", torch.uint8, (side, side, 3))
    mean, logvar = ((_mapped(place / name, torch.float32, latent) if frozen else None) for name in ("mean", "logvar"))
    return KeptPictures(seed, pixels, mean, logvar, _mapped(place / "held_out", torch.uint8, (side, side, 3)))


def _write(place: Path, config: PictureConfig, cards: CardConfig, seed: int, vae: VAE | None) -> None:
    """Fill a new folder: `pixels` and `held_out`, and with a frozen encoder `mean` and `logvar`, as plain numbers."""
    try:
        from hanmo.train.vae_crops import cut, streams  # needs hanmo[data], and a run on cards does not
    except ImportError as missing:
        raise RequestError(f"[pictures] needs the data engine ({missing}): pip install 'hanmo[data]'") from missing
    with (place / "pixels").open("wb") as kept, (place / "held_out").open("wb") as held:
        for number, (name, stream) in enumerate(streams(config, cards, seed)):
            count = 0
            for count, picture in enumerate(stream, start=1):
                for crop in range(1 if count <= config.held_out else config.crops):
                    square = cut(picture, config.size, seed, number, count, crop)
                    (held if count <= config.held_out else kept).write(square.tobytes())
            if count <= config.held_out:
                raise RequestError(
                    f"{name} gave {count} pictures of {config.size} pixels or more; tuning holds out the first "
                    f"{config.held_out} of each source, so give more of them or a smaller pictures.size"
                )
            log.info("%s: %d pictures", name, count)
    if vae is not None:
        _encode(place, config.size, vae)


@torch.no_grad()
def _encode(place: Path, side: int, vae: VAE, count: int = 8) -> None:
    device = next(vae.parameters()).device
    pixels = _mapped(place / "pixels", torch.uint8, (side, side, 3))
    with (place / "mean").open("wb") as means, (place / "logvar").open("wb") as logvars:
        for part in pixels.split(count):
            posterior = vae.encode(to_unit(part).to(device))
            means.write(posterior.mean.float().cpu().contiguous().numpy().tobytes())
            logvars.write(posterior.logvar.float().cpu().contiguous().numpy().tobytes())
    log.info("%d crops, encoded once for all", len(pixels))


def _mapped(path: Path, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    """A file of plain numbers as a tensor [N, *shape] that reads what is asked for."""
    count = path.stat().st_size // dtype.itemsize
    return torch.from_file(str(path), shared=False, size=count, dtype=dtype).view(-1, *shape)
