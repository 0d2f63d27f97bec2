"""Architecture of the transformer, the VAE (report section 2.2-2.4, Table 1) and the ControlNets made for them.

The defaults are the released configuration; a checkpoint's `config.json` overrides them. Nothing here knows
about recipes or training.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hanmo.errors import ConfigError

# Fields that older published config files carry and that change nothing in the computation.
LEGACY = frozenset({"pooled_projection_dim", "is_residual", "scale_factor_spatial", "scale_factor_temporal"})


Config = TypeVar("Config", bound="_CheckpointConfig")


@dataclass(frozen=True)
class _CheckpointConfig:
    """Reading and writing of a `config.json`, shared by the architectures."""

    @classmethod
    def from_dict(cls: type[Config], values: Mapping[str, Any]) -> Config:
        """Build from a parsed `config.json`; keys that begin with `_` and legacy keys are skipped.

        Raises:
            ConfigError: an unknown key (the nearest known one is named) or a value out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        kept: dict[str, Any] = {}
        for key, value in values.items():
            if key.startswith("_") or key in LEGACY:
                continue
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise ConfigError(f"{cls.__name__} has no field {key!r}{hint} (allowed: {', '.join(sorted(known))})")
            kept[key] = tuple(value) if isinstance(value, list) else value
        return cls(**kept)

    def to_dict(self) -> dict[str, Any]:
        """The content of `config.json`, with `_class_name` as diffusers expects it."""
        return {"_class_name": self.class_name(), **dataclasses.asdict(self)}

    @classmethod
    def class_name(cls) -> str:
        """Name of the diffusers class that reads the same file."""
        return "QwenImageTransformer2DModel" if cls.__name__ == "TransformerConfig" else "AutoencoderKLQwenImage"


@dataclass(frozen=True)
class TransformerConfig(_CheckpointConfig):
    """The MMDiT. Defaults: Qwen-Image as released, 20,430,401,088 parameters."""

    patch_size: int = 2
    in_channels: int = 64
    out_channels: int = 16
    num_layers: int = 60
    attention_head_dim: int = 128
    num_attention_heads: int = 24
    joint_attention_dim: int = 3584
    guidance_embeds: bool = False
    axes_dims_rope: tuple[int, int, int] = (16, 56, 56)
    zero_cond_t: bool = False
    use_additional_t_cond: bool = False
    use_layer3d_rope: bool = False

    def __post_init__(self) -> None:
        """Check what the equations need.

        Raises:
            ConfigError: rotary axes that do not fill a head, or an option no released checkpoint uses.
        """
        if sum(self.axes_dims_rope) != self.attention_head_dim or any(d % 2 for d in self.axes_dims_rope):
            raise ConfigError(
                f"axes_dims_rope {self.axes_dims_rope} must be even numbers that sum to attention_head_dim "
                f"{self.attention_head_dim}"
            )
        if self.guidance_embeds:
            raise ConfigError("guidance_embeds = true is not allowed: no released checkpoint has such an embedder")

    @property
    def inner_dim(self) -> int:
        """Width D of both streams."""
        return self.num_attention_heads * self.attention_head_dim


@dataclass(frozen=True)
class ControlNetConfig(_CheckpointConfig):
    """A ControlNet: a few blocks of the transformer, beside it. Defaults: the released Union checkpoint.

    `extra_condition_channels` is 4 for Inpainting checkpoints: a 17th latent channel, the mask, times the
    four cells of a token.
    """

    patch_size: int = 2
    in_channels: int = 64
    out_channels: int = 16
    num_layers: int = 5
    attention_head_dim: int = 128
    num_attention_heads: int = 24
    joint_attention_dim: int = 3584
    axes_dims_rope: tuple[int, int, int] = (16, 56, 56)
    extra_condition_channels: int = 0

    def __post_init__(self) -> None:
        """Check what the equations need.

        Raises:
            ConfigError: no blocks, rotary axes that do not fill a head, or a condition of no known kind.
        """
        if self.num_layers < 1:
            raise ConfigError(f"num_layers {self.num_layers} is not allowed: a ControlNet has 1 block or more")
        if sum(self.axes_dims_rope) != self.attention_head_dim or any(d % 2 for d in self.axes_dims_rope):
            raise ConfigError(
                f"axes_dims_rope {self.axes_dims_rope} must be even numbers that sum to attention_head_dim "
                f"{self.attention_head_dim}"
            )
        if self.extra_condition_channels not in (0, 4):
            raise ConfigError(
                f"extra_condition_channels {self.extra_condition_channels} is not allowed: 0 (a control picture) "
                "or 4 (a picture and its mask)"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ControlNetConfig:
        """As for the others; options that were copied from a transformer's config must be off.

        Raises:
            ConfigError: an unknown key, a value out of range, or one of the transformer's options is on.
        """
        on = [key for key in _TRANSFORMER_ONLY if values.get(key)]
        if on:
            raise ConfigError(f"{on[0]} = {values[on[0]]!r} is not allowed: no ControlNet computes it")
        return super().from_dict({key: value for key, value in values.items() if key not in _TRANSFORMER_ONLY})

    @classmethod
    def class_name(cls) -> str:
        """Name of the diffusers class that reads the same file."""
        return "QwenImageControlNetModel"

    @property
    def inner_dim(self) -> int:
        """Width D of both streams."""
        return self.num_attention_heads * self.attention_head_dim

    @property
    def takes_mask(self) -> bool:
        """Whether the condition has a mask as its 17th channel."""
        return self.extra_condition_channels > 0


# diffusers copies them into the config of a ControlNet that was started from a transformer.
_TRANSFORMER_ONLY = ("guidance_embeds", "zero_cond_t", "use_additional_t_cond", "use_layer3d_rope")

# Per-channel statistics of the released latents (published in the VAE's config.json).
_MEAN = (-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508,
         0.4134, -0.0715, 0.5517, -0.3632, -0.1922, -0.9497, 0.2503, -0.2921)  # fmt: skip
_STD = (2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
        3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160)  # fmt: skip


@dataclass(frozen=True)
class VAEConfig(_CheckpointConfig):
    """The autoencoder of Wan 2.1 as Qwen-Image ships it (report 2.3). `temperal` is spelled as published."""

    base_dim: int = 96
    z_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 2
    attn_scales: tuple[float, ...] = ()
    temperal_downsample: tuple[bool, ...] = (False, True, True)
    dropout: float = 0.0
    input_channels: int = 3
    latents_mean: tuple[float, ...] = _MEAN
    latents_std: tuple[float, ...] = _STD

    def __post_init__(self) -> None:
        """Check what the layout needs.

        Raises:
            ConfigError: attention inside the levels, or statistics of another length than z_dim.
        """
        if self.attn_scales:
            raise ConfigError(f"attn_scales {self.attn_scales} is not allowed: the released VAE has none (use [])")
        if len(self.latents_mean) != self.z_dim or len(self.latents_std) != self.z_dim:
            raise ConfigError(f"latents_mean and latents_std must hold z_dim = {self.z_dim} numbers each")
        if len(self.temperal_downsample) != len(self.dim_mult) - 1:
            raise ConfigError("temperal_downsample must hold one flag for each level of dim_mult but the last")

    @property
    def scale(self) -> int:
        """Pixels per latent cell along each side (8 as released)."""
        return int(2 ** (len(self.dim_mult) - 1))
