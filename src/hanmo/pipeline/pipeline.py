"""The public face of a checkpoint: one method for each task, and loading.

Each method says a request and runs it (`run.Run`). It does not know the command line, files of results or
training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Unpack

import torch

from hanmo.engine.adapters import Stack, described, places
from hanmo.engine.attention import Attention
from hanmo.engine.control import check_fits
from hanmo.engine.denoise import OnStep
from hanmo.errors import RequestError
from hanmo.pipeline.ask import Options, Pictures, Sizes, make_request, outpaint_margins
from hanmo.pipeline.chat import Chat
from hanmo.pipeline.control_image import ControlImage
from hanmo.pipeline.local_chat import open_chat
from hanmo.pipeline.request import Request
from hanmo.pipeline.result import Result
from hanmo.pipeline.rewrite import DEFAULT_TIMEOUT, RewriteConfig
from hanmo.pipeline.rewrite import rewrite as rewritten
from hanmo.pipeline.run import Run
from hanmo.safety.policy import Mode, Policy, standard_policy
from hanmo.weights.fill import parse_device
from hanmo.weights.folder import load_controlnet, load_encoder, load_transformer, load_vae, open_folder
from hanmo.weights.hub import Source, resolve, resolve_controlnet
from hanmo.weights.lora import find_lora, read_lora


class Pipeline(Run):
    """A checkpoint that paints: `generate`, `edit`, `img2img`, `inpaint`, `outpaint`."""

    @property
    def default_size(self) -> tuple[int, int]:
        """(width, height) in pixels that the checkpoint prefers."""
        return self.preferences.default_size

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
        found = {prompt: rewritten(prompt, kind, chat, limit, fits) for prompt in dict.fromkeys(request.prompts)}
        rewritings = tuple(found[prompt] for prompt in request.prompts)
        return replace(request, prompts=tuple(each.prompt for each in rewritings), rewritings=rewritings)

    def load_lora(self, model: str | Path, name: str | None = None, source: Source = "huggingface") -> str:
        """Load a LoRA for requests to name; pictures of requests that do not name it stay as they were.

        Args:
            model: a .safetensors file, a folder or hub id that holds one, or owner/name/FILE.safetensors.
            name: what requests call it; None takes the file's name without its ending.
            source: the hub that ids are looked up on.

        Returns:
            The name.

        Raises:
            WeightsError: the file is missing, damaged, or of another model; in one line.
            RequestError: the name is taken.
        """
        path = find_lora(model, source)
        name = path.stem if name is None else name
        self.adapters.add(name, read_lora(path, places(self.transformer)), self.transformer)
        return name

    def merge_loras(self, stack: Stack) -> None:
        """Merge loaded LoRAs into the transformer: no cost per step, for every request until `unmerge_loras`.

        Raises:
            RequestError: something is merged already, an unknown name, or quantised weights.
        """
        self.adapters.merge(self.transformer, stack)
        self._plain_name, self.name = self.name, f"{self.name} + {described(stack)}"

    def unmerge_loras(self) -> None:
        """Put the weights back as they were, bit for bit.

        Raises:
            RequestError: nothing is merged.
        """
        self.adapters.unmerge()
        self.name = self._plain_name

    def load_controlnet(
        self, model: str | Path, name: str | None = None, source: Literal["huggingface", "modelscope"] = "huggingface"
    ) -> str:
        """Load a ControlNet beside the transformer, on its device and in its dtype.

        Args:
            model: a folder with config.json and safetensors, or a hub id.
            name: what requests call it; None takes `model` as it was given.
            source: the hub that ids are looked up on.

        Returns:
            The name.

        Raises:
            WeightsError: the folder is missing or damaged.
            RequestError: the name is taken, or the net was made for another transformer.
        """
        name = str(model) if name is None else name
        if name in self.controlnets:
            raise RequestError(f"a ControlNet {name!r} is loaded already: give another name, or delete it first")
        weight = self.transformer.proj_out.weight
        net = load_controlnet(resolve_controlnet(str(model), source), weight.device, weight.dtype)
        check_fits(name, net, self.transformer)
        self.controlnets[name] = net
        return name

    def generate(
        self,
        prompt: str | Sequence[str],
        *,
        size: Sizes | None = None,
        controls: ControlImage | Sequence[ControlImage] = (),
        rewrite: bool = False,
        on_step: OnStep | None = None,
        **options: Unpack[Options],
    ) -> Result:
        """Paint what a prompt says; a list of prompts is a batch.

        Args:
            prompt: what to paint.
            size: (width, height), multiples of 16, or one for each prompt; None takes the checkpoint's, or its
                area in the shape of the first control picture.
            controls: pictures that ControlNets watch, loaded by `load_controlnet`.
            rewrite: let a language model make the prompt precise first; see `rewrite`.
            on_step: called after each step; raising `errors.Cancelled` stops.
            options: steps, cfg_scale, negative, seed, num, solver, loras and preset: see `ask.Options`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request("generate", prompt, size=size, controls=controls, **options)
        return self(self.rewrite(request) if rewrite else request, on_step)

    def edit(
        self,
        images: Pictures,
        prompt: str | Sequence[str],
        *,
        size: Sizes | None = None,
        rewrite: bool = False,
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
            rewrite: see `generate`.
            on_step: see `generate`.
            options: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request("edit", prompt, images, size=size, **options)
        return self(self.rewrite(request) if rewrite else request, on_step)

    def img2img(
        self,
        images: Pictures,
        prompt: str | Sequence[str],
        *,
        strength: float | None = None,
        size: Sizes | None = None,
        controls: ControlImage | Sequence[ControlImage] = (),
        rewrite: bool = False,
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
            controls: see `generate`.
            rewrite: see `generate`.
            on_step: see `generate`.
            options: see `generate`.

        Raises:
            RequestError: a request that cannot be done as asked, in one line.
        """
        request = make_request("img2img", prompt, images, strength=strength, size=size, controls=controls, **options)
        return self(self.rewrite(request) if rewrite else request, on_step)

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
        rewrite: bool = False,
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
            rewrite: let a language model make the prompt precise first; see `rewrite`.
            on_step: called after each step; raising `errors.Cancelled` stops.
            options: see `generate`.

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
        return self(self.rewrite(request) if rewrite else request, on_step)

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
        rewrite: bool = False,
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
            rewrite: see `generate`.
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
        return self(self.rewrite(request) if rewrite else request, on_step)


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
