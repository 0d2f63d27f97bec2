"""A store that frozen networks have filled before the first step, opened (report section 4.1.1, on one machine).

What every kind of run on producers' samples begins with: the networks speak once of every set, and what they said
stays. It needs the data engine (the extra data). It does not know what is trained, nor how batches are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from hanmo.data.layout import shards_of
from hanmo.log import get_logger
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.vae import VAE
from hanmo.producer.config import ProducerConfig
from hanmo.producer.encode import Networks, identity_of, networks_of
from hanmo.producer.identity import Identity
from hanmo.producer.produce import fill_store
from hanmo.train.samples import EmptyPrompts
from hanmo.train.stored import StoreConfig, StoreSource
from hanmo.weights.preferences import Preferences

log = get_logger(__name__)


@dataclass(frozen=True)
class Filled:
    """What a store holds, and the states of dropped captions."""

    source: StoreSource
    empty: EmptyPrompts


@dataclass(frozen=True)
class Spoken:
    """What every process of a run must know of what the networks said.

    Attributes:
        identity: of the samples that these networks make.
        empty: states of the prompt that replaces a dropped caption of text-to-image.
    """

    identity: Identity
    empty: Float[Tensor, "T D"]


def open_store(
    data: StoreConfig, producers: ProducerConfig, encoder: ConditionEncoder, vae: VAE, preferences: Preferences
) -> Filled:
    """Fill the store where it lacks something, and open it; see `let_speak`."""
    return opened(data, let_speak(data, producers, encoder, vae, preferences))


def let_speak(
    data: StoreConfig, producers: ProducerConfig, encoder: ConditionEncoder, vae: VAE, preferences: Preferences
) -> Spoken:
    """Fill the store where it lacks something: the work of one process.

    Args:
        data: the sets and the store.
        producers: what becomes of records.
        encoder: frozen, in evaluation mode.
        vae: likewise.
        preferences: of their checkpoint.

    Raises:
        RequestError: a set is not finished, or the store is stale.
    """
    networks = networks_of(encoder, vae, preferences)
    fill(data, networks, producers)
    return Spoken(identity_of(networks, producers.encode), empty_text(encoder))


def opened(data: StoreConfig, spoken: Spoken) -> Filled:
    """A store that was filled.

    Raises:
        RequestError: it is stale, or holds nothing.
    """
    return Filled(StoreSource(data.store, spoken.identity), EmptyPrompts(spoken.empty))


def fill(data: StoreConfig, networks: Networks, producers: ProducerConfig) -> None:
    """Let the frozen networks speak of every set, once."""
    for place in data.sets:
        counts = fill_store(last_set(place), data.store, networks, producers)
        log.info("%s: %s", place, ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing new")


def last_set(place: Path) -> Path:
    """The set that a folder means: itself, or the last one of a run of the data engine.

    Raises:
        RequestError: it is neither.
    """
    sets = sorted(place.glob("set[0-9]*"), key=lambda path: int(path.name[3:]) if path.name[3:].isdigit() else -1)
    found = sets[-1] if sets else place
    shards_of(found)  # says what is wrong with it
    return found


@torch.no_grad()
def empty_text(encoder: ConditionEncoder) -> Float[Tensor, "T D"]:
    """Hidden states of the prompt that replaces a dropped caption of text-to-image, on the CPU."""
    states = encoder.encode([" "])
    found = states.states[0] if states.mask is None else states.states[0][states.mask[0]]
    return found.cpu()
