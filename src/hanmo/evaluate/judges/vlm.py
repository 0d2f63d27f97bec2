"""A vision-language model behind any OpenAI-compatible endpoint (report section 5: GPT-4.1 and Qwen2.5-VL judge).

Pictures go out as data URLs before the words. An error that may pass is tried again with growing pauses, or after the
time that the endpoint asks for; what then still fails is `Unjudged`. The others: `local_vlm` runs Qwen2.5-VL here,
`replay` says again what was once said. This module knows no question.
"""

from __future__ import annotations

import math
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from hanmo.data.annotate.picture import Shown
from hanmo.errors import RequestError
from hanmo.evaluate.judges.protocols import Unjudged
from hanmo.evaluate.types import Json
from hanmo.pipeline.chat import ChatError, Endpoint, Message, picture_part, text_part


@dataclass(frozen=True)
class Patience:
    """How long an endpoint is waited for.

    Attributes:
        seconds: for one request.
        tries: requests for one answer, at most.
        pause: seconds before a further try; doubled each time.
        longest_pause: seconds; an endpoint that asks to wait longer gives no answer.

    Raises:
        RequestError: at construction.
    """

    seconds: float = 120.0
    tries: int = 4
    pause: float = 1.0
    longest_pause: float = 60.0

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0 < self.seconds < math.inf or self.tries < 1:
            raise RequestError(
                f"{self.tries} tries of {self.seconds} s are not allowed: give 1 try or more, of more than 0 s"
            )
        if not (0 <= self.pause < math.inf and 0 <= self.longest_pause < math.inf):
            raise RequestError(f"pauses of {self.pause} and {self.longest_pause} s are not allowed: give 0 or more")


class EndpointVLM:
    """A model behind an endpoint. Any number of threads may ask at once.

    Args:
        url: base of the endpoint, such as https://host/v1.
        model: name that it knows.
        key: sent as a bearer token; None sends none. It is recorded nowhere.
        key_name: where the user has set it, for messages.
        patience: how long it is waited for.

    Raises:
        RequestError: a URL that is none, or a key that cannot be sent.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key: str | None = None,
        key_name: str = "HANMO_VLM_KEY",
        patience: Patience | None = None,
    ) -> None:
        self._endpoint = Endpoint(url, model, key, key_name)
        self._url, self._model, self._key, self._key_name = url, model, key, key_name
        self._patience = patience or Patience()

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`; nobody says which weights an endpoint serves."""
        parts = urllib.parse.urlsplit(self._url)
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        return {
            "kind": "VLM",
            "name": self._model,
            "version": "as served",
            "settings": {"endpoint": place, "pictures": "JPEG 95 4:4:4, before the words"},
        }

    def models(self, seconds: float) -> list[str]:
        """Ask the cheapest question: which models it lists; none where it has no such list.

        Raises:
            ChatError: it is not there, or refuses the key.
        """
        return self._endpoint.models(seconds)

    def ask(
        self,
        images: Sequence[Image.Image],
        prompt: str,
        *,
        system: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> str:
        """See `VLM`."""
        extra = {"temperature": temperature, "seed": seed}
        endpoint = Endpoint(self._url, self._model, self._key, self._key_name, extra)
        pictures = [picture_part(Shown("", image.convert("RGB")).data_url()) for image in images]
        return self._persist(endpoint, messages([*pictures, text_part(prompt)], system))

    def _persist(self, endpoint: Endpoint, asked: Sequence[Message]) -> str:
        pause = self._patience.pause
        for left in reversed(range(self._patience.tries)):
            try:
                return endpoint(asked, self._patience.seconds)
            except ChatError as error:
                if not error.again or not left or error.wait > self._patience.longest_pause:
                    tries = self._patience.tries - left
                    raise Unjudged(f"{self._model}: {error}, in try {tries} of {self._patience.tries}") from None
                time.sleep(min(max(error.wait, pause), self._patience.longest_pause))
                pause *= 2
        raise AssertionError("unreachable: there is at least one try")


def messages(content: str | list[Message], system: str | None) -> list[Message]:
    """A question as a conversation of one or two messages."""
    before: list[Message] = [] if system is None else [{"role": "system", "content": system}]
    return [*before, {"role": "user", "content": content}]
