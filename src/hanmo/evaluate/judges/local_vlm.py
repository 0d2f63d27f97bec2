"""Qwen2.5-VL on this machine as a judge: no endpoint, no key, and the same answer for the same seed.

The network, its generation and its view of pictures are those of `hanmo.data.annotate.local`. It knows no question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from PIL import Image

from hanmo.data.annotate.local import MAX_TOKENS, LocalVision
from hanmo.evaluate.judges.protocols import Unjudged
from hanmo.evaluate.judges.vlm import messages
from hanmo.evaluate.judges.weights import Once, find
from hanmo.evaluate.types import Json
from hanmo.pipeline.chat import ChatError


class LocalVLM:
    """A Qwen2.5-VL; it is read at first use, and answers one question at a time.

    Args:
        model: folder, or id on the hub.
        device: where it runs; float32 on the CPU, else the type of the checkpoint.
        seconds: for one answer.

    Raises:
        WeightsError: it is not there, or is another kind of model.
    """

    def __init__(self, model: str, device: str = "cpu", seconds: float = 120.0) -> None:
        self._found = find(model, ["qwen2_5_vl"])
        self._dtype = "float32" if device == "cpu" else "auto"
        self._seconds = seconds
        self._vision = Once(lambda: LocalVision(str(self._found.folder), device, self._dtype))

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        return {
            "kind": "local VLM",
            "name": self._found.name,
            "version": f"transformers {version('transformers')}",
            "settings": {"weights": self._found.digest, "dtype": self._dtype, "max_tokens": MAX_TOKENS},
        }

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """See `VLM`.

        Raises:
            WeightsError: at first use: the weights are damaged.
        """
        try:
            reply = self._vision().answer(images, messages(prompt, system), self._seconds, temperature, seed)
        except ChatError as error:
            raise Unjudged(f"{self._found.name}: {error}") from None
        return reply.text
