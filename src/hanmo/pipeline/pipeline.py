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
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from hanmo.engine.denoise import OnStep, Solver, denoise
from hanmo.engine.modulation import Stream, modulation_tables, predictor, text_stream
from hanmo.errors import HanmoError
from hanmo.flow import ScheduleConfig, interpolate
from hanmo.model.encoder import ConditionEncoder, TextStates
from hanmo.model.latents import tensor_to_images, unpack
from hanmo.model.mmdit import MMDiT
from hanmo.model.msrope import Shape
from hanmo.model.vae import VAE
from hanmo.pipeline.chat import Chat
from hanmo.pipeline.conditions import Conditions, open_pictures, output_size, prepare
from hanmo.pipeline.local_chat import open_chat
from hanmo.pipeline.request import Picture, Request, Result, Timings, make_request, steps_skipped
from hanmo.pipeline.rewrite import DEFAULT_TIMEOUT, RewriteConfig, rewrite
from hanmo.safety.policy import Blocked, Mode, Policy, standard_policy
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
        policy: what is checked of prompts and pictures, and what follows; off unless said.
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
        self.name = name
        self.policy = policy or Policy()

    @property
    def default_size(self) -> tuple[int, int]:
        """(width, height) in pixels that the checkpoint prefers."""
        return self.preferences.default_size

    def generate(
        self,
        prompt: str | Sequence[str],
        *,
        size: Sequence[int] | None = None,
        steps: int | None = None,
        cfg_scale: float | None = None,
        negative: str | Sequence[str] | None = None,
        seed: int | Sequence[int] | None = None,
        num: int = 1,
        solver: Solver = "euler",
        rewrite: bool = False,
        on_step: OnStep | None = None,
    ) -> Result:
        """Paint what a prompt says; a list of prompts is a batch.

        Args:
            prompt: what to paint.
            size: (width, height), multiples of 16; None takes the checkpoint's.
            steps: denoising steps; None takes the checkpoint's.
            cfg_scale: guidance scale, 1.0 for none; None takes the checkpoint's.
            negative: what to move away from; None means " ".
            seed: s means s, s + 1, ... over the pictures; a list has one per picture; None draws one.
            num: pictures for each prompt.
            solver: "euler" or "heun".
            rewrite: let a language model make the prompt precise first; see `rewrite`.
            on_step: called after each step; raising `errors.Cancelled` stops.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request(
            "generate",
            prompt,
            size=size,
            steps=steps,
            cfg_scale=cfg_scale,
            negative=negative,
            seed=seed,
            num=num,
            solver=solver,
        )
        return self(self.rewrite(request) if rewrite else request, on_step)

    def edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str | Sequence[str],
        *,
        size: Sequence[int] | None = None,
        steps: int | None = None,
        cfg_scale: float | None = None,
        negative: str | Sequence[str] | None = None,
        seed: int | Sequence[int] | None = None,
        num: int = 1,
        solver: Solver = "euler",
        rewrite: bool = False,
        on_step: OnStep | None = None,
    ) -> Result:
        """Change a picture as an instruction says; a list of pictures is a batch of edits of one shape.

        Args:
            images: a PIL picture or a path; it is resized to the checkpoint's area for sources.
            prompt: the instruction; one serves all pictures.
            size: of the output; None takes the resized source's.
            steps: see `generate`.
            cfg_scale: see `generate`.
            negative: see `generate`.
            seed: see `generate`.
            num: pictures for each pair.
            solver: see `generate`.
            rewrite: see `generate`.
            on_step: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request(
            "edit",
            prompt,
            images,
            size=size,
            steps=steps,
            cfg_scale=cfg_scale,
            negative=negative,
            seed=seed,
            num=num,
            solver=solver,
        )
        return self(self.rewrite(request) if rewrite else request, on_step)

    def img2img(
        self,
        images: Picture | Sequence[Picture],
        prompt: str | Sequence[str],
        *,
        strength: float | None = None,
        size: Sequence[int] | None = None,
        steps: int | None = None,
        cfg_scale: float | None = None,
        negative: str | Sequence[str] | None = None,
        seed: int | Sequence[int] | None = None,
        num: int = 1,
        solver: Solver = "euler",
        rewrite: bool = False,
        on_step: OnStep | None = None,
    ) -> Result:
        """Paint a prompt over a picture that was noised part of the way.

        Args:
            images: a PIL picture or a path, resized (and stretched, if need be) to the output's size.
            prompt: what to paint.
            strength: how far the picture is noised: 1 leaves nothing of it; None means 0.6.
            size: of the output; None takes the checkpoint's area in the picture's shape.
            steps: of the whole schedule; about `strength` of them are run.
            cfg_scale: see `generate`.
            negative: see `generate`.
            seed: see `generate`.
            num: pictures for each pair.
            solver: see `generate`.
            rewrite: see `generate`.
            on_step: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request(
            "img2img",
            prompt,
            images,
            strength=strength,
            size=size,
            steps=steps,
            cfg_scale=cfg_scale,
            negative=negative,
            seed=seed,
            num=num,
            solver=solver,
        )
        return self(self.rewrite(request) if rewrite else request, on_step)

    def rewrite(self, request: Request, chat: Chat | None = None, timeout: float | None = None) -> Request:
        """The request with its prompts made precise by a language model; each distinct prompt is sent once.

        A prompt stays as it was where the model does not answer in time, changes quoted text, or writes more than
        this checkpoint reads; `Request.rewritings` says which, and why.

        Args:
            request: any task; pictures are not sent.
            chat: the language model; None opens the one that the environment names (`RewriteConfig`).
            timeout: seconds for one of at most two tries; None takes the environment's.

        Raises:
            RequestError: no language model is configured, or a local one cannot be loaded.
        """
        if chat is None:
            config = RewriteConfig.from_environment()
            chat, timeout = open_chat(config), timeout or config.timeout
        kind: Literal["generate", "edit"] = "edit" if request.task == "edit" else "generate"

        def fits(prompt: str) -> str | None:
            count = len(self.encoder.text_ids(prompt, "edit" if kind == "edit" else "t2i", 1 if kind == "edit" else 0))
            most = self.preferences.max_text
            return f"the answer has {count} tokens, and {most} are read" if count > most else None

        limit = timeout or DEFAULT_TIMEOUT
        found = {prompt: rewrite(prompt, kind, chat, limit, fits) for prompt in dict.fromkeys(request.prompts)}
        rewritings = tuple(found[prompt] for prompt in request.prompts)
        return replace(request, prompts=tuple(each.prompt for each in rewritings), rewritings=rewritings)

    @torch.inference_mode()
    def __call__(self, request: Request, on_step: OnStep | None = None) -> Result:
        """Run a request.

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
        pictures = open_pictures(request)
        request = request.resolve(self.preferences, output_size(request, pictures, self.preferences))
        rows = [index for index in range(len(request.prompts)) if not isinstance(verdicts.get(index), Blocked)]
        if not rows:
            return Result([], request.seeds, Timings(0.0, 0.0, 0.0), verdicts, request)
        images, timings = self._paint(request.only(rows), [pictures[row] for row in rows if pictures], on_step)
        painted = dict(zip(rows, images, strict=True))
        verdicts = self.policy.of_pictures(painted, verdicts)
        shown = [image for row, image in painted.items() if not isinstance(verdicts.get(row), Blocked)]
        return Result(shown, request.seeds, timings, verdicts, request)

    def _paint(
        self, request: Request, pictures: Sequence[Image.Image], on_step: OnStep | None
    ) -> tuple[list[Image.Image], Timings]:
        """Conditions, loop and decoding of a resolved request."""
        began = time.perf_counter()
        conditions = prepare(request, pictures, self.encoder, self.vae, self.preferences)
        conditioned = time.perf_counter()
        latents = self._denoise(request, conditions, on_step)
        denoised = time.perf_counter()
        images = self._decode(request, latents)
        return images, Timings(conditioned - began, denoised - conditioned, time.perf_counter() - denoised)

    def _denoise(self, request: Request, conditions: Conditions, on_step: OnStep | None) -> Float[Tensor, "B S P"]:
        """Set up the velocity function of this request and run the loop."""
        assert request.steps is not None
        assert request.cfg_scale is not None
        device = self.transformer.proj_out.weight.device
        noise = conditions.noise.to(device)
        levels = schedule(request.steps, noise.shape[1], self.schedule)
        skipped, x = 0, noise
        if conditions.start is not None:
            skipped = steps_skipped(request.steps, request.strength or 1.0)
            x = interpolate(conditions.start.to(device), noise, levels[skipped].to(device).expand(len(noise)))
        negative = conditions.negative
        velocity = predictor(
            self.transformer,
            modulation_tables(self.transformer, levels[:-1]),
            self._stream(conditions.positive, conditions.shapes),
            None if negative is None else self._stream(negative, conditions.shapes),
            request.cfg_scale,
            conditions.pictures,
        )
        return denoise(x, velocity, levels, request.solver, skipped, on_step)

    def _stream(self, text: TextStates, shapes: Sequence[Shape]) -> Stream:
        return text_stream(self.transformer, text.states, text.mask, shapes)

    def _decode(self, request: Request, latents: Float[Tensor, "B S P"]) -> list[Image.Image]:
        """Pictures from latents, one at a time: no faster together, and memory for one is enough."""
        assert request.size is not None
        weight = self.vae.quant_conv.weight
        z = unpack(latents, request.size[1] // 8, request.size[0] // 8).to(weight.device, weight.dtype)
        images = []
        for each in z.split(1):
            pixels = self.vae.decode(self.vae.denormalise(each))
            if not bool(torch.isfinite(pixels).all()):
                raise HanmoError("the VAE decoded values that are not finite: try dtype float32")
            images += tensor_to_images(pixels)
        return images


def load(
    model: str | Path | None = None,
    device: str | torch.device = "cpu",
    dtype: str | torch.dtype = "float32",
    source: Literal["huggingface", "modelscope"] = "huggingface",
    safety: Mode | Policy = "off",
) -> Pipeline:
    """Load a checkpoint.

    Args:
        model: None for the bundled model; a folder of the published layout; or a hub id ("Qwen/Qwen-Image").
        device: where the weights go: "cpu", "cuda", "cuda:1", ...
        dtype: what they are cast to: "float32", "bfloat16" or "float16".
        source: the hub that ids are looked up in.
        safety: "off"; "log" what the standard policy objects to; "block" it; or a policy of the caller's.

    Raises:
        WeightsError: the checkpoint is missing or damaged, or the device is not here; in one line.
        RequestError: a safety policy that cannot be had.
    """
    policy = safety if isinstance(safety, Policy) else standard_policy(safety)
    parse_device(device)  # before a download
    folder = open_folder(resolve(None if model is None else str(model), source))
    return Pipeline(
        load_transformer(folder, device, dtype),
        load_vae(folder, device, dtype),
        load_encoder(folder, device, dtype),
        folder.schedule,
        folder.preferences,
        folder.path.name if model is None else str(model),
        policy,
    )
