"""The ControlNet of Qwen-Image: a few blocks that watch a control picture and correct the transformer.

The report has no such section; source: the published Union and Inpainting checkpoints (arXiv 2302.05543 is
the idea). The blocks are the MMDiT's own. The control picture enters beside the noisy latents, and after each
block a linear layer turns the image stream into a residual for the transformer's image stream. Parameter
names equal the published checkpoints'.

It does not know pictures, schedules or the transformer it corrects.

Letters: B batch, S image tokens, T text tokens, D width, E condition width, P channels of a token, C channels
of a condition token (P, or P + 4 with a mask).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hanmo.model.config import ControlNetConfig
from hanmo.model.linear import Linear
from hanmo.model.mmdit import Block, Modulation, RMSNorm, TimeTextEmbed
from hanmo.model.msrope import Rope, Shape, rope


class ControlNet(nn.Module):
    """Packed latents, a packed control picture, condition states and a time in; one residual per block out."""

    def __init__(self, config: ControlNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.inner_dim
        self.time_text_embed = TimeTextEmbed(width, additional=False)
        self.txt_norm = RMSNorm(config.joint_attention_dim)
        self.img_in = Linear(config.in_channels, width)
        self.txt_in = Linear(config.joint_attention_dim, width)
        self.controlnet_x_embedder = Linear(config.in_channels + config.extra_condition_channels, width)
        self.transformer_blocks = nn.ModuleList(
            [Block(width, config.num_attention_heads) for _ in range(config.num_layers)]
        )
        self.controlnet_blocks = nn.ModuleList([Linear(width, width) for _ in range(config.num_layers)])

    def time(self, t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """Embedding of t in [0, 1] (cast to the weights' dtype first)."""
        return self.time_text_embed.timestep_embedder(t.to(self.controlnet_x_embedder.weight.dtype))

    def text(self, states: Float[Tensor, "B T E"]) -> Float[Tensor, "B T D"]:
        """Condition states as the text stream's input; depends on neither the step nor the picture."""
        return self.txt_in(self.txt_norm(states))

    def modulation(self, embedded: Float[Tensor, "B D"]) -> Modulation:
        """Tables of every block for times embedded by `time`; `out` is empty, as there is no output norm."""
        active = F.silu(embedded)
        blocks = [block for block in self.transformer_blocks if isinstance(block, Block)]
        image = tuple(block.img_mod[1](active)[:, None] for block in blocks)
        text = tuple(block.txt_mod[1](active)[:, None] for block in blocks)
        return Modulation(image, text, active[:, :0])

    def residuals(
        self,
        latents: Float[Tensor, "B S P"],
        condition: Float[Tensor, "B S C"],
        text: Float[Tensor, "B T D"],
        mask: Bool[Tensor, "B T"] | None,
        rotation: Rope,
        modulation: Modulation,
    ) -> tuple[Float[Tensor, "B S D"], ...]:
        """One residual per block, not yet scaled.

        Args:
            latents: packed tokens of the picture that is being painted.
            condition: packed latents of the control picture (and its mask, for Inpainting checkpoints).
            text: output of `text`.
            mask: True for real text tokens; None when all are.
            rotation: MSRoPE tables of this picture and this text length.
            modulation: output of `modulation`: B rows, or one row for the whole batch.
        """
        image = self.img_in(latents) + self.controlnet_x_embedder(condition)
        keys = None if mask is None else F.pad(mask, (0, image.shape[1]), value=True)[:, None, None]
        tables = rotation.joint()
        target = image.shape[1]
        found = []
        for index, (block, out) in enumerate(zip(self.transformer_blocks, self.controlnet_blocks, strict=True)):
            image, text = block(image, text, modulation.image[index], modulation.text[index], keys, tables, target)
            found.append(out(image))
        return tuple(found)

    def forward(
        self,
        latents: Float[Tensor, "B S P"],
        condition: Float[Tensor, "B S C"],
        states: Float[Tensor, "B T E"],
        mask: Bool[Tensor, "B T"] | None,
        t: Float[Tensor, " B"],
        shapes: Sequence[Shape],
    ) -> tuple[Float[Tensor, "B S D"], ...]:
        """One call for training and parity: embed, modulate, rotate, run all blocks.

        Args:
            latents: packed tokens of the picture that is being painted.
            condition: packed latents of the control picture (and its mask).
            states: last hidden states of the condition encoder, padded on the right.
            mask: True for real text tokens; None when all are.
            t: noise level of each sample in [0, 1].
            shapes: (1, h, w) in tokens of the picture.
        """
        rotation = rope(shapes, states.shape[1], self.config.axes_dims_rope, latents.device)
        return self.residuals(latents, condition, self.text(states), mask, rotation, self.modulation(self.time(t)))
