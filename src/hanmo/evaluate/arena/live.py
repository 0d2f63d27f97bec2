"""Live models: any OpenAI-compatible images endpoint paints for the arena while people vote.

The client is that of `hanmo eval`; keeping pictures and dropping out is `painting`'s. This module knows no votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from hanmo.errors import HanmoError
from hanmo.evaluate.arena.painting import Paint, Painter
from hanmo.evaluate.arena.sources import Question
from hanmo.evaluate.generators.endpoint import EndpointConfig, EndpointGenerator
from hanmo.evaluate.generators.protocol import Generator, Order, Unpainted
from hanmo.evaluate.types import Prompt


def painted_by(generator: Generator) -> Paint:
    """A generator as the arena asks it: one text, one seed, one picture; a refused prompt is an error."""

    def paint(text: str, seed: int) -> Image.Image:
        found = generator.paint([Order(Prompt("arena", text), 0, seed)], [[]])[0]
        if isinstance(found, Unpainted):
            raise HanmoError(found.reason)
        return found

    return paint


def live_model(name: str, address: str, questions: Sequence[Question], folder: Path, seed: int = 0) -> Painter:
    """A model behind an endpoint; nothing is painted before `start`.

    Args:
        name: of the model.
        address: base URL and the model's name there, such as https://host/v1#qwen-image.
        questions: the prompts.
        folder: where its pictures are kept, in a folder of its name.
        seed: of all pictures.

    Raises:
        RequestError: an address that is none.
        OutputError: the folder cannot be made.
    """
    url, _, model = address.partition("#")
    generator = EndpointGenerator(EndpointConfig(url, model or name))
    return Painter(name, painted_by(generator), questions, folder / name, seed)
