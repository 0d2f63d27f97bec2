"""The autoencoder (report section 2.3): the Wan-2.1 video VAE as Qwen-Image uses it, for single frames.

For one frame a causal 3-D convolution sees zeros for its earlier time slices, so it equals the 2-D
convolution with its last slice exactly; the weights live as 2-D here, and `vae_layout` converts from and to
the published tensors. Parameter names equal the checkpoint's. It does not know files, tiling or video.

Letters: B pictures, C channels, H W pixels, h w latent cells (pixels / 8), Z latent channels.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hanmo.model.config import VAEConfig


@dataclass(frozen=True)
class Posterior:
    """Diagonal Gaussian over latents, not yet normalised."""

    mean: Float[Tensor, "B Z h w"]
    logvar: Float[Tensor, "B Z h w"]

    def mode(self) -> Float[Tensor, "B Z h w"]:
        """The mean: what edits use."""
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "B Z h w"]:
        """Mean + std * noise, drawn on the generator's device (CPU by default) in the mean's dtype."""
        device = generator.device if generator is not None else self.mean.device
        noise = torch.randn(self.mean.shape, generator=generator, device=device, dtype=self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.logvar) * noise.to(self.mean.device)


class ChannelNorm(nn.Module):
    """RMS norm over channels: x / ||x||_2 * sqrt(C) * gamma, computed in float32 for half inputs."""

    def __init__(self, channels: int, axes: int = 3) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, *(1,) * axes))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Normalise every pixel."""
        unit = F.normalize(x.float(), dim=1).type_as(x)
        return unit * (self.gamma.reshape(1, -1, 1, 1) * x.shape[1] ** 0.5)


class ResidualBlock(nn.Module):
    """norm, SiLU, 3x3, norm, SiLU, 3x3, plus a 1x1 shortcut when the channels differ."""

    def __init__(self, inward: int, outward: int) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(inward)
        self.conv1 = nn.Conv2d(inward, outward, 3, padding=1)
        self.norm2 = ChannelNorm(outward)
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inward, outward, 1) if inward != outward else nn.Identity()

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H W"]:
        """Both convolutions and the shortcut."""
        y = self.conv1(F.silu(self.norm1(x)))
        return self.conv2(F.silu(self.norm2(y))) + self.conv_shortcut(x)


class AttentionBlock(nn.Module):
    """Single-head attention over all pixels of a picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels, axes=2)
        self.to_qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """X + proj(attention(norm(x)))."""
        height = x.shape[2]
        q, k, v = self.to_qkv(self.norm(x)).flatten(2).transpose(1, 2)[:, None].chunk(3, dim=-1)
        out = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).unflatten(2, (height, -1))
        return x + self.proj(out)


class MidBlock(nn.Module):
    """Residual block, attention, residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResidualBlock(channels, channels), ResidualBlock(channels, channels)])
        self.attentions = nn.ModuleList([AttentionBlock(channels)])

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """All three."""
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Downsample(nn.Module):
    """Halve both sides: pad right and bottom by one, 3x3 with stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, channels, 3, stride=2))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H2 W2"]:
        """Half the size."""
        return self.resample(x)


class Upsample(nn.Module):
    """Double both sides by nearest neighbour, then a 3x3 that halves the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        nearest = nn.Upsample(scale_factor=2.0, mode="nearest-exact")
        self.resample = nn.Sequential(nearest, nn.Conv2d(channels, channels // 2, 3, padding=1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C2 H2 W2"]:
        """Twice the size."""
        return self.resample(x)


class Encoder(nn.Module):
    """Pixels to 2Z channels at an eighth of the size; `down_blocks` is one flat list, as published."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        dims = [config.base_dim * mult for mult in (1, *config.dim_mult)]
        self.conv_in = nn.Conv2d(config.input_channels, dims[0], 3, padding=1)
        layers: list[nn.Module] = []
        for level, (inward, outward) in enumerate(itertools.pairwise(dims)):
            for block in range(config.num_res_blocks):
                layers.append(ResidualBlock(inward if block == 0 else outward, outward))
            if level < len(config.dim_mult) - 1:
                layers.append(Downsample(outward))
        self.down_blocks = nn.ModuleList(layers)
        self.mid_block = MidBlock(dims[-1])
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], 2 * config.z_dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B twoZ h w"]:
        """Mean and log-variance before `quant_conv`."""
        x = self.conv_in(x)
        for layer in self.down_blocks:
            x = layer(x)
        return self.conv_out(F.silu(self.norm_out(self.mid_block(x))))


class UpBlock(nn.Module):
    """Residual blocks of one level, then an upsample but for the last level."""

    def __init__(self, inward: int, outward: int, blocks: int, up: bool) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResidualBlock(inward if i == 0 else outward, outward) for i in range(blocks)])
        self.upsamplers = nn.ModuleList([Upsample(outward)] if up else [])

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D H2 W2"]:
        """Every layer in order."""
        for layer in (*self.resnets, *self.upsamplers):
            x = layer(x)
        return x


class Decoder(nn.Module):
    """Z channels to pixels at eight times the size."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        dims = [config.base_dim * mult for mult in (config.dim_mult[-1], *reversed(config.dim_mult))]
        self.conv_in = nn.Conv2d(config.z_dim, dims[0], 3, padding=1)
        self.mid_block = MidBlock(dims[0])
        last = len(config.dim_mult) - 1
        self.up_blocks = nn.ModuleList(
            [
                UpBlock(inward if level == 0 else inward // 2, outward, config.num_res_blocks + 1, level < last)
                for level, (inward, outward) in enumerate(itertools.pairwise(dims))
            ]
        )
        self.norm_out = ChannelNorm(dims[-1])
        self.conv_out = nn.Conv2d(dims[-1], config.input_channels, 3, padding=1)

    def forward(self, z: Float[Tensor, "B Z h w"]) -> Float[Tensor, "B C H W"]:
        """Pixels, not clamped."""
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class VAE(nn.Module):
    """Encoder and decoder with their 1x1 convolutions and the latents' statistics."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quant_conv = nn.Conv2d(2 * config.z_dim, 2 * config.z_dim, 1)
        self.post_quant_conv = nn.Conv2d(config.z_dim, config.z_dim, 1)
        self.decoder = Decoder(config)

    def encode(self, x: Float[Tensor, "B C H W"]) -> Posterior:
        """Posterior of pictures in [-1, 1] whose sides are multiples of 8."""
        moments = self.quant_conv(self.encoder(x.contiguous(memory_format=torch.channels_last)))
        mean, logvar = moments.contiguous().chunk(2, dim=1)
        return Posterior(mean, logvar.clamp(-30.0, 20.0))

    def reconstruct(self, z: Float[Tensor, "B Z h w"]) -> Float[Tensor, "B C H W"]:
        """Pixels before clamping: what a reconstruction loss needs."""
        return self.decoder(self.post_quant_conv(z.contiguous(memory_format=torch.channels_last)))

    def decode(self, z: Float[Tensor, "B Z h w"]) -> Float[Tensor, "B C H W"]:
        """Pixels in [-1, 1] from latents that are not normalised (see `denormalise`)."""
        return self.reconstruct(z).contiguous().clamp(-1.0, 1.0)

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean = torch.tensor(self.config.latents_mean, device=like.device, dtype=like.dtype)
        std = torch.tensor(self.config.latents_std, device=like.device, dtype=like.dtype)
        return mean.reshape(1, -1, 1, 1), std.reshape(1, -1, 1, 1)

    def normalise(self, z: Float[Tensor, "B Z h w"]) -> Float[Tensor, "B Z h w"]:
        """Latents as the transformer sees them: (z - mean) / std per channel."""
        mean, std = self._statistics(z)
        return (z - mean) / std

    def denormalise(self, latent: Float[Tensor, "B Z h w"]) -> Float[Tensor, "B Z h w"]:
        """Undo `normalise`: latent * std + mean."""
        mean, std = self._statistics(latent)
        return latent * std + mean
