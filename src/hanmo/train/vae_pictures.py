"""Pictures that an autoencoder is tuned on, kept on disk: text-rich crops, and their posteriors (report section 2.3).

The report tunes the image decoder on documents, slides, posters and drawn paragraphs. Here pictures are drawn by the
data engine (paragraphs, pages, scenes, sheets of cards), or come from a folder or from sets that `hanmo data run` made.
Of each picture some squares are cut where it has most edges, and kept as 8-bit pixels. An encoder that is frozen sees
each of them once: mean and log-variance of the posterior are kept beside them and sampled at every use. The folder's
name is a digest of all that it depends on, so a resumed run finds the same pictures. Files are mapped, not read.

It does not know losses.

Letters: N crops, B crops of a batch, S side in pixels, Z latent channels, s side of the latent (S / 8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from hanmo.data.decode import Decoded, decode
from hanmo.data.layout import shards_of
from hanmo.data.record import Record
from hanmo.data.sources import Source
from hanmo.data.sources.folder import FolderSource
from hanmo.data.sources.pages import PageSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.scenes import SceneSource
from hanmo.data.sources.tar import TarSource
from hanmo.data.synthesize.cards import draw_array
from hanmo.data.synthesize.pages.page import PageConfig
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.data.synthesize.scenes.style import SceneConfig
from hanmo.errors import ConfigError, OutputError, RequestError
from hanmo.log import get_logger
from hanmo.model.vae import VAE
from hanmo.train.objectives.vae import PictureBatch, to_unit
from hanmo.train.randomness import number_for, random_for
from hanmo.train.vae_files import vae_hash
from hanmo.weights.files import atomic_folder

log = get_logger(__name__)
_DRAWN = ("paragraphs", "pages", "scenes", "cards")
_WINDOWS = 4  # places that are looked at for each crop; the one with most edges is taken
_PAGE = (1024, 768)  # pages are drawn at this size at least: smaller ones find no room for their texts


@dataclass(frozen=True)
class PictureConfig:
    """Which pictures, and what is cut out of them.

    Attributes:
        size: side of a crop, pixels, a multiple of 8 from 32 to 2048.
        crops: of each picture.
        held_out: pictures of each source, the first ones, that are looked at and never learned from.
        paragraphs: paragraphs that are drawn, of the crop's size (256 at least).
        pages: slides, posters and the like that are drawn, 1024 x 768 at least.
        scenes: texts on things that are drawn, of the crop's size (384 at least).
        cards: sheets of the recipe's cards.
        chinese: the share of Chinese texts.
        folder: pictures of your own; smaller ones than a crop are left out, with a count.
        sets: stage folders that `hanmo data run` finished.
    """

    size: int = 256
    crops: int = 1
    held_out: int = 8
    paragraphs: int = 0
    pages: int = 0
    scenes: int = 0
    cards: int = 0
    chinese: float = 0.5
    folder: Path | None = None
    sets: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value outside its range; the message names it.
        """
        if not 32 <= self.size <= 2048 or self.size % 8:
            raise ConfigError(f"pictures.size is {self.size}; it must be a multiple of 8 between 32 and 2048")
        for key in ("crops", "held_out"):
            if getattr(self, key) < 1:
                raise ConfigError(f"pictures.{key} is {getattr(self, key)}; it must be at least 1")
        for key in _DRAWN:
            if 0 < getattr(self, key) <= self.held_out or getattr(self, key) < 0:
                raise ConfigError(
                    f"pictures.{key} is {getattr(self, key)}; give more than pictures.held_out = {self.held_out}, or 0"
                )
        if not 0 <= self.chinese <= 1:
            raise ConfigError(f"pictures.chinese is {self.chinese}; it must lie between 0 and 1")

    @property
    def any(self) -> bool:
        """Whether there are any; an autoencoder without them looks at cards."""
        return self.folder is not None or bool(self.sets) or any(getattr(self, key) for key in _DRAWN)


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


def sources(config: PictureConfig, seed: int) -> list[Source]:
    """What is drawn or read; sheets of cards are no source, as they are made of many."""
    small, large = max(256, config.size), max(384, config.size)
    page = PageConfig(width=max(_PAGE[0], config.size), height=max(_PAGE[1], config.size))
    drawn: list[Source] = []
    if config.paragraphs:
        look = ParagraphConfig(width=small, height=small, smallest=10)
        drawn.append(ParagraphSource(config.paragraphs, seed, chinese=config.chinese, config=look))
    if config.pages:
        drawn.append(PageSource(config.pages, seed, chinese=config.chinese, config=page))
    if config.scenes:
        drawn.append(SceneSource(config.scenes, seed, chinese=config.chinese, config=SceneConfig(large, large)))
    if config.folder is not None:
        drawn.append(FolderSource(config.folder))
    drawn += [TarSource(tuple(shards_of(path)), path.name) for path in config.sets]
    return drawn


def pictures_of(source: Source, side: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """The pictures of a source whose sides are `side` pixels or more; how many are not is logged."""
    small = broken = 0
    for item in source:
        found = decode(item.image) if isinstance(item, Record) else None
        if not isinstance(found, Decoded):
            broken += 1
        elif min(found.image.size) < side:
            small += 1
        else:
            yield np.asarray(found.image)
    if small or broken:
        log.info("%s: left out %d pictures below %d pixels and %d without a picture", source.name, small, side, broken)


def cut(pixels: UInt8[np.ndarray, "H W 3"], side: int, *key: int) -> UInt8[np.ndarray, "S S 3"]:
    """A square where the picture has much to see: of four random ones, that with the strongest edges."""
    rng = random_for(*key)
    tall, wide = pixels.shape[0] - side, pixels.shape[1] - side
    places = [(rng.randint(0, tall), rng.randint(0, wide)) for _ in range(_WINDOWS)]
    squares = [pixels[top : top + side, left : left + side] for top, left in places]
    return max(squares, key=lambda square: float(np.abs(np.diff(square.astype(np.int16), axis=1)).sum()))


def sheets(config: PictureConfig, cards: CardConfig, seed: int) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Sheets of cards side by side, as many as cover a crop."""
    for number in range(config.cards):
        rng = random_for(seed, number, 3)
        drawn: list[list[np.ndarray]] = []
        while len(drawn) == 0 or sum(row[0].shape[0] for row in drawn) < config.size:
            row = [draw_array(sample_card(rng, cards))]
            while sum(card.shape[1] for card in row) < config.size:
                row.append(draw_array(sample_card(rng, cards)))
            drawn.append(row)
        yield np.concatenate([np.concatenate(row, axis=1) for row in drawn], axis=0)


def _write(place: Path, config: PictureConfig, cards: CardConfig, seed: int, vae: VAE | None) -> None:
    """Fill a new folder: `pixels` and `held_out`, and with a frozen encoder `mean` and `logvar`, as plain numbers."""
    streams = [(source.name, pictures_of(source, config.size)) for source in sources(config, seed)]
    if config.cards:
        streams.append(("cards", sheets(config, cards, seed)))
    with (place / "pixels").open("wb") as kept, (place / "held_out").open("wb") as held:
        for number, (name, stream) in enumerate(streams):
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
