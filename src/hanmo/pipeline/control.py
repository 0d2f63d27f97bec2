"""From a request's control pictures to packed latents, and to the `Control`s of the engine.

Source: the released ControlNet pipelines; the report has no such section. A Union net gets the picture's
latents. An Inpainting net gets those of the picture with the masked parts black, and which cells are kept as
a 17th channel. Latents are drawn from the posterior with each painted picture's own generator: for a Union
net before the noise, as diffusers does; for an Inpainting net after it (diffusers draws that one from no
seed at all). It does not know the transformer or the loop.

Letters: B pictures, H W pixels, h w latent cells (pixels / 8), S tokens, C channels of a condition token.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.engine.control import Control, runs
from hanmo.errors import RequestError
from hanmo.model.controlnet import ControlNet
from hanmo.model.latents import image_to_tensor, pack
from hanmo.model.vae import VAE
from hanmo.pipeline.conditions import latents_of
from hanmo.pipeline.control_image import ControlImage
from hanmo.pipeline.geometry import Size, size_for
from hanmo.pipeline.pictures import Source, open_picture
from hanmo.pipeline.request import Request, steps_skipped
from hanmo.weights.preferences import Preferences

STRETCH = 1.03
"""How much a control picture's shape may differ from the painted one's: what rounding of sizes makes of it."""


@dataclass(frozen=True)
class OpenControl:
    """A control picture with its net and its pixels: RGB, and a mask whose white parts are painted anew."""

    asked: ControlImage
    net: ControlNet
    image: Image.Image
    mask: Image.Image | None


def open_control(asked: ControlImage) -> tuple[Image.Image, Image.Image | None]:
    """The picture and the mask of a control.

    Raises:
        RequestError: a file that is missing or is no picture.
    """
    return open_picture(asked.image), None if asked.mask is None else open_picture(asked.mask)


def open_controls(request: Request, nets: Mapping[str, ControlNet]) -> list[OpenControl]:
    """Every control of a request with its net and its opened pictures.

    Raises:
        RequestError: an unknown name, a mask missing or in excess, or a file that cannot be read.
    """
    opened = []
    for asked in request.controls:
        if asked.name not in nets:
            near = difflib.get_close_matches(asked.name, nets, 1)
            loaded = f"did you mean {near[0]!r}?" if near else f"loaded: {', '.join(nets) or 'none'}"
            raise RequestError(f"no ControlNet {asked.name!r} is loaded ({loaded}): call load_controlnet first")
        net = nets[asked.name]
        if net.config.takes_mask and asked.mask is None:
            raise RequestError(f"the ControlNet {asked.name} is for inpainting: give a mask, white to be painted anew")
        if asked.mask is not None and not net.config.takes_mask:
            raise RequestError(f"the ControlNet {asked.name} takes no mask: leave it out, or use one for inpainting")
        opened.append(OpenControl(asked, net, *open_control(asked)))
    return opened


def check_controls(controls: Sequence[OpenControl], request: Request, size: Size, preferences: Preferences) -> None:
    """See whether every control fits the resolved request: its picture's shape, and a step in its range.

    Raises:
        RequestError: a picture that would be stretched, or a range in which no step lies.
    """
    assert request.steps is not None
    skipped = 0 if request.strength is None else steps_skipped(request.steps, request.strength)
    steps = request.steps - skipped
    for control in controls:
        asked = control.asked
        for what, picture in (("picture", control.image), ("mask", control.mask)):
            if picture is not None:
                _check_shape(what, picture.size, size, preferences)
        if not any(runs(step, steps, asked.start, asked.end) for step in range(steps)):
            raise RequestError(
                f"no step lies in the control range {asked.start} to {asked.end} (1 of {steps} steps is "
                f"{1 / steps:.3g} of the run): widen it, or give more steps"
            )


def encode_controls(
    controls: Sequence[OpenControl],
    size: Size,
    vae: VAE,
    generators: Sequence[torch.Generator],
    masked: bool,
) -> list[Control]:
    """Controls for the engine, each picture resized (Lanczos) to the painted size and encoded once.

    Args:
        controls: `open_controls` of the request, checked.
        size: that is painted.
        vae: the autoencoder.
        generators: of the painted pictures; each draws its own sample of every posterior.
        masked: encode those with a mask, or those without: the noise is drawn in between.
    """
    encoded = []
    for control in controls:
        if masked != (control.mask is not None):
            continue
        image = control.image.resize(size, Image.Resampling.LANCZOS)
        if control.mask is None:
            condition = latents_of([Source(image)] * len(generators), vae, generators)
        else:
            mask = control.mask.resize(size, Image.Resampling.LANCZOS)
            condition = masked_latents(image_to_tensor(image), mask_to_tensor(mask), vae, generators)
        asked = control.asked
        encoded.append(Control(control.net, condition, asked.scale, asked.start, asked.end))
    return encoded


def mask_to_tensor(mask: Image.Image) -> Float[Tensor, "1 1 H W"]:
    """1 where a mask is at least half white (to be painted anew), else 0."""
    grey = image_to_tensor(mask.convert("L"))[:, :1]
    return (grey >= 0).float()


def masked_latents(
    pixels: Float[Tensor, "1 3 H W"],
    mask: Float[Tensor, "1 1 H W"],
    vae: VAE,
    generators: Sequence[torch.Generator],
) -> Float[Tensor, "B S C"]:
    """Packed condition of an Inpainting net: 16 channels of the picture without its masked parts, then what is kept.

    Args:
        pixels: in [-1, 1]; the masked ones become -1, black.
        mask: 1 is painted anew, 0 is kept.
        vae: the autoencoder.
        generators: one per painted picture.
    """
    weight = vae.quant_conv.weight
    posterior = vae.encode(torch.where(mask > 0, -1.0, pixels).to(weight.device, weight.dtype))
    z = vae.normalise(torch.cat([posterior.sample(generator) for generator in generators])).float()
    kept = 1 - F.interpolate(mask.to(z.device), size=z.shape[-2:], mode="nearest")
    return pack(torch.cat([z, kept.expand(len(z), -1, -1, -1)], dim=1))


def _check_shape(what: str, found: Size, size: Size, preferences: Preferences) -> None:
    stretch = (found[0] * size[1]) / (found[1] * size[0])
    if 1 / STRETCH <= stretch <= STRETCH or size == size_for(preferences.edit_area, found):
        return
    raise RequestError(
        f"a control {what} of {found[0]}x{found[1]} would be stretched to {size[0]}x{size[1]}: "
        "crop it to that shape, or leave the size out"
    )
