"""What a stored sample depends on, as hashes: the networks and the configuration that made it (report section 4.1.1).

A cache is stale when any of them differs from what a run uses; it is refused by name, never repaired. A sample's id is
a hash of these and of its own pictures and words, so equal work has equal names on every machine. It does not know what
the configuration says, nor where samples lie.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from hanmo.errors import RequestError

Json = Any
"""What JSON can say."""
Accept = Literal["exact", "same_networks"]
"""Which samples a consumer takes: of its own identity alone, or also of other configurations of the same networks."""


@dataclass(frozen=True)
class Identity:
    """Hashes of the condition encoder, of the autoencoder, and of how they were used; 16 hexadecimal digits each."""

    encoder: str
    vae: str
    config: str

    @property
    def key(self) -> str:
        """16 hexadecimal digits of all three."""
        return digest(asdict(self))

    def with_config(self, config: Json) -> Identity:
        """The same networks, used otherwise."""
        return replace(self, config=digest(config))


def identity_from(known: Mapping[str, Json]) -> Identity:
    """The identity that `asdict` wrote.

    Raises:
        RequestError: it is none.
    """
    try:
        return Identity(*(str(known[name]) for name in ("encoder", "vae", "config")))
    except (KeyError, TypeError):
        raise RequestError(f"this is no identity of samples: {str(known)[:100]}") from None


def accepts(wanted: Identity, found: Identity, accept: Accept = "exact") -> str:
    """What is wrong with samples of an identity: the name of the first hash that differs; "" where they are taken."""
    for name in ("encoder", "vae", "config"):
        if getattr(found, name) != getattr(wanted, name) and not (name == "config" and accept == "same_networks"):
            return name
    return ""


def refuse_stale(wanted: Identity, found: Identity, where: str, accept: Accept = "exact") -> None:
    """See that samples are those that a run needs.

    Raises:
        RequestError: they were made by another encoder, autoencoder or configuration.
    """
    name = accepts(wanted, found, accept)
    if name:
        raise RequestError(
            f"{where} is stale: its {name} is {getattr(found, name)}, this run's is {getattr(wanted, name)}; "
            "produce it anew in another folder, or use what it was made with"
        )


def digest(value: Json) -> str:
    """16 hexadecimal digits of any JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def weights_hash(tensors: Mapping[str, Tensor], *also: object) -> str:
    """16 hexadecimal digits that change with any weight, its type, or anything else that the results depend on.

    Args:
        tensors: a state dict.
        also: values whose `repr` says all of them, such as frozen dataclasses.
    """
    found = hashlib.blake2b(repr(also).encode(), digest_size=8)
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        numbers = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
        found.update(memoryview(numbers))  # type: ignore[arg-type]
    return found.hexdigest()


def sample_id(identity: Identity, task: str, size: tuple[int, int], pictures: Sequence[str], caption: str) -> str:
    """32 hexadecimal digits that name a sample.

    Args:
        identity: of what made it.
        task: see `Sample`.
        size: of the target.
        pictures: content hashes of the target and the sources, in order.
        caption: what is encoded.
    """
    parts = [identity.key, task, list(size), list(pictures), caption]
    return hashlib.blake2b(json.dumps(parts, ensure_ascii=True).encode(), digest_size=16).hexdigest()
