"""Writing a checkpoint folder of the published layout, whole or not at all.

Names and shapes are the published ones, so diffusers and transformers load the folder. What Hanmo does not
hold is written so that they need not miss it: the VAE's video tensors as zeros, the language head as tied
to the embeddings (`tie_word_embeddings`). This module knows no training and no pipeline.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from hanmo.errors import OutputError
from hanmo.flow import ScheduleConfig
from hanmo.model.config import ControlNetConfig
from hanmo.model.controlnet import ControlNet
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.model.qwen_vl import checkpoint_name
from hanmo.model.vae import VAE
from hanmo.model.vae_layout import to_published
from hanmo.weights.files import atomic_folder, refusal, usual_mode
from hanmo.weights.fill import parse_dtype
from hanmo.weights.folder import DIFFUSION_STEM, ENCODER_CLASS, ENCODER_STEM
from hanmo.weights.preferences import Preferences, write_preferences

SHARD_BYTES = 5 * 10**9
"""Largest safetensors file that is written; more becomes shards with an index."""

_LIBRARY_OF = {
    "scheduler": ("diffusers", "FlowMatchEulerDiscreteScheduler"),
    "text_encoder": ("transformers", ENCODER_CLASS),
    "tokenizer": ("transformers", "Qwen2Tokenizer"),
    "transformer": ("diffusers", "QwenImageTransformer2DModel"),
    "vae": ("diffusers", "AutoencoderKLQwenImage"),
}
# Written for diffusers, whose oldest version that knows these classes is named.
_DIFFUSERS = "0.35.0"
# What transformers adds to every config and no Qwen2.5-VL reads.
_NOISE = frozenset(
    {
        "_name_or_path",
        "chunk_size_feed_forward",
        "id2label",
        "is_encoder_decoder",
        "label2id",
        "output_attentions",
        "output_hidden_states",
        "problem_type",
        "return_dict",
        "torch_dtype",
    }
)


def save_folder(
    path: Path | str,
    transformer: MMDiT,
    vae: VAE,
    encoder: ConditionEncoder,
    schedule: ScheduleConfig,
    dtype: str | torch.dtype | None = None,
    preferences: Preferences | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Path:
    """Write a checkpoint folder; one already at `path` is replaced in one move.

    Args:
        path: the folder to make. Its parent must exist.
        transformer: the MMDiT.
        vae: the VAE; its video tensors are written as zeros.
        encoder: the condition encoder with its tokenizer.
        schedule: what the sampler uses.
        dtype: what tensors are cast to; None keeps each component's own.
        preferences: written to `hanmo.json`; None writes none.
        shard_bytes: largest single file.

    Returns:
        The folder.

    Raises:
        OutputError: the disk is full, the parent is missing, or `path` is something else than a checkpoint.
            Nothing is left half-written.
        WeightsError: the dtype is not known.
    """
    folder, cast = Path(path), parse_dtype(dtype)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "model_index.json").is_file():
        raise OutputError(f"{folder} exists and is no checkpoint: give a new name, or remove it first")
    with atomic_folder(folder) as new:
        try:
            _write_json(new / "model_index.json", _index())
            _write_diffusers(
                new / "transformer", transformer.config.to_dict(), transformer.state_dict(), cast, shard_bytes
            )
            published = to_published(vae.state_dict(), vae.config)
            _write_diffusers(new / "vae", vae.config.to_dict(), published, cast, shard_bytes)
            _write_encoder(new, encoder, cast, shard_bytes)
            _write_tokenizer(new / "tokenizer", encoder)
            (new / "scheduler").mkdir()
            _write_json(
                new / "scheduler" / "scheduler_config.json",
                {**schedule.to_dict(), "_diffusers_version": _DIFFUSERS},
            )
            if preferences is not None:
                write_preferences(new, preferences)
        except (SafetensorError, _NotWritten) as error:
            raise OutputError(not_written(folder, error)) from None
    return folder


def save_controlnet(
    path: Path | str, net: ControlNet, dtype: str | torch.dtype | None = None, shard_bytes: int = SHARD_BYTES
) -> Path:
    """Write a ControlNet's folder; one already at `path` is replaced in one move.

    Args:
        path: the folder to make. Its parent must exist.
        net: the ControlNet.
        dtype: what tensors are cast to; None keeps the net's own.
        shard_bytes: largest single file.

    Returns:
        The folder.

    Raises:
        OutputError: the disk is full, the parent is missing, or `path` is something else than a ControlNet.
        WeightsError: the dtype is not known.
    """
    folder, cast = Path(path), parse_dtype(dtype)
    if folder.is_dir() and any(folder.iterdir()) and not _is_controlnet(folder):
        raise OutputError(f"{folder} exists and is no ControlNet: give a new name, or remove it first")
    with atomic_folder(folder) as new:
        try:
            _write_diffusers(new, net.config.to_dict(), net.state_dict(), cast, shard_bytes)
        except SafetensorError as error:
            raise OutputError(not_written(folder, error)) from None
    return folder


def save_tensors(folder: Path, stem: str, state: Mapping[str, Tensor], shard_bytes: int = SHARD_BYTES) -> None:
    """Write tensors as `{stem}.safetensors`; beyond `shard_bytes` as shards with an index.

    Args:
        folder: an existing folder.
        stem: file name without suffix.
        state: tensors by name.
        shard_bytes: largest single file.

    Raises:
        SafetensorError: the file could not be written.
    """
    sizes = {name: tensor.nbytes for name, tensor in state.items()}
    stream_tensors(folder, stem, sizes, lambda names: {name: state[name] for name in names}, shard_bytes)


def stream_tensors(
    folder: Path,
    stem: str,
    sizes: Mapping[str, int],
    read: Callable[[Sequence[str]], dict[str, Tensor]],
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write tensors as `save_tensors` does, but ask for those of one file at a time.

    Args:
        folder: an existing folder.
        stem: file name without suffix.
        sizes: bytes of every tensor, by name.
        read: gives the tensors of some names; each must have its size.
        shard_bytes: largest single file.

    Raises:
        SafetensorError: the file could not be written.
    """
    shards: list[list[str]] = [[]]
    used = 0
    for name in sorted(sizes):
        if shards[-1] and used + sizes[name] > shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(name)
        used += sizes[name]
    if len(shards) == 1:
        _save(folder / f"{stem}.safetensors", read(shards[0]))
        return
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        file = f"{stem}-{number:05d}-of-{len(shards):05d}.safetensors"
        _save(folder / file, read(shard))
        weight_map |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": weight_map}
    _write_json(folder / f"{stem}.safetensors.index.json", index)


def _is_controlnet(folder: Path) -> bool:
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("_class_name") == ControlNetConfig.class_name()


def _index() -> dict[str, Any]:
    parts = {name: list(library) for name, library in _LIBRARY_OF.items()}
    return {"_class_name": "QwenImagePipeline", "_diffusers_version": _DIFFUSERS, **parts}


def _write_diffusers(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, Tensor],
    cast: torch.dtype | None,
    shard_bytes: int,
) -> None:
    folder.mkdir(exist_ok=True)  # a ControlNet's tensors lie in the folder itself
    _write_json(folder / "config.json", {**config, "_diffusers_version": _DIFFUSERS})
    save_tensors(folder, DIFFUSION_STEM, _ready(state, cast), shard_bytes)


def _write_encoder(folder: Path, encoder: ConditionEncoder, cast: torch.dtype | None, shard_bytes: int) -> None:
    home = folder / "text_encoder"
    home.mkdir()
    state = {checkpoint_name(name): tensor for name, tensor in encoder.model.state_dict().items()}
    ready = _ready(state, cast)
    config = encoder.model.config.to_dict()
    # diffusers loads everything else in float32 when no dtype is asked for; transformers goes by this line.
    config |= {"architectures": [ENCODER_CLASS], "tie_word_embeddings": True, "dtype": "float32"}
    config["text_config"] = {**config["text_config"], "tie_word_embeddings": True}
    config["transformers_version"] = metadata.version("transformers")
    _write_json(home / "config.json", _essential(config))
    save_tensors(home, ENCODER_STEM, ready, shard_bytes)
    (folder / "processor").mkdir()
    _write_json(folder / "processor" / "preprocessor_config.json", encoder.picture_config.to_dict())


def _write_tokenizer(folder: Path, encoder: ConditionEncoder) -> None:
    try:
        encoder.tokenizer.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception
        raise _NotWritten(str(error)) from error


class _NotWritten(Exception):  # noqa: N818 - a message on its way to OutputError
    """What the tokenizers library said when it could not write."""


def _essential(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what describes no network: labels, output switches, the dtypes of its parts."""
    parts = {"text_config", "vision_config"}
    return {
        key: {k: v for k, v in _essential(value).items() if k != "dtype"} if key in parts else value
        for key, value in config.items()
        if key not in _NOISE and not (key == "architectures" and value is None)
    }


def _ready(state: Mapping[str, Tensor], cast: torch.dtype | None) -> dict[str, Tensor]:
    """Tensors on the CPU, in `cast`, each with memory of its own as the format needs."""
    return {name: tensor.detach().to("cpu", cast or tensor.dtype).contiguous() for name, tensor in state.items()}


def _save(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(usual_mode())  # safetensors makes files that only their owner can read


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def not_written(folder: Path, error: Exception) -> str:
    """One line for what the safetensors and tokenizers libraries say in words of their own, when `folder` fails."""
    text = " ".join(str(error).split())
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    number = next((code for code in codes if f"os error {code}" in text), None)
    if number is None:
        return f"{folder} cannot be written: {text} (nothing was left behind)"
    return refusal(folder, OSError(number, text))
