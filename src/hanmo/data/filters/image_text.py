"""How well a text fits a picture, by models of two towers: SigLIP, SigLIP 2, Chinese-CLIP, CLIP (report 3.2, stage 3).

A picture and a text each become a vector, and the score is the cosine of the angle between them, -1 to 1. Pairs that
belong together reach about 0.1 with SigLIP 2 and 0.4 with Chinese-CLIP, so scores of two models are not compared.

The models are transformers' own, read from a folder or fetched by their id. Two things that the published files of
SigLIP 2 do not say, and that change the score, are done here: texts are in lower case, as in its training, and padded
at their end to the full length, without a mask. Pictures go through transformers' processors for PIL, which need no
torchvision. It does not know records, nor which text a picture should have.
Letters: H W pixels, N texts, C width of the common space.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from PIL import Image
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from hanmo.errors import ConfigError, WeightsError
from hanmo.weights.hub import is_hub_id, resolve

Family = Literal["siglip", "siglip2", "chinese_clip", "clip"]

PATTERNS = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "preprocessor_config.json",
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
)
"""Files of a repository that are fetched."""

_LONGEST = 2000
"""Characters of a text that a tokenizer sees; it keeps 64 tokens at most, and should not read a book for them."""


@dataclass(frozen=True)
class TowersConfig:
    """Which model, and how it is run.

    Attributes:
        model: a folder, or an id on the hub.
        revision: of the hub; "" takes the main branch.
        tokens: longest text; what comes after is cut off. Trained with: SigLIP 64, Chinese-CLIP 52, CLIP 77.
        device: such as "cpu" or "cuda:0".

    Raises:
        ConfigError: no model, or less than 2 tokens.
    """

    model: str
    revision: str = ""
    tokens: int = 64
    device: str = "cpu"

    def __post_init__(self) -> None:
        """See the class."""
        if not self.model or self.tokens < 2:
            raise ConfigError(f"model = {self.model!r} and tokens = {self.tokens}; give a model, and at least 2 tokens")


class Towers:
    """A loaded model.

    Args:
        config: see `TowersConfig`.

    Raises:
        WeightsError: it is not there, has no safetensors, is another kind of model, or is damaged.
    """

    def __init__(self, config: TowersConfig) -> None:
        revision = config.revision if config.revision and is_hub_id(config.model) else None
        folder = resolve(config.model, revision=revision, patterns=PATTERNS)
        self.family = _family(folder, config.model)
        if not any(folder.glob("*.safetensors")):
            raise WeightsError(
                f"{config.model} has no safetensors, and pickles are not read: name a revision that has them "
                "(OFA-Sys/chinese-clip-vit-base-patch16 at refs/pr/1), or convert its weights"
            )
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._prepare: Any = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
            model: Any = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
            self._model = model.to(torch.device(config.device)).eval()
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"{config.model} cannot be loaded ({why}): download it again, or name another") from None
        text = self._model.config.text_config
        self._tokens = min(config.tokens, int(text.max_position_embeddings))
        self._device = torch.device(config.device)

    def cosines(self, picture: UInt8[np.ndarray, "H W 3"], texts: Sequence[str]) -> list[float]:
        """The score of each text with one picture, -1 to 1; no score depends on the other texts.

        Args:
            picture: sRGB, 0-255, upright.
            texts: at least one.
        """
        seen = self.see(picture)
        # Text by text: in a batch, sums run in another order, and the last digits of a score with them.
        read = [self.read(text) for text in texts]
        return [float((seen * one).sum().clamp(-1, 1)) for one in read]

    @torch.inference_mode()
    def see(self, picture: UInt8[np.ndarray, "H W 3"]) -> Float32[torch.Tensor, "1 C"]:
        """A picture as a row of length 1, on the model's device.

        Args:
            picture: sRGB, 0-255, upright.
        """
        return F.normalize(self._look(picture), dim=-1)

    @torch.inference_mode()
    def read(self, text: str) -> Float32[torch.Tensor, "1 C"]:
        """A text as a row of length 1, on the model's device."""
        return F.normalize(self._read(text), dim=-1)

    def _look(self, picture: UInt8[np.ndarray, "H W 3"]) -> Float32[torch.Tensor, "1 C"]:
        inputs = self._prepare(images=Image.fromarray(picture), return_tensors="pt").to(self._device)
        seen: Float32[torch.Tensor, "1 C"] = self._model.get_image_features(**inputs).pooler_output
        return seen

    def _read(self, text: str) -> Float32[torch.Tensor, "1 C"]:
        masked = self.family in ("chinese_clip", "clip")
        inputs = self._tokenizer(
            text[:_LONGEST] if masked else text[:_LONGEST].lower(),
            padding=False if masked else "max_length",
            padding_side="right",
            truncation=True,
            max_length=self._tokens,
            return_tensors="pt",
        ).to(self._device)
        known = dict(inputs) if masked else {"input_ids": inputs["input_ids"]}
        read: Float32[torch.Tensor, "1 C"] = self._model.get_text_features(**known).pooler_output
        return read


@cache
def towers(config: TowersConfig) -> Towers:
    """A model, loaded once in a process.

    Raises:
        WeightsError: see `Towers`.
    """
    return Towers(config)


def _family(folder: Path, name: str) -> Family:
    try:
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError):
        raise WeightsError(f"{name} has no config.json that can be read: give the folder of a model") from None
    for family in get_args(Family):
        if kind == family:
            known: Family = family
            return known
    raise WeightsError(f"{name} is a model of the type {kind!r}; known are {', '.join(get_args(Family))}")
