"""Squares of text-rich pictures, for tuning and for measuring an autoencoder (report section 2.3).

The report tunes the image decoder on documents, slides, posters and drawn paragraphs. Here pictures are drawn by the
data engine (paragraphs, pages, scenes, sheets of cards), or come from a folder or from sets that `hanmo data run` made;
squares are cut where there is most to see. This module needs the packages of hanmo[data], so what trains on cards alone
does not import it. It does not know autoencoders.

Letters: H W pixels, S side of a square.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import UInt8

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
from hanmo.log import get_logger
from hanmo.train.randomness import random_for
from hanmo.train.vae_picture_config import PictureConfig

log = get_logger(__name__)
_WINDOWS = 4  # places that are looked at for each square; the one with most edges is taken
_PAGE = (1024, 768)  # pages are drawn at this size at least: smaller ones find no room for their texts


def streams(config: PictureConfig, cards: CardConfig, seed: int) -> list[tuple[str, Iterator[np.ndarray]]]:
    """Every source of a recipe: its name, and its pictures [H, W, 3]."""
    found = [(source.name, pictures_of(source, config.size)) for source in sources(config, seed)]
    return [*found, ("cards", sheets(config, cards, seed))] if config.cards else found


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
