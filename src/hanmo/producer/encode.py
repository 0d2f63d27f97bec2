"""From pictures and words to samples: what the condition encoder and the autoencoder say (report sections 2.2, 4.1.1).

The encoder is asked as the pipeline asks it: the same templates, and source pictures at the area that the checkpoint
prefers, one large or several small. The target is scaled to cover a size of each resolution and cut; a source of the
target's size is treated alike, so that an edit stays in its place; others get about as many pixels as the target.
Posteriors are stored as they are, not normalised and not sampled. It does not know where items come from or where
samples go.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), T tokens, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image

from hanmo.data.buckets import Bucket, fit
from hanmo.errors import RequestError
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.tokens import DROP, TEMPLATE, Kind
from hanmo.model.vae import VAE
from hanmo.pipeline.geometry import Size, resized, size_for
from hanmo.pipeline.request import DEFAULT_NEGATIVE
from hanmo.producer.config import EncodeConfig
from hanmo.producer.identity import Identity, digest, sample_id, weights_hash
from hanmo.producer.items import Item
from hanmo.producer.posteriors import Posteriors
from hanmo.producer.sample import Posterior, Sample
from hanmo.producer.words import Words
from hanmo.weights.preferences import Preferences

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, eq=False)
class Networks:
    """What encodes, frozen and in evaluation mode, and its hashes (`networks_of`)."""

    encoder: ConditionEncoder
    vae: VAE
    preferences: Preferences
    identity: Identity


@dataclass(frozen=True, eq=False)
class Fitted:
    """An item at one resolution: its pictures have the sizes in which they are encoded.

    Attributes:
        id: of the sample to come.
        size: of its target.
        target: of that size.
        sources: as the autoencoder sees them.
        seen: the same as the condition encoder sees them.
    """

    id: str
    item: Item
    size: Size
    caption: str
    target: Image.Image
    sources: tuple[Image.Image, ...]
    seen: tuple[Image.Image, ...]


def networks_of(encoder: ConditionEncoder, vae: VAE, preferences: Preferences) -> Networks:
    """Hash the networks with everything else that their answers depend on: words, templates, areas of pictures."""
    words = digest(encoder.tokenizer.get_vocab())
    asked = (words, encoder.picture_config, sorted(TEMPLATE.items()), sorted(DROP.items()))
    areas = (preferences.family, preferences.vlm_area, preferences.edit_plus_vlm_area)
    identity = Identity(
        weights_hash(encoder.model.state_dict(), *asked, *areas), weights_hash(vae.state_dict(), vae.config), digest({})
    )
    return Networks(encoder, vae, preferences, identity)


def identity_of(networks: Networks, config: EncodeConfig) -> Identity:
    """Of the samples that these networks make under a configuration; what a consumer's run asks for, too."""
    return networks.identity.with_config(config.to_json())


def fitted(item: Item, networks: Networks, config: EncodeConfig, identity: Identity) -> tuple[Fitted, ...]:
    """An item at every resolution that its picture is large enough for; at none, also where a source is too thin.

    The condition encoder sees an edit's sources as they are at the largest of these, whatever the target's size.
    """
    made = [size for level in config.levels if (size := _size(item.target.size, level, config)) is not None]
    try:
        sources = [_sources(item, size) for size in made]
        area = networks.preferences.vlm_area
        if _kind(item, networks.preferences) == "edit_plus":
            area = networks.preferences.edit_plus_vlm_area
        seen = tuple(_in_area(picture, area) for picture in sources[-1]) if sources else ()
    except RequestError:
        return ()
    caption = item.caption or config.repaint
    return tuple(
        Fitted(
            sample_id(identity, item.task, size, item.pictures, caption),
            item,
            size,
            caption,
            _cut(item.target, size),
            own,
            seen,
        )
        for size, own in zip(made, sources, strict=True)
    )


@torch.no_grad()
def encode(
    group: Sequence[Fitted],
    networks: Networks,
    config: EncodeConfig,
    posteriors: Posteriors | None = None,
    words: Words | None = None,
) -> list[Sample]:
    """Samples of items of one bucket; fewer where a prompt is longer than the encoder reads.

    Args:
        group: of one task, size and number of sources (`grouped`).
        networks: from `networks_of`.
        config: see `EncodeConfig`.
        posteriors: of the networks' autoencoder, where what it said of earlier groups is remembered.
        words: of the networks' condition encoder, likewise (`words_of`).
    """
    kind, words = _kind(group[0].item, networks.preferences), words or words_of(networks)
    seen = [each.seen for each in group]
    hidden = words.of([each.caption for each in group], seen, kind)
    asked = config.empty_edits and kind != "t2i"
    empty = words.of([DEFAULT_NEGATIVE] * len(group), seen, kind) if asked else [None] * len(group)
    pictures = {id(one): one for each in group for one in (each.target, *each.sources)}
    said = (posteriors or Posteriors(networks.vae)).of(list(pictures.values()))
    found = dict(zip(pictures, said, strict=True))
    dtype = _TYPES[config.precision]

    def stored(picture: Image.Image) -> Posterior:
        mean, logvar = found[id(picture)]
        return mean.to(dtype), logvar.to(dtype)

    return [
        Sample(
            id=each.id,
            task=each.item.task,
            size=each.size,
            target=stored(each.target),
            sources=tuple(stored(source) for source in each.sources),
            hidden=states.to(dtype),
            caption=each.caption,
            source=each.item.source,
            empty=None if nothing is None else nothing.to(dtype),
            tags=each.item.tags,
        )
        for each, states, nothing in zip(group, hidden, empty, strict=True)
        if states is not None
    ]


def grouped(items: Iterable[Fitted], size: int) -> Iterator[list[Fitted]]:
    """Items that can be encoded together, at most `size` each, as soon as there are enough; the rest at the end."""
    waiting: dict[tuple[object, ...], list[Fitted]] = {}
    for one in items:
        key = one.item.task, one.size, len(one.sources)
        group = waiting.setdefault(key, [])
        group.append(one)
        if len(group) == size:
            yield waiting.pop(key)
    yield from waiting.values()


def words_of(networks: Networks) -> Words:
    """What remembers the answers of the networks' condition encoder."""
    return Words(networks.encoder, networks.preferences.max_text)


def _size(size: Size, level: Sequence[Size], config: EncodeConfig) -> Size | None:
    """The size of a resolution whose shape is nearest to a picture's, unless it is too small for it."""
    shape = math.log(size[0] / size[1])
    best = min(level, key=lambda own: abs(math.log(own[0] / own[1]) - shape))
    return best if max(best[0] / size[0], best[1] / size[1]) <= config.enlarge else None


def _sources(item: Item, size: Size) -> tuple[Image.Image, ...]:
    """As the autoencoder sees them beside a target of this size.

    Raises:
        RequestError: one is too thin.
    """
    return tuple(
        _cut(picture, size) if picture.size == item.target.size else _in_area(picture, size[0] * size[1])
        for picture in item.sources
    )


def _cut(picture: Image.Image, size: Size) -> Image.Image:
    return fit(picture, Bucket(math.isqrt(size[0] * size[1]), size, size))


def _kind(item: Item, preferences: Preferences) -> Kind:
    """As the pipeline asks: see `pipeline.work`."""
    if not item.sources:
        return "t2i"
    return "edit_plus" if preferences.family == "edit_plus" or len(item.sources) > 1 else "edit"


def _in_area(picture: Image.Image, area: int) -> Image.Image:
    return resized(picture, size_for(area, picture.size))
