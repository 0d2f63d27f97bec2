"""A checkpoint folder of the published layout: what is in it, and how each component is loaded from it.

    model_index.json                    names the classes
    transformer/  vae/                  config.json, diffusion_pytorch_model.safetensors (or shards, an index)
    text_encoder/                       config.json, model.safetensors (or shards and an index)
    tokenizer/  processor/  scheduler/  what their names say; the processor is optional
    hanmo.json                          optional, ours: what the checkpoint prefers (`preferences`)

Opening reads configs only. Loading builds each model on the meta device and fills it from mapped files.
This module knows no pipeline and no hub.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import Qwen2Tokenizer

from hanmo.errors import ConfigError, WeightsError
from hanmo.flow import ScheduleConfig
from hanmo.model.config import ControlNetConfig, TransformerConfig, VAEConfig
from hanmo.model.controlnet import ControlNet
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.model.picture import PictureConfig
from hanmo.model.qwen_vl import build_encoder_model, checkpoint_name, restore_rotary
from hanmo.model.vae import VAE
from hanmo.model.vae_layout import is_temporal, published_shape
from hanmo.weights.blueprint import HEAD
from hanmo.weights.fill import fill, parse_device, parse_dtype
from hanmo.weights.preferences import Preferences, read_preferences
from hanmo.weights.tensors import Entry, open_tensors

DIFFUSION_STEM = "diffusion_pytorch_model"
ENCODER_STEM = "model"
ENCODER_CLASS = "Qwen2_5_VLForConditionalGeneration"

Config = TypeVar("Config")


@dataclass(frozen=True)
class Folder:
    """An opened checkpoint: its configs, read and checked; no tensor is in memory.

    Attributes:
        path: the folder.
        index: content of `model_index.json`.
        transformer: config of the MMDiT.
        vae: config of the VAE.
        text_encoder: config of the condition encoder as transformers reads it.
        schedule: config of the sampler's schedule.
        preferences: sizes, steps and limits that the checkpoint prefers.
    """

    path: Path
    index: Mapping[str, Any]
    transformer: TransformerConfig
    vae: VAEConfig
    text_encoder: Mapping[str, Any]
    schedule: ScheduleConfig
    preferences: Preferences

    def tensors(self, component: str) -> dict[str, Entry]:
        """Every tensor on disk of `transformer`, `vae` or `text_encoder`.

        Raises:
            WeightsError: missing, truncated or corrupt files.
        """
        return open_tensors(self.path / component, stem_of(component))


def stem_of(component: str) -> str:
    """File name, without suffix, of a component's tensors."""
    return ENCODER_STEM if component == "text_encoder" else DIFFUSION_STEM


def open_folder(path: Path | str) -> Folder:
    """Read every config of a checkpoint folder.

    Raises:
        WeightsError: the folder or a part of it is missing, of another model family, or cannot be read.
    """
    folder = Path(path)
    index = _index(folder)
    _check_class(folder, index)
    transformer = _read(folder, "transformer", TransformerConfig.class_name(), TransformerConfig.from_dict)
    vae = _read(folder, "vae", VAEConfig.class_name(), VAEConfig.from_dict)
    text_encoder = _json(folder / "text_encoder" / "config.json")
    architectures = text_encoder.get("architectures") or [ENCODER_CLASS]
    if architectures[0] != ENCODER_CLASS:
        raise WeightsError(f"{folder / 'text_encoder'} is a {architectures[0]}; only {ENCODER_CLASS} is supported")
    schedule = _parse(folder / "scheduler" / "scheduler_config.json", ScheduleConfig.from_dict, _json)
    return Folder(
        folder,
        index,
        transformer,
        vae,
        text_encoder,
        schedule,
        read_preferences(folder, str(index.get("_class_name", ""))),
    )


def load_transformer(
    path: Path | str | Folder, device: str | torch.device = "cpu", dtype: str | torch.dtype | None = None
) -> MMDiT:
    """The MMDiT of a checkpoint folder, in evaluation mode.

    Args:
        path: a folder, or one already opened.
        device: where its parameters go.
        dtype: what they are cast to; None keeps the file's.

    Raises:
        WeightsError: the files do not fit the config (counts, first names, likely cause), or are damaged.
    """
    folder = _opened(path)
    with torch.device("meta"):
        model = MMDiT(folder.transformer)
    entries = folder.tensors("transformer")
    fill(str(folder.path / "transformer"), model, entries, parse_device(device), parse_dtype(dtype))
    return model.eval()


def load_vae(
    path: Path | str | Folder, device: str | torch.device = "cpu", dtype: str | torch.dtype | None = None
) -> VAE:
    """The VAE of a checkpoint folder, in evaluation mode; of 3-D kernels only the last time slice is read.

    Args:
        path: a folder, or one already opened.
        device: where its parameters go.
        dtype: what they are cast to; None keeps the file's.

    Raises:
        WeightsError: as for `load_transformer`.
    """
    folder = _opened(path)
    with torch.device("meta"):
        model = VAE(folder.vae)
    fill(
        str(folder.path / "vae"),
        model,
        folder.tensors("vae"),
        parse_device(device),
        parse_dtype(dtype),
        published_shape=published_shape,
        left_on_disk=is_temporal,
    )
    return model.eval()


def load_encoder(
    path: Path | str | Folder, device: str | torch.device = "cpu", dtype: str | torch.dtype | None = None
) -> ConditionEncoder:
    """The condition encoder of a checkpoint folder, without the language head, with its tokenizer.

    Args:
        path: a folder, or one already opened.
        device: where its parameters go.
        dtype: what they are cast to; None keeps the file's.

    Raises:
        WeightsError: as for `load_transformer`; or the tokenizer is missing or of another checkpoint.
    """
    folder = _opened(path)
    home = folder.path / "text_encoder"
    try:
        model = build_encoder_model(folder.text_encoder, "meta")
    except (
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
    ) as error:  # what transformers makes of a bad config
        raise WeightsError(f"{home / 'config.json'} does not describe a {ENCODER_CLASS}: {_line(error)}") from None
    fill(
        str(home),
        model,
        folder.tensors("text_encoder"),
        parse_device(device),
        parse_dtype(dtype),
        checkpoint_name=checkpoint_name,
        left_on_disk=lambda name: name == HEAD,
    )
    restore_rotary(model)
    return ConditionEncoder(model.eval(), load_tokenizer(folder.path / "tokenizer"), load_picture_config(folder.path))


def load_controlnet(
    path: Path | str, device: str | torch.device = "cpu", dtype: str | torch.dtype | None = None
) -> ControlNet:
    """A ControlNet from its own folder: config.json and safetensors, single or sharded; in evaluation mode.

    Args:
        path: the folder.
        device: where its parameters go.
        dtype: what they are cast to; None keeps the file's.

    Raises:
        WeightsError: the folder is missing or a whole checkpoint, or as for `load_transformer`.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise WeightsError(f"the folder {folder} does not exist: give a ControlNet's folder with its config.json")
    if (folder / "model_index.json").is_file():
        raise WeightsError(f"{folder} is a whole checkpoint, no ControlNet: give the folder of a ControlNet")
    config = _read(folder, "", ControlNetConfig.class_name(), ControlNetConfig.from_dict)
    with torch.device("meta"):
        net = ControlNet(config)
    fill(str(folder), net, open_tensors(folder, DIFFUSION_STEM), parse_device(device), parse_dtype(dtype))
    return net.eval()


def load_tokenizer(path: Path) -> Qwen2Tokenizer:
    """The tokenizer in a folder.

    Raises:
        WeightsError: its files are missing or damaged.
    """
    if not (path / "tokenizer.json").is_file() and not (path / "vocab.json").is_file():
        raise WeightsError(f"{path} holds neither tokenizer.json nor vocab.json: the checkpoint is incomplete")
    try:
        tokenizer: Qwen2Tokenizer = Qwen2Tokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:  # the tokenizers library raises bare Exception
        raise WeightsError(f"{path} cannot be read as a tokenizer ({_line(error)}): download it again") from None
    return tokenizer


def load_picture_config(folder: Path) -> PictureConfig:
    """How pictures are prepared for the encoder; the released values where the folder does not say.

    Raises:
        WeightsError: `processor/preprocessor_config.json` is damaged or asks for something unsupported.
    """
    path = folder / "processor" / "preprocessor_config.json"
    return _parse(path, PictureConfig.from_dict, _json) if path.is_file() else PictureConfig()


def load_schedule(path: Path | str | Folder) -> ScheduleConfig:
    """The schedule of a checkpoint folder.

    Raises:
        WeightsError: as for `open_folder`.
    """
    return _opened(path).schedule


def _opened(path: Path | str | Folder) -> Folder:
    return path if isinstance(path, Folder) else open_folder(path)


def _index(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise WeightsError(
            f"the folder {folder} does not exist: give a checkpoint folder, or a hub id such as Qwen/Qwen-Image"
        )
    path = folder / "model_index.json"
    if path.is_file():
        return _json(path)
    if (folder.parent / "model_index.json").is_file():
        raise WeightsError(f"{folder} is one component of a checkpoint: give its parent, {folder.parent}")
    raise WeightsError(
        f"{folder} has no model_index.json: give a folder of the published layout (transformer/, vae/, ...)"
    )


def _check_class(folder: Path, index: Mapping[str, Any]) -> None:
    name = str(index.get("_class_name", ""))
    if not name.startswith("QwenImage"):
        raise WeightsError(f"{folder} is a {name or 'nameless'} checkpoint; only the Qwen-Image family is supported")
    if name.startswith("QwenImage21"):
        raise WeightsError(
            f"{folder} is Qwen-Image 2.1 ({name}), another architecture, which is not supported: use Qwen-Image"
        )
    for component in ("transformer", "vae", "text_encoder", "tokenizer", "scheduler"):
        if not (folder / component).is_dir():
            raise WeightsError(
                f"{folder} lacks the folder {component}/: the checkpoint is incomplete, download it again"
            )


def _read(folder: Path, component: str, class_name: str, build: Callable[[Mapping[str, Any]], Config]) -> Config:
    def read(path: Path) -> dict[str, Any]:
        values = _json(path)
        found = values.get("_class_name", class_name)
        if found != class_name:
            raise WeightsError(f"{path.parent} is a {found}; only {class_name} is supported: another model family")
        return values

    return _parse(folder / component / "config.json", build, read)


def _parse(
    path: Path, build: Callable[[Mapping[str, Any]], Config], read: Callable[[Path], Mapping[str, Any]]
) -> Config:
    values = read(path)
    try:
        return build(values)
    except (ConfigError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: {error}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing: the checkpoint is incomplete, download it again") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as JSON ({error}): download it again") from None
    if not isinstance(values, dict):
        raise WeightsError(f"{path} must hold a JSON object, not {type(values).__name__}")
    return values
