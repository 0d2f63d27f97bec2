"""What a tensor in a LoRA file is called, in every dialect met in the wild: which module, and which part of it.

    transformer.X.lora_A.weight            diffusers, ai-toolkit        base_model.model.X...     PEFT
    diffusion_model.X.lora_A.weight        ComfyUI exports              X.lora_A.default.weight   DiffSynth
    lora_unet_X_Y_Z.lora_down.weight       kohya, musubi: dots are underscores; `alpha` beside
    X.lora_down.weight, X.alpha            Lightning, without a prefix
    lycoris_X_Y_Z.lokr_w1 / hada_w1_a      LyCORIS; also behind the dotted prefixes

Flat names are not parsed but looked up: each module of the network has one flat form. This module knows
names only, no tensors.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

DOTTED = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.")
FLAT = ("lora_unet_", "lora_transformer_", "lycoris_")
TEXT_ENCODER = ("text_encoder", "lora_te", "lycoris_te", "conditioner.")

LOW_RANK = ("down", "up")
HADAMARD = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
KRONECKER = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b")

_ADAPTER = r"(?:\.\w+)?"  # PEFT writes an adapter's name before `weight`, mostly `default`
_ENDINGS = {
    "down": re.compile(rf"\.(?:lora_A|lora_down|lora\.down){_ADAPTER}\.weight$"),
    "up": re.compile(rf"\.(?:lora_B|lora_up|lora\.up){_ADAPTER}\.weight$"),
    "alpha": re.compile(r"\.alpha$"),
    **{part: re.compile(rf"\.{part}(?:\.weight)?$") for part in (*HADAMARD, *KRONECKER)},
}
_REFUSED = (
    (re.compile(r"\.(dora_scale|lora_magnitude_vector)\b"), "DoRA, which rescales whole columns of the weights"),
    (re.compile(r"\.(lora_mid|lokr_t\d|hada_t\d)\b"), "a Tucker decomposition of a convolution's kernel"),
    (re.compile(r"\.(diff|diff_b|diff_m|b_norm|w_norm)$"), "a full difference of weights or biases"),
    (re.compile(r"\.lora_(B|up)\b.*\.bias$"), "a change of a bias"),
)


def split_key(key: str) -> tuple[str, str] | None:
    """(module as the file writes it, part) of a tensor's name; None when it is of no kind we read."""
    for part, ending in _ENDINGS.items():
        match = ending.search(key)
        if match is not None:
            return key[: match.start()], part
    return None


def why_refused(key: str) -> str:
    """Words for a key that `split_key` does not know."""
    for pattern, kind in _REFUSED:
        if pattern.search(key):
            return f"{key!r} is of a kind that Hanmo does not apply: {kind}"
    return f"{key!r} is no part of a LoRA, LoHa or LoKr (lora_A/B, lora_down/up, hada_*, lokr_*, alpha)"


def is_text_encoder(module: str) -> bool:
    """Whether a name means a module of the text encoder, to which no Qwen-Image LoRA belongs."""
    return module.startswith(TEXT_ENCODER)


class Names:
    """The modules of a network, found by any dialect's name for them."""

    def __init__(self, modules: Iterable[str]) -> None:
        self._dotted = {name: name for name in modules}
        self._flat = {flatten(name): name for name in self._dotted}

    def find(self, module: str) -> str | None:
        """The network's name of what a file calls `module`; None when there is no such module."""
        table, bare = self._stripped(module)
        return table.get(bare)

    def nearest(self, module: str) -> str:
        """The network's module whose name is most like it."""
        table, bare = self._stripped(module)
        (near,) = difflib.get_close_matches(bare, table, 1, cutoff=0.0)
        return table[near]

    def _stripped(self, module: str) -> tuple[Mapping[str, str], str]:
        for prefix in FLAT:
            if module.startswith(prefix):
                return self._flat, module.removeprefix(prefix)
        for prefix in DOTTED:  # in this order: PEFT wraps what the others name
            module = module.removeprefix(prefix)
        return self._dotted, module


def flatten(name: str) -> str:
    """A module's name as kohya and LyCORIS write it."""
    return name.replace(".", "_")
