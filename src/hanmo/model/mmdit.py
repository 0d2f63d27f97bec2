"""The double-stream multimodal diffusion transformer (report section 2.4, Table 1).

Text and image tokens keep separate weights and meet in one joint attention (text first, then image). The
timestep enters through shift, scale and gate of every block. Parameter names equal the published
checkpoint's.

It does not know schedules, guidance, files or parallelism. Replace `block.attn.attend` to change the
attention, and hook the blocks to look inside.

Letters: B batch, S image tokens, T text tokens, N = T + S, D width, E condition width, H heads, d head width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hanmo.model.config import TransformerConfig
from hanmo.model.linear import Linear
from hanmo.model.msrope import Rope, Shape, apply, rope

Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
EPS = 1e-6


@dataclass(frozen=True)
class Modulation:
    """What depends on the timestep only: one [B, K, 6D] per block and stream, and [B, 2D] at the end.

    K is 1, or 2 for checkpoints with `zero_cond_t`: row 0 for the target's tokens, row 1 (t = 0) for the
    pictures that condition it.
    """

    image: tuple[Float[Tensor, "B K six"], ...]
    text: tuple[Float[Tensor, "B 1 six"], ...]
    out: Float[Tensor, "B two"]

    def __getitem__(self, rows: slice) -> Modulation:
        """The same tables for some rows of the batch (or some steps of a schedule)."""
        image, text = (tuple(table[rows] for table in tables) for tables in (self.image, self.text))
        return Modulation(image, text, self.out[rows])


def sdpa(
    query: Float[Tensor, "B H N d"],
    key: Float[Tensor, "B H M d"],
    value: Float[Tensor, "B H M d"],
    mask: Shaped[Tensor, "B 1 _ M"] | None,
) -> Float[Tensor, "B H N d"]:
    """Softmax attention with scale 1/sqrt(d), no causality; False in the mask hides a key, a number is added."""
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


class RMSNorm(nn.Module):
    """x / rms(x) * weight, the mean of squares in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*any width"]) -> Float[Tensor, "*any width"]:
        """Normalise the last axis."""
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), EPS)


class TimestepEmbedder(nn.Module):
    """256 sinusoids of 1000 t (cosines first), then two linear layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear_1 = Linear(256, width)
        self.linear_2 = Linear(width, width)

    def forward(self, t: Float[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """Embed t in [0, 1]. Frequencies are rounded to t's dtype, as the released code does in bfloat16."""
        frequencies = torch.exp(-math.log(10_000.0) * torch.arange(128, device=t.device) / 128).to(t.dtype)
        angles = 1000.0 * (t.float()[:, None] * frequencies.float()[None])
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(t.dtype)
        return self.linear_2(F.silu(self.linear_1(waves)))


class TimeTextEmbed(nn.Module):
    """The timestep embedder under its published name, and the layered checkpoints' extra condition."""

    def __init__(self, width: int, additional: bool) -> None:
        super().__init__()
        self.timestep_embedder = TimestepEmbedder(width)
        if additional:
            self.addition_t_embedding = nn.Embedding(2, width)


class JointAttention(nn.Module):
    """Attention over text and image tokens together, each stream with its own projections and QK norms."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend: Attend = sdpa
        self.to_q, self.to_k, self.to_v = (Linear(width, width) for _ in range(3))
        self.add_q_proj, self.add_k_proj, self.add_v_proj = (Linear(width, width) for _ in range(3))
        self.norm_q, self.norm_k = RMSNorm(width // heads), RMSNorm(width // heads)
        self.norm_added_q, self.norm_added_k = RMSNorm(width // heads), RMSNorm(width // heads)
        self.to_out = nn.ModuleList([Linear(width, width)])
        self.to_add_out = Linear(width, width)

    def _split(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N H d"]:
        return x.unflatten(-1, (self.heads, -1))

    def forward(
        self,
        image: Float[Tensor, "B S D"],
        text: Float[Tensor, "B T D"],
        mask: Shaped[Tensor, "B 1 _ N"] | None,
        rotation: tuple[Float[Tensor, "N half"], Float[Tensor, "N half"]],
        queries: int | None = None,
    ) -> tuple[Float[Tensor, "B _ D"], Float[Tensor, "B _ D"]]:
        """Attention outputs of (image, text) after their output projections.

        Args:
            image: modulated image tokens.
            text: modulated text tokens.
            mask: keys over text then image that may be seen, for all (one row) or for each token; or None.
            rotation: cos and sin over text then image.
            queries: when given, only so many image tokens ask, and the text's output is empty (last block).
        """
        cos, sin = rotation
        length = text.shape[1]
        asking = image if queries is None else image[:, :queries]
        q = self.norm_q(self._split(self.to_q(asking)))
        if queries is None:
            q = torch.cat([self.norm_added_q(self._split(self.add_q_proj(text))), q], dim=1)
            q = apply(q, cos, sin)
        else:
            q = apply(q, cos[length : length + queries], sin[length : length + queries])
            if mask is not None and mask.shape[2] > 1:
                mask = mask[:, :, length : length + queries]
        added = self.norm_added_k(self._split(self.add_k_proj(text)))
        k = torch.cat([added, self.norm_k(self._split(self.to_k(image)))], dim=1)
        v = self._split(torch.cat([self.add_v_proj(text), self.to_v(image)], dim=1))
        k = apply(k, cos, sin)
        out = self.attend(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask)
        out = out.transpose(1, 2).flatten(2).type_as(v)
        if queries is not None:
            return self.to_out[0](out), out[:, :0]
        return self.to_out[0](out[:, length:]), self.to_add_out(out[:, :length])


class GELUProjection(nn.Module):
    """Linear, then GELU (tanh form)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = Linear(width, inner)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N inner"]:
        """Project and bend."""
        return F.gelu(self.proj(x), approximate="tanh")


class MLP(nn.Module):
    """D -> 4D -> D; index 1 of `net` is an empty place (a dropout in the published code)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([GELUProjection(width, 4 * width), nn.Identity(), Linear(4 * width, width)])

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Both layers."""
        return self.net[2](self.net[0](x))


def modulated_norm(
    x: Float[Tensor, "B N D"], shift: Float[Tensor, "R K D"], scale: Float[Tensor, "R K D"], target: int
) -> Float[Tensor, "B N D"]:
    """LayerNorm(x) * (1 + scale) + shift; with two rows (K = 2) tokens from `target` on use the second.

    R is B, or 1 when the whole batch stands at one time.
    """
    if shift.shape[1] == 2:
        parts = (slice(None, target), slice(target, None))
        rows = (slice(0, 1), slice(1, 2))
        return torch.cat(
            [modulated_norm(x[:, p], shift[:, r], scale[:, r], target) for p, r in zip(parts, rows, strict=True)],
            dim=1,
        )
    if len(shift) == 1:  # one time for all: shift and scale are the norm's own bias and weight, one pass over x
        return F.layer_norm(x, x.shape[-1:], (1 + scale[0, 0]).type_as(x), shift[0, 0].type_as(x), EPS)
    return torch.addcmul(shift, F.layer_norm(x, x.shape[-1:], eps=EPS), 1 + scale)


def gated_sum(
    x: Float[Tensor, "B N D"], gate: Float[Tensor, "R K D"], y: Float[Tensor, "B N D"], target: int
) -> Float[Tensor, "B N D"]:
    """X + gate * y; with two rows (K = 2) tokens from `target` on use the second."""
    if gate.shape[1] == 2:
        y = torch.cat([gate[:, :1] * y[:, :target], gate[:, 1:] * y[:, target:]], dim=1)
        return x + y
    return torch.addcmul(x, gate.type_as(x), y.type_as(x))


class Block(nn.Module):
    """A double-stream block: joint attention, then an MLP per stream, all modulated by the timestep."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.img_mod = nn.Sequential(nn.SiLU(), Linear(width, 6 * width))
        self.txt_mod = nn.Sequential(nn.SiLU(), Linear(width, 6 * width))
        self.attn = JointAttention(width, heads)
        self.img_mlp, self.txt_mlp = MLP(width), MLP(width)

    def forward(
        self,
        image: Float[Tensor, "B S D"],
        text: Float[Tensor, "B T D"],
        mod_image: Float[Tensor, "R K six"],
        mod_text: Float[Tensor, "R 1 six"],
        mask: Shaped[Tensor, "B 1 _ N"] | None,
        rotation: tuple[Float[Tensor, "N half"], Float[Tensor, "N half"]],
        target: int,
        last: bool = False,
    ) -> tuple[Float[Tensor, "B _ D"], Float[Tensor, "B T D"]]:
        """The streams after this block.

        Args:
            image: image tokens, the target's first.
            text: text tokens.
            mod_image: the image stream's six vectors: shift, scale, gate for attention, then for the MLP.
            mod_text: the text stream's.
            mask: as the attention's.
            rotation: MSRoPE cos and sin over text then image.
            target: number of target tokens.
            last: compute only what the output needs: the target's tokens, no text stream.
        """
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = mod_image.chunk(6, dim=-1)
        t_shift_a, t_scale_a, t_gate_a, t_shift_m, t_scale_m, t_gate_m = mod_text.chunk(6, dim=-1)
        attended, t_attended = self.attn(
            modulated_norm(image, shift_a, scale_a, target),
            modulated_norm(text, t_shift_a, t_scale_a, 0),
            mask,
            rotation,
            target if last else None,
        )
        if last:
            image = image[:, :target]
        image = gated_sum(image, gate_a, attended, target)
        image = gated_sum(image, gate_m, self.img_mlp(modulated_norm(image, shift_m, scale_m, target)), target)
        if not last:
            text = gated_sum(text, t_gate_a, t_attended, 0)
            text = gated_sum(text, t_gate_m, self.txt_mlp(modulated_norm(text, t_shift_m, t_scale_m, 0)), 0)
        if image.dtype == torch.float16:
            image, text = image.clip(-65504, 65504), text.clip(-65504, 65504)
        return image, text


class OutputNorm(nn.Module):
    """Holder of the last modulation; it gives (scale, shift), the other order than the blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = Linear(width, 2 * width)


class MMDiT(nn.Module):
    """The transformer: packed latents, condition states and a time in, flow velocity (noise - data) out."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.inner_dim
        self.checkpointing = False
        self.time_text_embed = TimeTextEmbed(width, config.use_additional_t_cond)
        self.txt_norm = RMSNorm(config.joint_attention_dim)
        self.img_in = Linear(config.in_channels, width)
        self.txt_in = Linear(config.joint_attention_dim, width)
        self.transformer_blocks = nn.ModuleList(
            [Block(width, config.num_attention_heads) for _ in range(config.num_layers)]
        )
        self.norm_out = OutputNorm(width)
        self.proj_out = Linear(width, config.patch_size**2 * config.out_channels)

    def time(self, t: Float[Tensor, " B"], kind: int | None = None) -> Float[Tensor, "B D"]:
        """Embedding of t in [0, 1] (cast to the weights' dtype first).

        Args:
            t: noise levels, 1 = pure noise.
            kind: row of the extra table, for checkpoints with `use_additional_t_cond`.
        """
        embed = self.time_text_embed
        embedded = embed.timestep_embedder(t.to(self.proj_out.weight.dtype))
        return embedded if kind is None else embedded + embed.addition_t_embedding.weight[kind]

    def text(self, states: Float[Tensor, "B T E"]) -> Float[Tensor, "B T D"]:
        """Condition states as the text stream's input; depends on neither the step nor the picture."""
        return self.txt_in(self.txt_norm(states))

    def modulation(self, embedded: Float[Tensor, "B D"]) -> Modulation:
        """Tables of every block for times embedded by `time`; a whole schedule can be passed as one batch.

        With `zero_cond_t`, the rows of t = 0 are added here, so that callers pass their own times only.
        """
        active = F.silu(embedded)
        rows = active[:, None]
        if self.config.zero_cond_t:
            zero = F.silu(self.time(torch.zeros(1, device=embedded.device)))
            rows = torch.cat([rows, zero[None].expand(len(active), 1, -1)], dim=1)
        blocks = [block for block in self.transformer_blocks if isinstance(block, Block)]
        image = tuple(block.img_mod[1](rows) for block in blocks)
        text = tuple(block.txt_mod[1](active)[:, None] for block in blocks)
        return Modulation(image, text, self.norm_out.linear(active))

    def velocity(
        self,
        latents: Float[Tensor, "B S P"],
        text: Float[Tensor, "B T D"],
        mask: Bool[Tensor, "B T"] | None,
        rotation: Rope,
        modulation: Modulation,
        target: int | None = None,
        attention: Shaped[Tensor, "B 1 N N"] | None = None,
        residuals: Sequence[Float[Tensor, "B S D"]] = (),
    ) -> Float[Tensor, "B _ P"]:
        """Velocity of the first `target` image tokens (all when None).

        Args:
            latents: packed tokens, the target's first, then those of the pictures that condition it.
            text: output of `text`.
            mask: True for real text tokens; None when all are.
            rotation: MSRoPE tables of these pictures and this text length.
            modulation: output of `modulation`: B rows, or one row for the whole batch.
            target: number of target tokens.
            attention: who may look at whom, in place of `mask`: bool, or numbers added to the scores.
            residuals: of a ControlNet: n samples, each added to the image after ceil(blocks / n) blocks in turn.
        """
        target = latents.shape[1] if target is None else target
        # Under autocast the residual streams stay in the dtype of their input.
        image = self.img_in(latents).to(latents.dtype)
        text = text.to(latents.dtype)
        keys = attention
        if mask is not None and attention is None:
            keys = F.pad(mask, (0, image.shape[1]), value=True)[:, None, None]
        tables = rotation.joint()
        final = len(self.transformer_blocks) - 1
        stride = math.ceil(len(self.transformer_blocks) / max(len(residuals), 1))
        for index, block in enumerate(self.transformer_blocks):
            inputs = (
                image,
                text,
                modulation.image[index],
                modulation.text[index],
                keys,
                tables,
                target,
                index == final,
            )
            if self.checkpointing and torch.is_grad_enabled():
                image, text = checkpoint(block, *inputs, use_reentrant=False)
            else:
                image, text = block(*inputs)
            if residuals:
                image = image + residuals[index // stride]
        scale, shift = modulation.out[:, None].chunk(2, dim=-1)
        return self.proj_out(modulated_norm(image, shift, scale, target)).to(latents.dtype)

    def forward(
        self,
        latents: Float[Tensor, "B S P"],
        states: Float[Tensor, "B T E"],
        mask: Bool[Tensor, "B T"] | None,
        t: Float[Tensor, " B"],
        shapes: Sequence[Shape],
        target: int | None = None,
    ) -> Float[Tensor, "B _ P"]:
        """One call for training and parity: embed, modulate, rotate, run all blocks.

        Args:
            latents: packed tokens of all pictures, the target first.
            states: last hidden states of the condition encoder, padded on the right.
            mask: True for real text tokens; None when all are.
            t: noise level of each sample in [0, 1].
            shapes: (frames, h, w) in tokens of each picture, the target first.
            target: number of target tokens to return; None returns all (with `zero_cond_t`, the first
                picture's
                tokens count as the target for modulation all the same).
        """
        rotation = rope(
            shapes, states.shape[1], self.config.axes_dims_rope, latents.device, self.config.use_layer3d_rope
        )
        if target is None and self.config.zero_cond_t:
            target = math.prod(shapes[0])
        modulation = self.modulation(self.time(t))
        return self.velocity(latents, self.text(states), mask, rotation, modulation, target)
