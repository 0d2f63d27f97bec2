"""Models that see a picture and answer (report section 3.3), and the one behind an OpenAI-compatible endpoint.

The others: `local` runs Qwen2.5-VL here, `replay` says again what was once said. All are asked in the same way, so
that no caller knows which it has. It knows no prompt and no schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hanmo.data.annotate.picture import Shown
from hanmo.pipeline.chat import Endpoint, Message, Reply, picture_part, text_part


@runtime_checkable
class Vision(Protocol):
    """A model that sees. One instance may be asked from several threads at once."""

    name: str
    """What a record calls it."""

    def ask(self, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply:
        """The answer to a conversation about a picture.

        Args:
            shown: the picture; the model sees it at the head of the first message.
            messages: contents are texts; roles user and assistant in turn, the user first and last.
            seconds: after which there is no answer.

        Raises:
            ChatError: there is none, or not in time.
        """


class EndpointVision:
    """A model behind an endpoint, which gets the picture as a data URL.

    Args:
        endpoint: see `Endpoint`.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint

    def ask(self, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply:
        """See `Vision`."""
        first, *others = messages
        content = [picture_part(shown.data_url()), text_part(first["content"])]
        return self._endpoint.reply([{**first, "content": content}, *others], seconds)
