"""A trained adapter as files, in the three dialects that people load.

    peft/adapter_config.json, peft/adapter_model.safetensors    PEFT: base_model.model.X.lora_A.weight
    NAME.safetensors             diffusers: transformer.X.lora_A.weight, peft's settings in the metadata
    NAME-comfyui.safetensors     ComfyUI: diffusion_model.X.lora_A.weight and X.alpha

`hanmo.weights.lora` reads each of them back. A DoRA has no side path that is free of the base's weights, and the
pipeline applies none: it is written as a PEFT folder, for other programs, and merged into a checkpoint, for ours
(`adapters.merged`). It does not know training.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from hanmo.errors import OutputError
from hanmo.train.adapters import AdapterConfig, Layer, layers, peft_config
from hanmo.weights.files import atomic_file, atomic_folder
from hanmo.weights.lora_scale import CONFIG_NAME, METADATA_KEY

PEFT_FOLDER = "peft"


def save_adapter(folder: Path, name: str, transformer: nn.Module, config: AdapterConfig, base: str) -> list[Path]:
    """Write an adapter in every dialect that can say it; files of the same names are replaced.

    Args:
        folder: made when missing.
        name: of the files.
        transformer: an adapted one (`adapters.adapt`).
        config: what it was adapted with.
        base: what the adapter was trained on, for the settings: a hub id or a folder's name.

    Returns:
        What was written: the PEFT folder; for a LoRA the files of diffusers and ComfyUI too.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}; choose another run.folder") from error
    found = list(layers(transformer))
    settings = _settings(config, base)
    with atomic_folder(folder / PEFT_FOLDER) as new:
        (new / CONFIG_NAME).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        _write(new / "adapter_model.safetensors", _peft(found), {"format": "pt"})
    written = [folder / PEFT_FOLDER]
    if not config.dora:
        told = {f"transformer.{key}": value for key, value in settings.items()}
        metadata = {"format": "pt", METADATA_KEY: json.dumps(told, indent=2, sort_keys=True)}
        _write(folder / f"{name}.safetensors", _named(found, lambda layer: f"transformer.{layer.name}"), metadata)
        comfy = _named(found, lambda layer: f"diffusion_model.{layer.name}")
        comfy |= {f"diffusion_model.{x.name}.alpha": x.down.new_tensor(x.scale * len(x.down)) for x in found}
        _write(folder / f"{name}-comfyui.safetensors", comfy, {"format": "pt"})
        written += [folder / f"{name}.safetensors", folder / f"{name}-comfyui.safetensors"]
    return written


def _settings(config: AdapterConfig, base: str) -> dict[str, Any]:
    """The settings as peft writes them, in what JSON allows."""
    values = peft_config(config).to_dict()
    values |= {"inference_mode": True, "base_model_name_or_path": base}
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return value if value is None or isinstance(value, str | int | float | bool | list | dict) else str(value)


def _peft(found: list[Layer]) -> dict[str, Tensor]:
    state = _named(found, lambda layer: f"base_model.model.{layer.name}")
    for layer in found:
        if layer.magnitude is not None:
            state[f"base_model.model.{layer.name}.lora_magnitude_vector"] = layer.magnitude
    return state


def _named(found: list[Layer], name: Callable[[Layer], str]) -> dict[str, Tensor]:
    state = {f"{name(layer)}.lora_A.weight": layer.down for layer in found}
    return state | {f"{name(layer)}.lora_B.weight": layer.up for layer in found}


def _write(path: Path, state: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    with atomic_file(path) as file:
        file.write(save({key: value.cpu().contiguous() for key, value in state.items()}, metadata))
