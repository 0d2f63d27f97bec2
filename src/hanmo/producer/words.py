"""What the condition encoder says of words and pictures, each asked once while it is near (report section 4.1.1).

A caption is that of every resolution of its picture, and the encoder sees an edit's sources at an area of its own; so
the samples of one picture, which come one after the other, share one answer. It does not know samples.

Letters: T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from hanmo.errors import RequestError
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.tokens import Kind
from hanmo.producer.items import pixels_hash
from hanmo.producer.remembered import Remembered

REMEMBERED = 256_000_000
"""Bytes of answers that are kept: some hundreds of captions of the published encoder."""
Seen = tuple[Image.Image, ...]


class Words:
    """Last states of a condition encoder; those asked for last are remembered.

    Args:
        encoder: frozen.
        most: tokens of a prompt that it reads.
        room: bytes that are kept.

    Attributes:
        asked: prompts that the encoder has been given.
    """

    def __init__(self, encoder: ConditionEncoder, most: int, room: int = REMEMBERED) -> None:
        self._encoder, self._most = encoder, most
        self._known: Remembered[Tensor | None] = Remembered(lambda states: 0 if states is None else states.nbytes, room)
        self.asked = 0

    @torch.no_grad()
    def of(self, words: Sequence[str], seen: Sequence[Seen], kind: Kind) -> list[Tensor | None]:
        """States [T, D] of each prompt, on the CPU; None where it is too long or spells a reserved token.

        Args:
            words: new ones are asked in one run.
            seen: the pictures of each as the encoder sees them; none for "t2i".
            kind: of the template.
        """
        names = ["/".join([kind, *map(pixels_hash, shown), said]) for said, shown in zip(words, seen, strict=True)]
        found = {name: self._known[name] for name in names if name in self._known}
        asked = zip(names, words, seen, strict=True)
        new = {name: (said, shown) for name, said, shown in asked if name not in found}
        if new:
            said, shown = zip(*new.values(), strict=True)
            found |= zip(new, self._ask(said, shown, kind), strict=True)
        for name, states in found.items():
            self._known[name] = states
        return [found[name] for name in names]

    def _ask(self, words: Sequence[str], seen: Sequence[Seen], kind: Kind) -> list[Tensor | None]:
        try:
            answer = self._encoder.encode(words, None if kind == "t2i" else seen, kind, self._most)
        except RequestError:
            if len(words) == 1:
                return [None]
            return [self._ask([one], [shown], kind)[0] for one, shown in zip(words, seen, strict=True)]
        self.asked += len(words)
        lengths = [answer.states.shape[1]] * len(words) if answer.mask is None else answer.mask.sum(1).tolist()
        # Clones, so that what is remembered does not hold a whole batch.
        return [states[:length].cpu().clone() for states, length in zip(answer.states, lengths, strict=True)]
