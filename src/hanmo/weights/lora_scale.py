"""The scale of a LoRA that its tensors do not say: PEFT's settings, in the file's metadata or beside the file.

diffusers writes PEFT's settings into the metadata under `lora_adapter_metadata`; PEFT writes them to
`adapter_config.json` beside `adapter_model.safetensors`. Both mean scale = alpha / r (alpha / sqrt(r) for
rsLoRA), with exceptions for single modules. Kohya's files say alpha as a tensor and need none of this.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from hanmo.errors import WeightsError

METADATA_KEY = "lora_adapter_metadata"
CONFIG_NAME = "adapter_config.json"
_PREFIX = "transformer."


@dataclass(frozen=True)
class Scaling:
    """PEFT's rank and alpha; the patterns override them for modules whose names they match."""

    rank: float
    alpha: float
    rooted: bool = False
    ranks: Mapping[str, Any] = field(default_factory=dict)
    alphas: Mapping[str, Any] = field(default_factory=dict)

    def of(self, module: str) -> float:
        """The scale of one module's change."""
        rank, alpha = _exception(self.ranks, module, self.rank), _exception(self.alphas, module, self.alpha)
        return float(alpha / (math.sqrt(rank) if self.rooted else rank))


def read_scaling(path: Path) -> Scaling | None:
    """The settings that belong to a LoRA file; None where there are none (scale 1, or `alpha` tensors).

    Raises:
        WeightsError: settings that cannot be read, or that ask for what Hanmo does not apply (DoRA, LoKr's
            and LoHa's own settings).
    """
    beside = path.with_name(CONFIG_NAME)
    text, where = _metadata(path), f"the metadata of {path}"
    if text is None and path.name == "adapter_model.safetensors" and beside.is_file():
        text, where = beside.read_text(encoding="utf-8"), str(beside)
    if text is None:
        return None
    try:
        values = json.loads(text)
        values = {str(key).removeprefix(_PREFIX): value for key, value in values.items()}
        if values.get("use_dora"):
            raise WeightsError(f"{where} says use_dora: Hanmo does not apply DoRA")
        if values.get("peft_type", "LORA") != "LORA":
            raise WeightsError(f"{where} says {values['peft_type']}: only PEFT's LORA is read from such settings")
        rank = float(values["r"])
        scaling = Scaling(
            rank,
            float(values.get("lora_alpha", rank)),
            bool(values.get("use_rslora", False)),
            dict(values.get("rank_pattern") or {}),
            dict(values.get("alpha_pattern") or {}),
        )
        numbers = [scaling.rank, scaling.alpha, *scaling.ranks.values(), *scaling.alphas.values()]
        if not all(math.isfinite(number) for number in numbers) or min(rank, *scaling.ranks.values(), rank) < 1:
            raise ValueError("a rank or alpha out of range")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{where} holds no settings of a LoRA ({error}): save the LoRA again") from None
    return scaling


def _metadata(path: Path) -> str | None:
    try:
        with safe_open(path, framework="pt") as file:
            found = (file.metadata() or {}).get(METADATA_KEY)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is corrupt ({error}): download it again") from None
    return found or None


def _exception(patterns: Mapping[str, Any], module: str, default: float) -> float:
    """PEFT's rule: the first pattern that matches the name, or its end after a dot."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return default
