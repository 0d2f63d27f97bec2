"""One training sample, as producers store it and the training loop eats it (report section 4.1.1).

Everything a frozen network has to say about a picture and its caption is in it, so a training process loads neither the
condition encoder nor the autoencoder. The posterior is kept, not a latent: every use draws another. The empty prompt of
an edit is kept beside it, since it holds what the encoder saw in the sources; that of text alone is one for all.
It does not know where samples come from, nor how they become batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

Task = Literal["t2i", "ti2i", "i2i"]
"""From text; from pictures and text; from a picture to itself (reconstruction)."""
Posterior = tuple[Float[Tensor, "16 _ _"], Float[Tensor, "16 _ _"]]
"""Mean and log-variance of the autoencoder's posterior, not normalised; 16 channels, height / 8, width / 8 of its own
picture."""


@dataclass(frozen=True)
class Sample:
    """A target, its sources and its condition.

    Attributes:
        id: content hash of what it was made from, 32 hexadecimal digits.
        task: what is learned from it.
        size: of the target, pixels, width and height, multiples of 16.
        target: its posterior.
        sources: posteriors of the source pictures, in their order, of any sizes.
        hidden: last hidden states of the condition encoder without the template's prefix; T tokens, D wide.
        caption: what was encoded; for people and logs.
        source: name of the data source.
        weight: of its loss.
        empty: states like `hidden` of the empty prompt with the same sources, for dropped captions; E tokens.
            None for text to image, and where no producer was asked for it.
        tags: what a curriculum may ask for, such as "text" or "synthetic" (`tags`).
    """

    id: str
    task: Task
    size: tuple[int, int]
    target: Posterior
    sources: tuple[Posterior, ...]
    hidden: Float[Tensor, "T D"]
    caption: str = ""
    source: str = ""
    weight: float = 1.0
    empty: Float[Tensor, "E D"] | None = None
    tags: frozenset[str] = frozenset()
