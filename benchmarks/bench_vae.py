"""VAE encode and decode of one picture, against diffusers, same random weights, fp32.

Hanmo runs 2-D convolutions on the one frame; diffusers runs causal 3-D ones.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

import torch
from diffusers import AutoencoderKLQwenImage

from benchmarks.compare import Row, compare, relative, show
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.model.vae_layout import from_published

TARGET = 1.8


def pair(config: VAEConfig) -> tuple[VAE, AutoencoderKLQwenImage]:
    """Both implementations with the same random weights."""
    torch.manual_seed(0)
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}
    reference = AutoencoderKLQwenImage(**values).eval().requires_grad_(False)
    with torch.device("meta"):
        ours = VAE(config)
    ours.load_state_dict(from_published(reference.state_dict()), strict=True, assign=True)
    return ours.eval().requires_grad_(False), reference


@torch.no_grad()
def measure(side: int = 256, runs: int = 5, base_dim: int = 96) -> list[Row]:
    """Encode and decode of one picture of side x side pixels."""
    ours, reference = pair(VAEConfig(base_dim=base_dim))
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 3, side, side, generator=generator) * 2 - 1
    z = torch.randn(1, 16, side // 8, side // 8, generator=generator)
    encoded = relative(ours.encode(picture).mean, reference.encode(picture[:, :, None]).latent_dist.mean[:, :, 0])
    decoded = relative(ours.decode(z), reference.decode(z[:, :, None]).sample[:, :, 0])
    size = f"{side}x{side}, base_dim {base_dim}"
    return [
        compare(
            f"VAE encode {size}",
            lambda: ours.encode(picture),
            lambda: reference.encode(picture[:, :, None]),
            runs,
            TARGET,
            encoded,
        ),
        compare(
            f"VAE decode {size}",
            lambda: ours.decode(z),
            lambda: reference.decode(z[:, :, None]),
            runs,
            TARGET,
            decoded,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--base-dim", type=int, default=96)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    show(measure(options.side, options.runs, options.base_dim))


if __name__ == "__main__":
    main()
