"""A better start for a small autoencoder: its encoder begins as principal components of 8x8 patches.

With the second convolution of every residual block at zero, the encoder is a chain of linear maps up to its last
norm. Each downsample is set to the principal components of the cells it joins, the last one to the leading Z
components of whole patches, whitened. The norm before the output would forget lengths; a constant in the spare
channels keeps its divisor nearly constant, and a pair of channels (a, -a) passes SiLU unharmed, as
silu(a) - silu(-a) = a. So latents mean something from the first step, and the decoder learns at once to read
them. The report does not train its encoder; this is ours.

Letters: B pictures, C channels, H W pixels, Z latent channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hanmo.errors import ConfigError
from hanmo.model.vae import VAE, Downsample, ResidualBlock

CONSTANT = 4.0
"""Value of the spare channels before the last norm; components have standard deviation 1/2 there."""
SPREAD = 0.5
LOGVAR = -4.0


@torch.no_grad()
def identity_start(vae: VAE, generator: torch.Generator) -> None:
    """Residual branches at zero, every other convolution with unit gain, biases at zero."""
    for name, module in vae.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias) if module.bias is not None else None
            if name.endswith(("conv2", ".proj")):
                nn.init.zeros_(module.weight)
            else:
                module.weight.normal_(0.0, module.weight[0].numel() ** -0.5, generator=generator)
        if isinstance(module, ResidualBlock) and isinstance(module.conv_shortcut, nn.Conv2d):
            weight = module.conv_shortcut.weight
            if weight.shape[0] > weight.shape[1]:
                nn.init.dirac_(weight[: weight.shape[1]])
    nn.init.dirac_(vae.post_quant_conv.weight)


@torch.no_grad()
def principal_start(vae: VAE, pixels: Float[Tensor, "B 3 H W"], generator: torch.Generator) -> None:
    """Set the encoder of a new VAE to principal components of `pixels` ([-1, 1], some hundred pictures).

    Args:
        vae: a new one; every weight is overwritten.
        pixels: pictures like those it will see.
        generator: of the other weights.

    Raises:
        ConfigError: the last level has fewer than 2Z + 1 channels.
    """
    encoder, latent = vae.encoder, vae.config.z_dim
    width = encoder.conv_out.weight.shape[1]
    if width < 2 * latent + 1:
        raise ConfigError(
            f"the VAE's last level has {width} channels, but a start from principal components needs "
            f"{2 * latent + 1}; raise base_dim or dim_mult"
        )
    identity_start(vae, generator)
    encoder.conv_in.weight[:3].zero_()
    for channel in range(3):
        encoder.conv_in.weight[channel, channel, 1, 1] = 1.0
    x = encoder.conv_in(pixels)
    downs = [layer for layer in encoder.down_blocks if isinstance(layer, Downsample)]
    for layer in encoder.down_blocks:
        if isinstance(layer, Downsample):
            last = layer is downs[-1]
            _set_components(layer, x, latent if last else x.shape[1], last)
        x = layer(x)
    _set_output(vae, x, latent)


def _set_components(layer: Downsample, x: Float[Tensor, "B C H W"], count: int, last: bool) -> None:
    """The first `count` principal components of 2x2 cells; the last layer's come as pairs with a constant."""
    convolution = layer.resample[1]
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    cells = F.pixel_unshuffle(x, 2).movedim(1, -1).flatten(0, 2)  # channel index = c*4 + dy*2 + dx
    mean = cells.mean(0)
    values, vectors = torch.linalg.eigh((cells - mean).T @ (cells - mean) / len(cells))
    count = min(count, len(values))
    components, variance = vectors.flip(1)[:, :count].T, values.flip(0)[:count]
    if last:
        components = components * (SPREAD / variance.clamp(min=1e-6).sqrt())[:, None]
    kernel = components.unflatten(1, (-1, 2, 2))
    bias = -(components @ mean)
    convolution.weight.zero_()
    convolution.bias.zero_()
    convolution.weight[:count, :, :2, :2] = kernel
    if last:
        convolution.bias[:count] = bias
        convolution.weight[count : 2 * count, :, :2, :2] = -kernel
        convolution.bias[count : 2 * count] = -bias
        convolution.bias[2 * count :] = CONSTANT


def _set_output(vae: VAE, x: Float[Tensor, "B C h w"], latent: int) -> None:
    """Read the pairs back through norm and SiLU, so that the posterior's means have unit variance."""
    out, quant = vae.encoder.conv_out, vae.quant_conv
    assert out.bias is not None
    assert quant.bias is not None
    a = vae.encoder.norm_out(vae.encoder.mid_block(x))[:, :latent]
    gain = 1.0 / a.std(dim=(0, 2, 3)).clamp(min=1e-6)
    out.weight.zero_()
    for channel in range(latent):
        out.weight[channel, channel, 1, 1] = gain[channel]
        out.weight[channel, latent + channel, 1, 1] = -gain[channel]
    quant.weight.zero_()
    nn.init.dirac_(quant.weight[:latent])
    quant.bias.zero_()
    quant.bias[latent:] = LOGVAR
