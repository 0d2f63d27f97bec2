"""From pictures and words to samples: what the condition encoder and the autoencoder say (report sections 2.2, 4.1.1).

The encoder is asked as the pipeline asks it: the same templates, and source pictures at the area that the checkpoint
prefers, one large or several small. The target is scaled to cover its bucket and cut; a source of the target's size is
treated alike, so that an edit stays in its place; others get about as many pixels as the target. Posteriors are stored
as they are, not normalised and not sampled. It does not know where items come from or where samples go.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), T tokens, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from hanmo.data.buckets import Bucket, bucket_of, buckets, fit
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
    """An item whose pictures have the sizes in which they are encoded.

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


def fitted(item: Item, networks: Networks, config: EncodeConfig, identity: Identity) -> Fitted | None:
    """An item in its bucket, or None where the picture is too small for all of them, or a source too thin."""
    bucket = _bucket(item.target.size, config)
    if bucket is None:
        return None
    width, height = bucket.size
    try:
        sources = tuple(
            fit(picture, bucket) if picture.size == item.target.size else _in_area(picture, width * height)
            for picture in item.sources
        )
        area = networks.preferences.vlm_area
        if _kind(item, networks.preferences) == "edit_plus":
            area = networks.preferences.edit_plus_vlm_area
        seen = tuple(_in_area(picture, area) for picture in sources)
    except RequestError:
        return None
    caption = item.caption or config.repaint
    name = sample_id(identity, item.task, bucket.size, item.pictures, caption)
    return Fitted(name, item, bucket.size, caption, fit(item.target, bucket), sources, seen)


@torch.no_grad()
def encode(
    group: Sequence[Fitted], networks: Networks, config: EncodeConfig, posteriors: Posteriors | None = None
) -> list[Sample]:
    """Samples of items of one bucket; fewer where a prompt is longer than the encoder reads.

    Args:
        group: of one task, size and number of sources (`grouped`).
        networks: from `networks_of`.
        config: see `EncodeConfig`.
        posteriors: of the networks' autoencoder, where what it said of earlier groups is remembered.
    """
    kind = _kind(group[0].item, networks.preferences)
    hidden = _hidden(group, kind, networks)
    asked = config.empty_edits and kind != "t2i"
    empty: Sequence[Tensor | None] = _empty(group, kind, networks) if asked else [None] * len(group)
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


def _bucket(size: Size, config: EncodeConfig) -> Bucket | None:
    if not config.sizes:
        return bucket_of(size, config.resolution, config.enlarge)
    shape = math.log(size[0] / size[1])
    best = min(config.sizes, key=lambda own: abs(math.log(own[0] / own[1]) - shape))
    scale = max(best[0] / size[0], best[1] / size[1])
    return Bucket(math.isqrt(best[0] * best[1]), best, best) if scale <= config.enlarge else None


def sizes_of(config: EncodeConfig) -> tuple[Size, ...]:
    """Every size that a target may have.

    Raises:
        RequestError: a resolution that has no buckets.
    """
    return config.sizes or tuple(bucket.size for bucket in buckets(config.resolution))


def _kind(item: Item, preferences: Preferences) -> Kind:
    """As the pipeline asks: see `pipeline.work`."""
    if not item.sources:
        return "t2i"
    return "edit_plus" if preferences.family == "edit_plus" or len(item.sources) > 1 else "edit"


def _in_area(picture: Image.Image, area: int) -> Image.Image:
    return resized(picture, size_for(area, picture.size))


def _hidden(group: Sequence[Fitted], kind: Kind, networks: Networks) -> list[Tensor | None]:
    """Last states of each, on the CPU; None where the words are too many or spell a reserved token."""
    try:
        return list(_asked([each.caption for each in group], group, kind, networks))
    except RequestError:
        if len(group) == 1:
            return [None]
        return [states for each in group for states in _hidden([each], kind, networks)]


def _empty(group: Sequence[Fitted], kind: Kind, networks: Networks) -> list[Tensor]:
    """Last states of the empty prompt with the sources of each; several wishes for the same pictures ask once."""
    names = [each.item.pictures[1:] for each in group]
    once = {name: each for name, each in zip(names, group, strict=True)}
    found = dict(zip(once, _asked([DEFAULT_NEGATIVE] * len(once), list(once.values()), kind, networks), strict=True))
    return [found[name] for name in names]


def _asked(words: Sequence[str], group: Sequence[Fitted], kind: Kind, networks: Networks) -> list[Tensor]:
    """Last states of words with the pictures of a group, on the CPU.

    Raises:
        RequestError: the words are too many or spell a reserved token.
    """
    seen = None if kind == "t2i" else [each.seen for each in group]
    found = networks.encoder.encode(words, seen, kind, networks.preferences.max_text)
    lengths = [found.states.shape[1]] * len(group) if found.mask is None else found.mask.sum(1).tolist()
    return [states[:length].cpu() for states, length in zip(found.states, lengths, strict=True)]
