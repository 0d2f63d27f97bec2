"""The run: a request in, pictures out (report section 2.1, Figure 6).

    prompts, pictures --conditions--> states, latents --engine.denoise--> latents --VAE--> pictures

Every task runs the same `Run.__call__`; they differ in the request, and in the `Work` that is made of it. No
picture depends on the others of its batch: each has its own generator. It does not know the command line,
files of results or training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.engine.adapters import Adapters
from hanmo.engine.attention import attention_table
from hanmo.engine.control import Control, control_residuals
from hanmo.engine.denoise import OnStep, StepInfo, denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.engine.region import keep_outside
from hanmo.errors import HanmoError
from hanmo.flow import ScheduleConfig, fixed_shift, interpolate
from hanmo.log import get_logger
from hanmo.model.controlnet import ControlNet
from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.latents import tensor_to_images, unpack
from hanmo.model.mmdit import MMDiT
from hanmo.model.vae import VAE
from hanmo.pipeline.conditions import Conditions, generators_of, prepare
from hanmo.pipeline.control import OpenControl, check_controls, encode_controls, open_controls
from hanmo.pipeline.geometry import Size
from hanmo.pipeline.glance import Glance, fit_glance
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.request import Request, steps_skipped
from hanmo.pipeline.result import Result, Timings
from hanmo.pipeline.work import Work, plan_work
from hanmo.safety.policy import Blocked, Policy
from hanmo.sampler import schedule
from hanmo.weights.preferences import Preferences

_log = get_logger(__name__)


class Run:
    """The components of a checkpoint, and the run that joins them.

    Attributes:
        transformer: the MMDiT.
        vae: the autoencoder.
        encoder: the condition encoder.
        schedule: how noise levels are spaced.
        preferences: sizes, steps and limits for requests that leave them open.
        name: what the checkpoint is called in a picture's metadata.
        policy: what is checked of prompts and pictures, and what follows; off unless said.
        adapters: the LoRAs that were loaded for the transformer.
        controlnets: what `load_controlnet` has loaded, by name.
    """

    def __init__(
        self,
        transformer: MMDiT,
        vae: VAE,
        encoder: ConditionEncoder,
        schedule: ScheduleConfig,
        preferences: Preferences | None = None,
        name: str = "hanmo",
        policy: Policy | None = None,
    ) -> None:
        self.transformer = transformer
        self.vae = vae
        self.encoder = encoder
        self.schedule = schedule
        self.preferences = preferences or Preferences()
        self.name = self._plain_name = name
        self.policy = policy or Policy()
        self.adapters = Adapters()
        self.controlnets: dict[str, ControlNet] = {}
        self._glance: Glance | None = None

    @torch.inference_mode()
    def __call__(self, request: Request, on_step: OnStep | None = None) -> Result:
        """Run a request.

        Pictures of one layout (sizes, number of sources) are computed as one batch, the others after them.

        Args:
            request: any task; what it leaves open comes from `preferences`.
            on_step: called after each step; raising `errors.Cancelled` stops.

        Raises:
            RequestError: what only this run can refuse: a prompt too long, a picture that cannot be read.
            HanmoError: latents that are not finite or constant, or pictures that are not finite.
            Cancelled: whatever `on_step` raised.

        Returns:
            The pictures; those that `policy` blocks are absent, and a blocked prompt is never computed.
        """
        verdicts = self.policy.of_prompts([request.words(index) for index in range(len(request.prompts))])
        self.adapters.check(request.loras)
        controls = open_controls(request, self.controlnets)
        shape = controls[0].image.size if controls else None
        works = plan_work(request, open_sources(request.images), self.preferences, shape)
        request = request.resolve(self.preferences, [work.output for work in works])
        for size in {work.canvas.size for work in works}:
            self._warn_of(size)
            check_controls(controls, request, size, self.preferences)
        rows = [index for index in range(len(works)) if not isinstance(verdicts.get(index), Blocked)]
        images, latents, timings = self._paint_all(request, works, rows, controls, on_step)
        verdicts = self.policy.of_pictures(images, verdicts)
        shown = [row for row in rows if not isinstance(verdicts.get(row), Blocked)]
        own = tuple(latents[row] for row in shown)
        pictures = [images[row] for row in shown]
        return Result(pictures, request.seeds, timings, verdicts, request, own, self._painter())

    @torch.inference_mode()
    def show(self, tokens: Float[Tensor, "B S P"], size: Size, exact: bool = False) -> list[Image.Image]:
        """What packed latents look like, to show while painting: `show(info.clean, size)`.

        Args:
            tokens: `StepInfo.clean` (or `latents`, with their noise).
            size: (width, height) in pixels of what is painted.
            exact: decode with the VAE; otherwise a linear map, fitted at first use, gives a pixel per 8x8.
        """
        if exact:
            return self._decode(unpack(tokens, size[1] // 8, size[0] // 8))
        if self._glance is None:
            self._glance = fit_glance(self.vae)
        return self._glance.pictures(tokens, size)

    def _warn_of(self, size: Size) -> None:
        """Say so when a size is painted that the checkpoint was not made for: it is not refused, people try."""
        smallest, largest = self.preferences.smallest, self.preferences.largest
        if min(size) < smallest or max(size) > largest:
            _log.warning("%dx%d is outside what %s paints well: %d to %d a side", *size, self.name, smallest, largest)

    def _painter(self) -> dict[str, str]:
        weight = self.transformer.proj_out.weight
        return {"model": self.name, "dtype": str(weight.dtype).removeprefix("torch."), "device": weight.device.type}

    def _paint_all(
        self,
        request: Request,
        works: Sequence[Work],
        rows: Sequence[int],
        controls: Sequence[OpenControl],
        on_step: OnStep | None,
    ) -> tuple[dict[int, Image.Image], dict[int, Tensor | None], Timings]:
        """Some pictures of a request and their latents, by number; those of one layout as one batch."""
        groups: dict[object, list[int]] = {}
        for row in rows:
            groups.setdefault(works[row].layout, []).append(row)
        images: dict[int, Image.Image] = {}
        latents: dict[int, Tensor | None] = {}
        timings = Timings(0.0, 0.0, 0.0)
        for number, group in enumerate(groups.values()):
            hear = None if on_step is None else partial(_hear, on_step, number, len(groups), tuple(group))
            painted, z, seconds = self._paint(request.only(group), [works[row] for row in group], controls, hear)
            timings = timings + seconds
            for row, picture, own in zip(group, painted, z, strict=True):
                images[row] = works[row].finish(picture)
                latents[row] = None if works[row].is_window else own
        return images, latents, timings

    def _paint(
        self, request: Request, works: Sequence[Work], controls: Sequence[OpenControl], on_step: OnStep | None
    ) -> tuple[list[Image.Image], list[Tensor], Timings]:
        """Paint works of one layout: pictures of the canvas's size, and their latents."""
        began = time.perf_counter()
        size, generators = works[0].canvas.size, generators_of(request)
        # Control pictures without a mask are drawn before everything else, as diffusers does.
        plain = encode_controls(controls, size, self.vae, generators, masked=False)
        conditions = prepare(request, works, self.encoder, self.vae, self.preferences.max_text, generators)
        masked = encode_controls(controls, size, self.vae, generators, masked=True)
        conditioned = time.perf_counter()
        with self.adapters.applied(self.transformer, request.loras):
            tokens = self._denoise(request, conditions, on_step, plain + masked)
        denoised = time.perf_counter()
        width, height = size
        latents = unpack(tokens, height // 8, width // 8)
        images = self._decode(latents)
        timings = Timings(conditioned - began, denoised - conditioned, time.perf_counter() - denoised)
        return images, [each.cpu() for each in latents.split(1)], timings

    def _denoise(
        self, request: Request, conditions: Conditions, on_step: OnStep | None, controls: Sequence[Control] = ()
    ) -> Float[Tensor, "B S P"]:
        """Set up the velocity function of this request and run the loop."""
        assert request.steps is not None
        assert request.cfg_scale is not None
        device = self.transformer.proj_out.weight.device
        noise = conditions.noise.to(device)
        plan = self.schedule if request.shift is None else fixed_shift(self.schedule, request.shift)
        levels = schedule(request.steps, noise.shape[1], plan)
        skipped, x, after_step = 0, noise, None
        if conditions.start is not None:
            start = conditions.start.to(device)
            skipped = steps_skipped(request.steps, request.strength or 1.0)
            x = interpolate(start, noise, levels[skipped].to(device).expand(len(noise)))
            if conditions.edited is not None:
                after_step = keep_outside(start, noise, conditions.edited.to(device), levels)
        text, negative = conditions.positive, conditions.negative
        blocks = self.transformer.config.num_layers
        velocity = predictor(
            self.transformer,
            modulation_tables(self.transformer, levels[:-1]),
            self._stream(text, conditions, request),
            None if negative is None else self._stream(negative, conditions, request),
            request.cfg_scale,
            conditions.pictures,
            control_residuals(controls, levels[:-1], text.states, text.mask, conditions.shapes[0], blocks, skipped),
        )
        return denoise(x, velocity, levels, request.solver, skipped, on_step, after_step)

    def _stream(self, text: TextStates, conditions: Conditions, request: Request) -> Stream:
        stream = text_stream(self.transformer, text.states, text.mask, conditions.shapes)
        if conditions.edited is None or request.attention == "free":
            return stream
        table = attention_table(
            conditions.edited.any(-1).to(stream.text.device),
            stream.mask,
            stream.text.shape[1],
            0 if conditions.pictures is None else conditions.pictures.shape[1],
            request.softness if request.attention == "soft" else None,
            stream.text.dtype,
        )
        return replace(stream, attention=table)

    def _decode(self, latents: Float[Tensor, "B Z h w"]) -> list[Image.Image]:
        """Pictures from latents, one at a time: no faster together, and memory for one is enough."""
        weight = self.vae.quant_conv.weight
        images = []
        for each in latents.to(weight.device, weight.dtype).split(1):
            pixels = self.vae.decode(self.vae.denormalise(each))
            if not bool(torch.isfinite(pixels).all()):
                raise HanmoError("the VAE decoded values that are not finite: try dtype float32")
            images += tensor_to_images(pixels)
        return images


def _hear(on_step: OnStep, number: int, groups: int, rows: tuple[int, ...], info: StepInfo) -> None:
    """Tell of a step as one of all groups' steps."""
    on_step(replace(info, index=number * info.total + info.index, total=groups * info.total, pictures=rows))
