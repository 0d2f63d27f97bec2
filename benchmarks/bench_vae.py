"""VAE encode and decode of one picture, against diffusers, same random weights, fp32.

Hanmo runs 2-D convolutions on the one frame; diffusers runs causal 3-D ones. With a checkpoint it measures no speed,
but how well its VAE gives pictures back (`vae_quality`), and with two, what tuning the decoder was worth:

    python -m benchmarks.bench_vae hanmo-tiny
    python -m benchmarks.bench_vae hanmo-tiny --after runs/vae_decoder/export --folder photos
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from diffusers import AutoencoderKLQwenImage

from benchmarks import machine, vae_quality
from benchmarks.compare import Row, compare, relative, show
from hanmo.errors import RequestError
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "model", nargs="?", help="measure PSNR and SSIM of this checkpoint: a folder with vae/, or an id"
    )
    parser.add_argument("--after", help="a second one, to compare: the same decoder after tuning")
    parser.add_argument("--sets", nargs="+", choices=vae_quality.SETS, default=list(vae_quality.SETS))
    parser.add_argument("--folder", type=Path, help="pictures of your own, as one more set")
    parser.add_argument("--pictures", type=int, default=16, help="of each set (default: 16)")
    parser.add_argument("--seed", type=int, default=11, help="of the sets (default: 11)")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--runs", type=int, default=5, help="speed only")
    parser.add_argument("--base-dim", type=int, default=96, help="speed only")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.model is None:
        show(measure(options.side, options.runs, options.base_dim))
        return
    try:
        body, figures = vae_quality.report(
            options.model, options.after, options.sets, options.folder, options.pictures, options.seed, options.side
        )
    except RequestError as error:
        parser.error(str(error))
    print(body)
    print(json.dumps({"machine": machine.describe(), "figures": figures}, ensure_ascii=False))


if __name__ == "__main__":
    main()
