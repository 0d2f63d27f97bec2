"""The strict comparison of a checkpoint with the model its config describes, and what probably went wrong.

Names and shapes must match exactly; nothing is silently skipped or filled in. This module knows names and
shapes, not files or tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hanmo.errors import WeightsError

Shapes = Mapping[str, tuple[int, ...]]
SHOWN = 3
"""Names of each kind that an error lists."""

_LORA = re.compile(r"\.(lora_[AB]|lora_(up|down)|lora\.(up|down)|alpha|dora_scale)(\.|$)")
_LAYER = re.compile(r"(?:^|\.)(?:transformer_blocks|layers|blocks)\.(\d+)\.")
_PREFIXES = ("model.diffusion_model.", "diffusion_model.", "transformer.", "first_stage_model.", "module.")
_QUANTISED = (
    "scale_weight",
    "weight_scale",
    "qweight",
    "quant_map",
    "absmax",
    "scales",
    "qzeros",
    "comfy_quant",
)
# A name that only one family of models has, and what to call the family.
_FAMILIES = (
    ("addition_t_embedding", "Qwen-Image-Layered (its config says use_additional_t_cond = true)"),
    ("controlnet_blocks", "a ControlNet, which is added to a model and is none by itself"),
    ("single_transformer_blocks", "FLUX"),
    ("double_blocks", "FLUX or Hunyuan in its original names"),
    ("joint_blocks", "Stable Diffusion 3"),
    ("attn1.", "a Stable Diffusion UNet or another cross-attention model"),
    ("cross_attn", "Wan"),
    ("encoder.downsamples", "the VAE in Wan's names, as ComfyUI ships it; use the 'vae' folder as published"),
    ("encoder.middle", "the VAE in Wan's names, as ComfyUI ships it; use the 'vae' folder as published"),
    ("encoder.down.", "the VAE of Stable Diffusion or FLUX"),
    ("encoder.mid_block.attentions.0.to_k", "the VAE of Stable Diffusion or FLUX"),
    ("deepstack", "Qwen3-VL"),
    ("mlp.experts", "a mixture-of-experts language model"),
)


def check(part: str, expected: Shapes, found: Shapes) -> None:
    """Compare what a component's files hold with what its config describes.

    Args:
        part: the component's name for the message, with its folder.
        expected: name and shape, as saved, of every tensor the config describes.
        found: name and shape of every tensor on disk, those that are left there on purpose taken out.

    Raises:
        WeightsError: one line with the missing, unexpected and mis-shaped tensors (counts and the first few
            of each) and the likely cause.
    """
    missing = [name for name in expected if name not in found]
    unexpected = [name for name in found if name not in expected]
    misshaped = [name for name in expected if name in found and tuple(found[name]) != tuple(expected[name])]
    if not (missing or unexpected or misshaped):
        return
    shapes = [f"{name} is {list(found[name])}, its config says {list(expected[name])}" for name in misshaped]
    counts = [
        f"{len(names)} {kind} ({_some(names)})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("mis-shaped", shapes))
        if names
    ]
    cause = likely_cause(expected, found, missing, unexpected, misshaped)
    raise WeightsError(f"{part} does not match its config.json: {', '.join(counts)}; likely cause: {cause}")


def likely_cause(
    expected: Shapes, found: Shapes, missing: list[str], unexpected: list[str], misshaped: list[str]
) -> str:
    """Say in a few words why a checkpoint does not fit, from the names alone."""
    foreign = describe_foreign(found)
    if foreign and unexpected and foreign != describe_foreign(expected):
        return foreign
    have, want = _layers(found), _layers(expected)
    if have and want and have != want:
        return f"the files hold {have} layers where the config says {want}: they are of different models"
    if misshaped and len(misshaped) > len(expected) // 4:
        return "the config is of another size of this model; use the config.json that came with the weights"
    if misshaped:
        return "a tensor was changed or resized after publication; download the file again"
    if missing and not unexpected:
        return "an incomplete download or conversion; download the folder again"
    if unexpected and not missing:
        return "a newer or other variant of the model; use the config.json that came with the weights"
    return "the weights are of another model family"


def describe_foreign(names: Iterable[str]) -> str | None:
    """Recognise files that are something else than a checkpoint of ours; None when nothing is recognised."""
    names = list(names)
    if any(_LORA.search(name) for name in names):
        return "a LoRA file, which is added to a model and is none by itself"
    for prefix in _PREFIXES:
        if sum(name.startswith(prefix) for name in names) * 2 > len(names):
            return f"names begin with {prefix!r}: a single-file (ComfyUI) export; use the folder as published"
    if any(name.rsplit(".", 1)[-1] in _QUANTISED for name in names):
        return "quantised weights, which this loader does not read; use the folder as published"
    for mark, family in _FAMILIES:
        if any(mark in name for name in names):
            return f"this looks like {family}"
    return None


def _layers(names: Iterable[str]) -> int:
    """Layers of the language model or of the transformer; those of the vision tower do not count."""
    numbers = [match.group(1) for name in names if not name.startswith("visual.") and (match := _LAYER.search(name))]
    return 1 + max((int(number) for number in numbers), default=-1)


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
