"""The network of the condition encoder: Qwen2.5-VL without its language head (report, section 2.2).

The modules are transformers'; what is ours is how they are built without weights, how the tensors of a
checkpoint are called, and the positions of text and pictures. It knows no tokenizer, no template, no file.

Names: in memory `language_model.*` and `visual.*`; in a checkpoint `model.*`, `visual.*` and
`lm_head.weight`, which is never read here. transformers' `save_pretrained` writes the checkpoint's names too.

Letters: N tokens of a prompt, P patches, C values of a one-frame patch, W width of the vision tower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

from hanmo.errors import RequestError


class PatchEmbed(nn.Module):
    """Projection of patches whose two frames are equal: the weights of the frames are summed first."""

    def __init__(self, proj: nn.Conv3d) -> None:
        super().__init__()
        self.proj = proj

    def forward(self, pixels: Float[Tensor, "P C"]) -> Float[Tensor, "P W"]:
        """Embed one-frame patches."""
        weight = self.proj.weight.sum(2).flatten(1)
        return F.linear(pixels.to(weight.dtype), weight)


def build_encoder_model(config: Mapping[str, Any], device: str | torch.device = "cpu") -> Qwen2_5_VLModel:
    """The network of `text_encoder/config.json`, without its language head and without loaded weights.

    Args:
        config: the JSON object.
        device: "meta" to allocate nothing; the rotary tables, which no file holds, are real even then.

    Returns:
        `language_model` and `visual`, in evaluation mode.
    """
    parsed = Qwen2_5_VLConfig.from_dict({key: value for key, value in config.items() if key != "dtype"})
    with torch.device(device):
        model: Qwen2_5_VLModel = Qwen2_5_VLModel._from_config(parsed, dtype=torch.float32)
    model.visual.patch_embed = PatchEmbed(model.visual.patch_embed.proj)
    restore_rotary(model)
    model.eval()
    return model


def restore_rotary(model: Qwen2_5_VLModel) -> None:
    """Make the rotary frequencies anew in float32, on the CPU when the weights are on no device.

    `module.to(bfloat16)` rounds them as well, and a model made on "meta" has none.
    """
    weight = next(model.parameters())
    device = torch.device("cpu") if weight.is_meta else weight.device
    text, vision = model.language_model, model.visual
    text.rotary_emb = type(text.rotary_emb)(text.config).to(device)
    vision.rotary_pos_emb = type(vision.rotary_pos_emb)(vision.config).to(device)


def checkpoint_name(name: str) -> str:
    """The key of a parameter in a published checkpoint, which also holds `lm_head.weight` (never read here).

    Args:
        name: in memory, as in `named_parameters()` of `build_encoder_model`.

    Returns:
        `model.layers.0...` for `language_model.layers.0...`; names of the vision tower are the same in both.
    """
    return "model." + name.removeprefix("language_model.") if name.startswith("language_model.") else name


def rope_positions(ids: Int[Tensor, " N"], image_token: int, grids: Sequence[tuple[int, int]]) -> Int[Tensor, "3 N"]:
    """(frame, row, column) of each token of one prompt.

    Text counts up on all axes. A picture that begins at p has frame p, rows p + i and columns p + j; the text
    behind it goes on at p + its longer side.

    Args:
        ids: token ids, one image token per merged patch.
        image_token: id of the image token.
        grids: (rows, columns) of each picture in merged patches.

    Returns:
        Positions from 0.

    Raises:
        RequestError: the image tokens are not as many as the grids have patches.
    """
    count = int((ids == image_token).sum())
    if count != sum(rows * columns for rows, columns in grids):
        raise RequestError(f"{count} image tokens do not fit pictures of {list(grids)} merged patches")
    values = ids.tolist()
    parts: list[Tensor] = []
    start = place = 0
    for rows, columns in grids:
        first = values.index(image_token, place)
        parts.append(torch.arange(start, start + first - place).expand(3, -1))
        start += first - place
        row = torch.arange(rows).repeat_interleave(columns)
        parts.append(torch.stack([torch.zeros_like(row), row, torch.arange(columns).repeat(rows)]) + start)
        start += max(rows, columns)
        place = first + rows * columns
    parts.append(torch.arange(start, start + len(values) - place).expand(3, -1))
    return torch.cat(parts, 1)
