"""A user's examples as training samples, encoded once and kept in the run's folder (report section 4.1.1, one machine).

Each example is one safetensors file named by the hash of all that its numbers depend on: the bytes of its pictures, its
text, the sizes they are shown in, and the encoder and VAE that read them. What is there already is not made again, and
where everything is there neither network is loaded. A picture for text-to-image is cut to the nearest size of the
model's area; the pictures of an edit are resized as the pipeline resizes sources, whole, so that nothing shifts between
source and target. Beside the prompt's states stand those of the empty prompt with the same pictures, which a dropped
prompt becomes. It does not know losses or batches.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hanmo.data.buckets import RATIOS, Bucket, fit
from hanmo.errors import OutputError, RequestError
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.latents import image_to_tensor
from hanmo.model.tokens import Kind
from hanmo.model.vae import VAE
from hanmo.pipeline.geometry import Size, resized, size_for, size_of_ratio
from hanmo.producer.sample import Posterior, Sample, Task
from hanmo.train.folder_data import Item, open_picture
from hanmo.weights.files import atomic_file
from hanmo.weights.folder import Folder
from hanmo.weights.preferences import Preferences

EMPTY = " "
"""The prompt of guidance's second pass."""
_VERSION = 1
_ENDS = 1 << 20  # bytes of a weight file's beginning and end that stand for all of it


@dataclass(frozen=True)
class Networks:
    """What encodes; loaded only where something is to be encoded."""

    encoder: ConditionEncoder
    vae: VAE


@dataclass(frozen=True)
class Kept:
    """A sample in its file, without its tensors: its id, and the sizes of its target and its sources."""

    path: Path
    id: str
    sizes: tuple[Size, ...]

    @property
    def task(self) -> Task:
        """What is learned from it."""
        return "ti2i" if len(self.sizes) > 1 else "t2i"


@dataclass(frozen=True)
class View:
    """How an example is shown: to the VAE in `sizes` (target first), to the encoder in `seen`."""

    kind: Kind
    sizes: tuple[Size, ...]
    seen: tuple[Size, ...]


def sizes_of(default: Size) -> tuple[Size, ...]:
    """The sizes of pictures of about a default's area: that one first, then the report's nine ratios."""
    return tuple(dict.fromkeys([default, *(size_of_ratio(ratio, default) for ratio in RATIOS)]))


def view_of(item: Item, sources: Sequence[Size], preferences: Preferences, default: Size) -> View:
    """How an example is shown to a checkpoint."""
    if not sources:
        shape = math.log(item.size[0] / item.size[1])
        size = min(sizes_of(default), key=lambda one: abs(math.log(one[0] / one[1]) - shape))
        return View("t2i", (size,), ())
    plus = preferences.family == "edit_plus" or len(sources) > 1
    area = preferences.edit_plus_vlm_area if plus else preferences.vlm_area
    sizes = tuple(size_for(preferences.edit_area, size) for size in (item.size, *sources))
    return View("edit_plus" if plus else "edit", sizes, tuple(size_for(area, size) for size in sources))


def encode_folder(
    items: Sequence[Item],
    place: Path,
    checkpoint: Folder,
    load: Callable[[], Networks],
    size: Size | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Kept]:
    """Samples of all examples, made where they are missing.

    Args:
        items: from `read_folder`.
        place: where samples are kept; made when missing.
        checkpoint: whose encoder and VAE `load` gives.
        load: called at most once, and not where everything is kept.
        size: what text-to-image pictures are brought to, in this area; None takes the checkpoint's.
        progress: told how many are there of how many.

    Raises:
        RequestError: a text that is too long for the checkpoint or holds a reserved token; the file is named.
        OutputError: the folder cannot be written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {place}: {error.strerror}; choose another run.folder") from error
    stamp, preferences = fingerprint(checkpoint), checkpoint.preferences
    networks: Networks | None = None
    kept = []
    for number, item in enumerate(items, start=1):
        pictures = [open_picture(path) for path in item.sources]
        view = view_of(item, [picture.size for picture in pictures], preferences, size or preferences.default_size)
        identity = _identity(item, view, stamp)
        path = place / f"{identity}.safetensors"
        if not _is_whole(path, identity):
            networks = networks or load()
            try:
                sample, empty = encode(item, pictures, view, networks, preferences.max_text, identity)
            except RequestError as error:
                raise RequestError(f"{item.target.name}: {error}") from None
            write_sample(path, sample, empty)
        kept.append(Kept(path, identity, view.sizes))
        progress(number, len(items))
    return kept


@torch.no_grad()
def encode(
    item: Item, sources: Sequence[Image.Image], view: View, networks: Networks, max_text: int, identity: str
) -> tuple[Sample, Float[Tensor, "E D"]]:
    """The sample of an example, and the states of the empty prompt in its place; both on the CPU."""
    target = open_picture(item.target)
    size, *others = view.sizes
    shown = fit(target, Bucket(0, (1, 1), size)) if view.kind == "t2i" else resized(target, size)
    posteriors = [_posterior(shown, networks.vae)]
    posteriors += [_posterior(resized(p, s), networks.vae) for p, s in zip(sources, others, strict=True)]
    seen = [resized(picture, size) for picture, size in zip(sources, view.seen, strict=True)]
    hidden, empty = (
        networks.encoder.encode([words], [seen], view.kind, max_text).states[0].cpu() for words in (item.caption, EMPTY)
    )
    task: Any = "ti2i" if sources else "t2i"
    name = item.target.parent.name
    return Sample(identity, task, size, posteriors[0], tuple(posteriors[1:]), hidden, item.caption, name), empty


def write_sample(path: Path, sample: Sample, empty: Float[Tensor, "E D"]) -> None:
    """Keep a sample and the states of the empty prompt in its place.

    Raises:
        OutputError: the folder is missing or cannot be written, or the disk is full.
    """
    pairs = [sample.target, *sample.sources]
    tensors = {"hidden": sample.hidden.contiguous(), "empty": empty.contiguous()}
    for number, (mean, logvar) in enumerate(pairs):
        tensors |= {f"{number}.mean": mean.contiguous(), f"{number}.logvar": logvar.contiguous()}
    told = {"id": sample.id, "task": sample.task, "size": sample.size, "pictures": len(pairs)}
    told |= {"caption": sample.caption, "source": sample.source, "weight": sample.weight}
    with atomic_file(path) as file:
        file.write(save(tensors, {"sample": json.dumps(told)}))


def read_sample(path: Path) -> tuple[Sample, Float[Tensor, "E D"]]:
    """A kept sample, and the states of the empty prompt in its place.

    Raises:
        RequestError: the file is gone or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["sample"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, TypeError, KeyError, ValueError) as error:
        raise RequestError(f"the kept sample {path} is damaged ({error}): remove it and resume") from None
    pairs: list[Posterior] = [
        (tensors[f"{number}.mean"], tensors[f"{number}.logvar"]) for number in range(told["pictures"])
    ]
    sample = Sample(
        id=told["id"],
        task=told["task"],
        size=(told["size"][0], told["size"][1]),
        target=pairs[0],
        sources=tuple(pairs[1:]),
        hidden=tensors["hidden"],
        caption=told["caption"],
        source=told["source"],
        weight=told["weight"],
    )
    return sample, tensors["empty"]


def fingerprint(checkpoint: Folder) -> str:
    """Changes with the encoder, the tokenizer and the VAE of a checkpoint: names, sizes and ends of their files."""
    digest = hashlib.sha256(f"{_VERSION} {checkpoint.preferences}".encode())
    for component in ("text_encoder", "tokenizer", "processor", "vae"):
        for path in sorted((checkpoint.path / component).glob("*")):
            if path.is_file():
                digest.update(f"{component}/{path.name} {path.stat().st_size}\n".encode())
                with path.open("rb") as file:
                    digest.update(file.read(_ENDS))
                    file.seek(max(0, path.stat().st_size - _ENDS))
                    digest.update(file.read(_ENDS))
    return digest.hexdigest()


def _identity(item: Item, view: View, stamp: str) -> str:
    digest = hashlib.sha256(f"{stamp} {view} {item.caption}".encode())
    for path in (item.target, *item.sources):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _posterior(picture: Image.Image, vae: VAE) -> Posterior:
    weight = vae.quant_conv.weight
    found = vae.encode(image_to_tensor(picture).to(weight.device, weight.dtype))
    return found.mean[0].float().cpu(), found.logvar[0].float().cpu()


def _is_whole(path: Path, identity: str) -> bool:
    if not path.is_file():
        return False
    try:
        return read_sample(path)[0].id == identity
    except RequestError:
        return False
