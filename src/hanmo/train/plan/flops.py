"""Floating-point operations of one batch through the MMDiT (report section 2.4), both streams counted, and MFU.

A product of [n, k] and [k, m] costs 2 n k m; a backward pass costs the same twice, once for the weights and once for
what flows on, which nothing needs below the first layers. Only matrix products and attention are counted, as
everywhere in the literature; recomputation under activation checkpointing is not: MFU is about useful work.

It does not know adapters, devices or time. Letters: D width, E condition width, S image tokens, T text tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hanmo.model.config import TransformerConfig

WAVES = 256
"""Sinusoids of a time, as `mmdit.TimestepEmbedder` makes them."""


@dataclass(frozen=True)
class Work:
    """One batch as the transformer sees it.

    Attributes:
        pictures: of the batch.
        target: tokens of each picture that is learned.
        text: tokens of each condition, padding included.
        source: tokens of each picture's sources together.
    """

    pictures: int
    target: int
    text: int
    source: int = 0

    @property
    def image(self) -> int:
        """Image tokens of each picture, S."""
        return self.target + self.source

    @property
    def tokens(self) -> int:
        """Tokens of the batch in both streams."""
        return self.pictures * (self.image + self.text)


@dataclass(frozen=True)
class Cost:
    """What a batch costs: tokens in both streams, and operations of its forward and backward passes."""

    tokens: int
    flops: int


@runtime_checkable
class Costed(Protocol):
    """An objective that can say what a batch costs; those that cannot show no tokens/s and no MFU."""

    def cost(self, batch: Any) -> Cost:
        """Tokens and operations of one batch."""


@dataclass(frozen=True)
class Product:
    """Rows times a weight matrix; `onward`: a gradient flows on to what came in."""

    rows: int
    inputs: int
    outputs: int
    onward: bool = True

    @property
    def flops(self) -> int:
        """Of the forward pass."""
        return 2 * self.rows * self.inputs * self.outputs


def products(config: TransformerConfig, work: Work) -> Iterator[Product]:
    """Every product with a weight matrix, in the order of the model."""
    width, pictures = config.inner_dim, work.pictures
    image, text, target = pictures * work.image, pictures * work.text, pictures * work.target
    zero = 1 if config.zero_cond_t else 0  # the row of t = 0 that conditions are modulated by
    yield Product(pictures + zero, WAVES, width, onward=False)
    yield Product(pictures + zero, width, width)
    yield Product(image, config.in_channels, width, onward=False)
    yield Product(text, config.joint_attention_dim, width)
    for index in range(config.num_layers):
        last = index == config.num_layers - 1
        yield Product(pictures * (1 + zero), width, 6 * width)
        yield Product(pictures, width, 6 * width)
        yield from (Product(rows, width, width) for rows in (image, image, text, text))  # keys and values
        yield from (Product(target if last else image, width, width) for _ in range(2))  # queries, output
        yield from _mlp(target if last else image, width)
        if not last:
            yield from (Product(text, width, width) for _ in range(2))
            yield from _mlp(text, width)
    yield Product(pictures, width, 2 * width)
    yield Product(target, width, config.patch_size**2 * config.out_channels)


def _mlp(rows: int, width: int) -> tuple[Product, Product]:
    return Product(rows, width, 4 * width), Product(rows, 4 * width, width)


def attention(config: TransformerConfig, work: Work) -> int:
    """Of all attentions' forward passes: queries with keys, and weights with values."""
    keys = work.image + work.text
    asking = (config.num_layers - 1) * keys + work.target
    return 4 * work.pictures * config.inner_dim * asking * keys


def forward(config: TransformerConfig, work: Work) -> int:
    """Operations of one forward pass."""
    return sum(product.flops for product in products(config, work)) + attention(config, work)


def backward(config: TransformerConfig, work: Work, frozen: bool = False) -> int:
    """Operations of one backward pass when every weight is trained; where all are `frozen`, gradients only flow on."""
    made = sum(product.flops * (product.onward + (not frozen)) for product in products(config, work))
    return made + 2 * attention(config, work)


def cost(config: TransformerConfig, work: Work, frozen: bool = False) -> Cost:
    """A batch of training; of a frozen transformer with adapters in it, whose own small products are not counted."""
    return Cost(work.tokens, forward(config, work) + backward(config, work, frozen))
