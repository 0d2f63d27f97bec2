"""The one pipeline: a request in, pictures out (report section 2.1, Figure 6).

    prompts, pictures --conditions--> states, latents --engine.denoise--> latents --VAE--> pictures

Every task runs the same `Pipeline.__call__`; they differ in the request only. No picture depends on the
others of its batch: each has its own generator. It does not know the command line, files of results or
training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.engine.attention import Attention, attention_table
from hanmo.engine.denoise import OnStep, StepInfo, denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.engine.region import keep_outside
from hanmo.errors import HanmoError
from hanmo.flow import ScheduleConfig, interpolate
from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.latents import tensor_to_images, unpack
from hanmo.model.mmdit import MMDiT
from hanmo.model.vae import VAE
from hanmo.pipeline.ask import Options, Pictures, Sizes, make_request, outpaint_margins
from hanmo.pipeline.conditions import Conditions, prepare
from hanmo.pipeline.pictures import open_sources
from hanmo.pipeline.request import Request, Result, Timings, steps_skipped
from hanmo.pipeline.work import Work, plan_work
from hanmo.sampler import schedule
from hanmo.weights.fill import parse_device
from hanmo.weights.folder import load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.hub import resolve
from hanmo.weights.preferences import Preferences


class Pipeline:
    """The components of a checkpoint, and the run that joins them.

    Attributes:
        transformer: the MMDiT.
        vae: the autoencoder.
        encoder: the condition encoder.
        schedule: how noise levels are spaced.
        preferences: sizes, steps and limits for requests that leave them open.
        name: what the checkpoint is called in a picture's metadata.
    """

    def __init__(
        self,
        transformer: MMDiT,
        vae: VAE,
        encoder: ConditionEncoder,
        schedule: ScheduleConfig,
        preferences: Preferences | None = None,
        name: str = "hanmo",
    ) -> None:
        self.transformer = transformer
        self.vae = vae
        self.encoder = encoder
        self.schedule = schedule
        self.preferences = preferences or Preferences()
        self.name = name

    @property
    def default_size(self) -> tuple[int, int]:
        """(width, height) in pixels that the checkpoint prefers."""
        return self.preferences.default_size

    def generate(
        self,
        prompt: str | Sequence[str],
        *,
        size: Sizes | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Paint what a prompt says; a list of prompts is a batch.

        Args:
            prompt: what to paint.
            size: (width, height), multiples of 16, or one for each prompt; None takes the checkpoint's.
            on_step: called after each step; raising `errors.Cancelled` stops.
            options: steps, cfg_scale, negative, seed, num and solver: see `ask.Options`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        return self(make_request("generate", prompt, size=size, **options), on_step)

    def edit(
        self,
        images: Pictures,
        prompt: str | Sequence[str],
        *,
        size: Sizes | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Change a picture as an instruction says.

        Args:
            images: a PIL picture, a path or a `Result.painting`; a list is a batch, whose pictures may differ in
                size; an inner list holds the several pictures of one edit.
            prompt: the instruction; one serves all pictures.
            size: of the output; "auto" for exactly the (first) picture's; None takes the checkpoint's area in
                the (last) picture's shape, as released.
            on_step: see `generate`.
            options: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        return self(make_request("edit", prompt, images, size=size, **options), on_step)

    def img2img(
        self,
        images: Pictures,
        prompt: str | Sequence[str],
        *,
        strength: float | None = None,
        size: Sizes | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Paint a prompt over a picture that was noised part of the way.

        Args:
            images: a PIL picture or a path, resized (and stretched, if need be) to the output's size; a list is
                a batch.
            prompt: what to paint.
            strength: how far the picture is noised, about the part of the steps that is run: 1 leaves nothing of
                it; None means 0.6.
            size: of the output; "auto" for exactly the picture's; None takes the checkpoint's area in its shape.
            on_step: see `generate`.
            options: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        return self(make_request("img2img", prompt, images, strength=strength, size=size, **options), on_step)

    def inpaint(
        self,
        images: Pictures,
        mask: Any,
        prompt: str | Sequence[str],
        *,
        feather: int = 0,
        crop: Literal["auto"] | None = None,
        attention: Attention = "free",
        softness: float | None = None,
        reference: bool | None = None,
        strength: float | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Paint a part of a picture anew; pixels outside the feathered mask keep their bytes.

        Args:
            images: a PIL picture or a path, of any size; a list is a batch.
            mask: white (or transparent) is painted: a picture, an array, a box (left, top, right, bottom) or
                a polygon; a list has one for each picture.
            prompt: what the picture shall show, or for a checkpoint for edits what to change.
            feather: pixels around the mask in which new and old are mixed.
            crop: "auto" paints a window around the mask at full resolution.
            attention: "free", "isolate" or "soft": what kept parts may look at (see `engine.attention`).
            softness: with "soft": how much, above 0; None means 4.
            reference: whether the picture also conditions the model, as in an edit; None: if the checkpoint
                is one for edits.
            strength: how far the painted part is noised, in (0, 1]; None means 1.
            on_step: called after each step; raising `errors.Cancelled` stops.
            options: steps, cfg_scale, negative, seed, num and solver, as for `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request(
            "inpaint",
            prompt,
            images,
            mask=mask,
            feather=feather,
            crop=crop,
            attention=attention,
            softness=softness,
            reference=reference,
            strength=strength,
            **options,
        )
        return self(request, on_step)

    def outpaint(
        self,
        images: Pictures,
        prompt: str | Sequence[str],
        *,
        left: int = 0,
        right: int = 0,
        top: int = 0,
        bottom: int = 0,
        aspect: tuple[int, int] | None = None,
        attention: Attention = "free",
        softness: float | None = None,
        reference: bool | None = None,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Continue a picture beyond its edges; its own pixels keep their bytes.

        Args:
            images: a PIL picture or a path, of any size; a list is a batch.
            prompt: what the whole picture shall show.
            left: pixels to add on that side; so right, top, bottom.
            right: see `left`.
            top: see `left`.
            bottom: see `left`.
            aspect: (width, height) of a ratio to reach instead, with as little as can be added.
            attention: see `inpaint`.
            softness: see `inpaint`.
            reference: see `inpaint`.
            on_step: see `inpaint`.
            options: see `inpaint`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        margins = outpaint_margins(images, (left, right, top, bottom), aspect)
        request = make_request(
            "outpaint",
            prompt,
            images,
            margins=margins,
            attention=attention,
            softness=softness,
            reference=reference,
            **options,
        )
        return self(request, on_step)

    @torch.inference_mode()
    def __call__(self, request: Request, on_step: OnStep | None = None) -> Result:
        """Run a request.

        Pictures of one layout (sizes, number of sources) are computed as one batch, the others after them.

        Args:
            request: any task; what it leaves open comes from `preferences`.
            on_step: called after each step; raising `errors.Cancelled` stops.

        Raises:
            RequestError: what only this run can refuse: a prompt too long, a picture that cannot be read.
            HanmoError: latents or pictures that are not finite.
            Cancelled: whatever `on_step` raised.
        """
        works = plan_work(request, open_sources(request.images), self.preferences)
        request = request.resolve(self.preferences, [work.output for work in works])
        groups: dict[object, list[int]] = {}
        for index, work in enumerate(works):
            groups.setdefault(work.layout, []).append(index)
        images: dict[int, Image.Image] = {}
        latents: dict[int, Tensor | None] = {}
        timings = Timings(0.0, 0.0, 0.0)
        for number, rows in enumerate(groups.values()):
            hear = None if on_step is None else partial(_hear, on_step, number, len(groups), tuple(rows))
            painted, z, seconds = self._paint(request.rows(rows), [works[row] for row in rows], hear)
            timings = timings + seconds
            for row, picture, own in zip(rows, painted, z, strict=True):
                images[row] = works[row].finish(picture)
                latents[row] = own if works[row].output == works[row].canvas.output else None
        order = range(len(works))
        return Result(
            [images[row] for row in order], request.seeds, timings, {}, request, tuple(latents[row] for row in order)
        )

    def _paint(
        self, request: Request, works: Sequence[Work], on_step: OnStep | None
    ) -> tuple[list[Image.Image], list[Tensor], Timings]:
        """Paint works of one layout: pictures of the canvas's size, and their latents."""
        began = time.perf_counter()
        conditions = prepare(request, works, self.encoder, self.vae, self.preferences.max_text)
        conditioned = time.perf_counter()
        tokens = self._denoise(request, conditions, on_step)
        denoised = time.perf_counter()
        width, height = works[0].canvas.size
        latents = unpack(tokens, height // 8, width // 8)
        images = self._decode(latents)
        timings = Timings(conditioned - began, denoised - conditioned, time.perf_counter() - denoised)
        return images, [each.cpu() for each in latents.split(1)], timings

    def _denoise(self, request: Request, conditions: Conditions, on_step: OnStep | None) -> Float[Tensor, "B S P"]:
        """Set up the velocity function of this request and run the loop."""
        assert request.steps is not None
        assert request.cfg_scale is not None
        device = self.transformer.proj_out.weight.device
        noise = conditions.noise.to(device)
        levels = schedule(request.steps, noise.shape[1], self.schedule)
        skipped, x, after_step = 0, noise, None
        if conditions.start is not None:
            start = conditions.start.to(device)
            skipped = steps_skipped(request.steps, request.strength or 1.0)
            x = interpolate(start, noise, levels[skipped].to(device).expand(len(noise)))
            if conditions.edited is not None:
                after_step = keep_outside(start, noise, conditions.edited.to(device), levels)
        negative = conditions.negative
        velocity = predictor(
            self.transformer,
            modulation_tables(self.transformer, levels[:-1]),
            self._stream(conditions.positive, conditions, request),
            None if negative is None else self._stream(negative, conditions, request),
            request.cfg_scale,
            conditions.pictures,
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


def load(
    model: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype = "float32",
    source: Literal["huggingface", "modelscope"] = "huggingface",
) -> Pipeline:
    """Load a checkpoint.

    Args:
        model: None for the bundled model; a folder of the published layout; or a hub id ("Qwen/Qwen-Image").
        device: where the weights go: "cpu", "cuda", "cuda:1", ...
        dtype: what they are cast to: "float32", "bfloat16" or "float16".
        source: the hub that ids are looked up in.

    Raises:
        WeightsError: the checkpoint is missing or damaged, or the device is not here; in one line.
    """
    parse_device(device)  # before a download
    folder = open_folder(resolve(None if model is None else str(model), source))
    return Pipeline(
        load_transformer(folder, device, dtype),
        load_vae(folder, device, dtype),
        load_encoder(folder, device, dtype),
        folder.schedule,
        folder.preferences,
        folder.path.name if model is None else str(model),
    )
