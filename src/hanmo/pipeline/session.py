"""Editing in turns: a picture, what was asked of it one after the other, and every result in between.

The turns form a tree: undo goes to the parent, a new request after an undo begins a branch, and any turn can
be asked again with other options. A turn starts from the latents of the one before (`source="latents"`), not
from its pixels, so that what no instruction touches is not decoded and encoded again and again; it has exactly
the size of its source. A session is kept in one file (zip: JSON, PNG, safetensors), which appears whole.

It does not know the command line or how pictures are painted: it asks a pipeline.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from PIL import Image
from safetensors.torch import load, save
from torch import Tensor

from hanmo.engine.denoise import OnStep
from hanmo.errors import BlockedError, RequestError
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.mask import as_mask, read_mask
from hanmo.pipeline.pictures import Painting, open_picture
from hanmo.pipeline.request import Request
from hanmo.pipeline.result import Result
from hanmo.weights.files import atomic_file

Start = Literal["latents", "pixels"]
VERSION = 2


@dataclass(frozen=True, eq=False)
class Turn:
    """One picture of a session.

    Attributes:
        number: its place in the order of making; 0 is the picture that the session began with.
        parent: number of the turn it was made from; None for the first.
        call: what was asked: task, prompt, source and options, as JSON holds them; empty for the first.
        image: the picture.
        latents: those it was decoded from, where they are known.
        mask: white where it was painted, for masked tasks.
        record: what a file of the picture says of its making (`Result.record`).
    """

    number: int
    parent: int | None
    call: Mapping[str, Any]
    image: Image.Image
    latents: Float[Tensor, "1 Z h w"] | None = None
    mask: Image.Image | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


class Session:
    """A tree of turns and the one that is current.

    Attributes:
        turns: in the order of making.
        current: number of the turn that the next request starts from.
    """

    def __init__(self, pipeline: Callable[[Request, OnStep | None], Result], picture: Image.Image | Path | str) -> None:
        """Begin with a picture.

        Raises:
            RequestError: the picture cannot be read.
        """
        self._pipeline = pipeline
        self.turns: list[Turn] = [Turn(0, None, {}, open_picture(picture))]
        self.current = 0
        self._redo: list[int] = []

    @property
    def image(self) -> Image.Image:
        """The current picture."""
        return self.turns[self.current].image

    def edit(
        self, prompt: str, *, source: Start = "latents", on_step: OnStep | None = None, **options: Any
    ) -> Image.Image:
        """Change the current picture as an instruction says; options as for `Pipeline.edit`."""
        return self.ask("edit", prompt, source=source, on_step=on_step, size="auto", **options)

    def inpaint(
        self, mask: Any, prompt: str, *, source: Start = "latents", on_step: OnStep | None = None, **options: Any
    ) -> Image.Image:
        """Paint a part of the current picture anew; options as for `Pipeline.inpaint`."""
        return self.ask("inpaint", prompt, source=source, on_step=on_step, mask=mask, **options)

    def outpaint(
        self, prompt: str, margins: tuple[int, int, int, int], *, on_step: OnStep | None = None, **options: Any
    ) -> Image.Image:
        """Continue the current picture by (left, right, top, bottom) pixels."""
        return self.ask("outpaint", prompt, source="pixels", on_step=on_step, margins=margins, **options)

    def ask(
        self, task: Any, prompt: str, *, source: Start = "latents", on_step: OnStep | None = None, **options: Any
    ) -> Image.Image:
        """Make a turn from the current one, which it follows.

        Args:
            task: edit, img2img, inpaint or outpaint.
            prompt: words.
            source: "latents" starts from those of the current turn where it has them; "pixels" encodes it anew.
            on_step: called after each step; raising `errors.Cancelled` stops, and no turn is made.
            options: of `ask.make_request`, one value each.

        Returns:
            The new picture.

        Raises:
            RequestError: a request that cannot be done as asked.
            BlockedError: a safety policy kept the picture back; the session stays as it was.
        """
        if source not in ("latents", "pixels"):
            raise RequestError(f"source {source!r} is not allowed: give 'latents' or 'pixels'")
        before = self.turns[self.current]
        mask = options.pop("mask", None)
        drawn = None
        if mask is not None:
            drawn = Image.fromarray(read_mask(as_mask(mask), before.image.size).astype(np.uint8) * 255)
        painting = Painting(before.image, before.latents if source == "latents" else None)
        request = make_request(task, prompt, painting, mask=drawn, **options)
        result = self._pipeline(request, on_step)
        if not result.images:
            raise BlockedError("the safety policy kept the picture back; the session stays as it was")
        call = {"task": task, "prompt": prompt, "source": source, **options, "seed": result.seeds[0]}
        number = len(self.turns)
        record = result.record() | {"turn": number}
        made = Turn(number, before.number, call, result.images[0], result.latents[0], drawn, record)
        self.turns.append(made)
        self.current = made.number
        self._redo = []
        return made.image

    def undo(self) -> Image.Image:
        """Go back to the turn before.

        Raises:
            RequestError: this is the first.
        """
        parent = self.turns[self.current].parent
        if parent is None:
            raise RequestError("there is nothing to undo: this is the picture that the session began with")
        self._redo.append(self.current)
        self.current = parent
        return self.image

    def redo(self) -> Image.Image:
        """Go forward to the turn that was undone last.

        Raises:
            RequestError: nothing was undone, or something was asked since.
        """
        if not self._redo:
            raise RequestError("there is nothing to redo: nothing was undone since the last request")
        self.current = self._redo.pop()
        return self.image

    def go(self, number: int) -> Image.Image:
        """Make a turn the current one; what is asked next begins a branch there.

        Raises:
            RequestError: there is no such turn.
        """
        self._turn(number)
        self.current, self._redo = number, []
        return self.image

    def again(self, number: int, *, on_step: OnStep | None = None, **changes: Any) -> Image.Image:
        """Ask a turn's request again from the same parent, with changes: a branch beside it.

        Raises:
            RequestError: there is no such turn, or it is the first.
        """
        turn = self._turn(number)
        if turn.parent is None:
            raise RequestError("turn 0 is the picture that the session began with: nothing was asked for it")
        call = {**turn.call, **({} if turn.mask is None else {"mask": turn.mask}), **changes}
        here = self.current
        self.current = turn.parent
        try:
            return self.ask(call.pop("task"), call.pop("prompt"), on_step=on_step, **call)
        except BaseException:
            self.current = here
            raise

    def history(self) -> list[Turn]:
        """The turns from the first to the current one."""
        line = [self.turns[self.current]]
        while line[-1].parent is not None:
            line.append(self.turns[line[-1].parent])
        return line[::-1]

    def save(self, path: Path | str) -> None:
        """Write the session to one file, whole or not at all.

        Raises:
            OutputError: the disk is full, or the folder is missing.
        """
        table = {
            "version": VERSION,
            "current": self.current,
            "redo": self._redo,
            "turns": [
                {"number": turn.number, "parent": turn.parent, "call": dict(turn.call), "record": dict(turn.record)}
                for turn in self.turns
            ],
        }
        with atomic_file(Path(path)) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("session.json", json.dumps(table, ensure_ascii=False, indent=1))
            for turn in self.turns:
                archive.writestr(f"{turn.number}.png", _png(turn.image))
                if turn.mask is not None:
                    archive.writestr(f"{turn.number}-mask.png", _png(turn.mask))
                if turn.latents is not None:
                    archive.writestr(f"{turn.number}.safetensors", save({"latents": turn.latents.contiguous()}))

    @classmethod
    def open(cls, pipeline: Callable[[Request, OnStep | None], Result], path: Path | str) -> Session:
        """Read a session.

        Raises:
            RequestError: the file is missing or is no session.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                table = json.loads(archive.read("session.json"))
                if table["version"] != VERSION:
                    raise RequestError(f"{path} is a session of version {table['version']}; this reads {VERSION}")
                turns = [_read(archive, entry) for entry in table["turns"]]
                current, redo = int(table["current"]), [int(number) for number in table["redo"]]
        except FileNotFoundError:
            raise RequestError(f"the session {path} does not exist: begin one with a picture") from None
        except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise RequestError(f"{path} is no session, or a damaged one ({error}): begin another") from None
        session = cls(pipeline, turns[0].image)
        session.turns, session.current, session._redo = turns, current, redo
        session._turn(current)
        return session

    def _turn(self, number: int) -> Turn:
        if not 0 <= number < len(self.turns):
            raise RequestError(f"there is no turn {number}: give 0 to {len(self.turns) - 1}")
        return self.turns[number]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _read(archive: zipfile.ZipFile, entry: Mapping[str, Any]) -> Turn:
    number, names = int(entry["number"]), set(archive.namelist())

    def picture(name: str) -> Image.Image:
        image = Image.open(io.BytesIO(archive.read(name)))
        image.load()
        return image

    latents = load(archive.read(f"{number}.safetensors"))["latents"] if f"{number}.safetensors" in names else None
    mask = picture(f"{number}-mask.png") if f"{number}-mask.png" in names else None
    parent, call = entry["parent"], dict(entry["call"])
    if "loras" in call:
        call["loras"] = [(name, weight) for name, weight in call["loras"]]
    return Turn(
        number,
        None if parent is None else int(parent),
        call,
        picture(f"{number}.png"),
        latents,
        mask,
        dict(entry["record"]),
    )
