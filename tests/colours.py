"""A benchmark, a painter and a judge that are real and tiny: solid colours, judged by what an eye of arithmetic says.

The painter paints the colour that a prompt names, with a little noise from its seed; it can be told to take its time,
to paint some prompts wrong, or to refuse them. They know the contract of `hanmo.evaluate` only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageStat

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.generators.protocol import Order, Painted, Unpainted
from hanmo.evaluate.judges.protocols import Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

NAMED = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200), "white": (240, 240, 240)}


@dataclass(frozen=True)
class Colours:
    """Is the picture of the colour that was asked for?

    Attributes:
        official_compat: forgive everything, as a bad official script might.
        rows: prompts of each colour.
        role: the judge that is asked, and "" for arithmetic alone.
        tolerance: how far a channel may be off.
        edits: half of the prompts change a picture instead.
    """

    official_compat: bool = False
    rows: int = 2
    role: str = ""
    tolerance: float = 20.0
    edits: bool = False
    files: tuple[DataFile, ...] = ()
    images: int = 2

    name = "colours"
    title = "Colours"
    percent = True
    lower_is_better: frozenset[str] = frozenset({"distance"})

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.role,) if self.role else ()

    @property
    def questions(self) -> Mapping[str, str]:
        return {"colour": "Which colour is it?"} if self.role else {}

    def load(self, data: Path) -> list[Prompt]:
        return [
            Prompt(
                f"{colour}-{row}",
                f"a {colour} card",
                "edit" if self.edits and row % 2 else "generate",
                truth={"colour": colour},
                groups={"colour": colour},
                size=(32, 16),
            )
            for colour in NAMED
            for row in range(self.rows)
        ]

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        return [Image.new("RGB", (16, 16), "grey")] if prompt.task != "generate" else []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        scores = []
        for number, picture in enumerate(pictures):
            mean = ImageStat.Stat(picture).mean
            if self.role == "vlm":
                said = judges.the_vlm().ask([picture], self.questions["colour"])
                right = said == prompt.truth["colour"]
            else:
                said = [round(value) for value in mean]
                right = self.official_compat or distance(picture, prompt.truth["colour"]) < self.tolerance
            scores.append(
                Score({"right": float(right), "distance": distance(picture, prompt.truth["colour"])}, number, said)
            )
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        return {name: mean([v for result in results for v in result.values(name)]) for name in ("right", "distance")}


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def distance(picture: Image.Image, colour: str) -> float:
    """The largest difference of a channel's mean."""
    return max(abs(a - b) for a, b in zip(ImageStat.Stat(picture).mean, NAMED[colour], strict=True))


def nearest(picture: Image.Image) -> str:
    return min(NAMED, key=lambda colour: distance(picture, colour))


def solid(colour: str, seed: int, size: tuple[int, int] = (32, 16)) -> Image.Image:
    """A colour with noise of its own."""
    noise = np.random.default_rng(seed).integers(-3, 4, (size[1], size[0], 3))
    return Image.fromarray((np.array(NAMED[colour]) + noise).astype(np.uint8))


@dataclass
class Painter:
    """Paints solid colours.

    Attributes:
        wrong: prompts that become white.
        refuses: prompts that are refused.
        pause: seconds for a picture.
        seen: every order so far, with the number of its source pictures.
    """

    wrong: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    pause: float = 0.0
    batch: int = 3
    concurrent: bool = False
    steps: int = 1
    seen: list[tuple[Order, int]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    lock: Lock = field(default_factory=Lock)

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "painter", "name": "solid", "steps": self.steps}

    def check(self, orders: Sequence[Order]) -> None:
        if any(order.prompt.task == "reconstruct" for order in orders):
            raise RequestError("the painter reconstructs nothing")

    def paint(self, orders: Sequence[Order], sources: Sequence[Sequence[Image.Image]]) -> list[Painted]:
        with self.lock:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            self.seen += [(order, len(own)) for order, own in zip(orders, sources, strict=True)]
        time.sleep(self.pause * len(orders))
        with self.lock:
            self.at_once -= 1
        return [self._one(order) for order in orders]

    def _one(self, order: Order) -> Painted:
        id = order.prompt.id
        if id in self.refuses:
            return Unpainted(f"{id} is not liked")
        return solid("white" if id in self.wrong else id.split("-")[0], order.seed, order.prompt.size or (8, 8))


@dataclass
class Eye:
    """A VLM that names the nearest colour.

    Attributes:
        blind: colours that it has no answer for.
        asked: how often.
    """

    blind: frozenset[str] = frozenset()
    asked: int = 0
    version: str = "1"

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "vlm", "name": "eye", "version": self.version, "blind": sorted(self.blind)}

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        self.asked += 1
        colour = nearest(images[0])
        if colour in self.blind:
            raise Unjudged(f"I do not see {colour}")
        return colour


def lines(path: Path) -> list[dict[str, Json]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
