"""Batches for flow matching: which cards, which words, which noise, as a function of (seed, step, part).

Text-to-image batches take cards' kept latents and captions drawn anew; edit batches take pairs of cards and
instructions drawn anew. All pictures of a batch have one task. Everything that is Python's work is done
here, in the loop's second thread: sentences, tokens, labels, noise.

It does not know losses or networks; the encoder is used for its tokenizer alone.

Letters: B batch, S target tokens, C condition tokens, P target patches (= S).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.cards import Card, draw, glyph_grid
from hanmo.data.synthesize.characters import vocabulary
from hanmo.data.synthesize.edits import EditPair, instruct
from hanmo.data.synthesize.grammar import Caption
from hanmo.errors import ConfigError
from hanmo.flow import sample_t
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.latents import pack
from hanmo.model.msrope import Shape
from hanmo.model.picture import Patches, patches
from hanmo.model.tokens import Kind
from hanmo.train.objectives.auxiliary import NOBODY, UNKNOWN, Labels
from hanmo.train.randomness import generator_for, random_for

POOL = 8
"""Batches whose samples are drawn together."""
NEGATIVE = " "
"""The prompt of guidance's second pass; what a dropped prompt becomes."""


@dataclass(frozen=True)
class DataConfig:
    """What batches are made of.

    Attributes:
        cards: cards whose latents are kept, for text-to-image.
        pairs: pairs of cards whose latents are kept, for edits.
        edits: share of batches that are edits.
        repaint: share of an edit batch whose picture shall come back as it is (the report's I2I).
        dropout: share of prompts that are replaced by " ", the negative prompt of guidance.
        t_mean: mean of the normal behind logit-normal t; above 0 favours noise.
        t_std: its standard deviation.
    """

    cards: int = 32768
    pairs: int = 0
    edits: float = 0.0
    repaint: float = 0.05
    dropout: float = 0.05
    t_mean: float = 1.0
    t_std: float = 1.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a share outside [0, 1], or a task without cards; the message names the key.
        """
        for key in ("edits", "repaint", "dropout"):
            if not 0.0 <= getattr(self, key) <= 1.0:
                raise ConfigError(f"data.{key} is {getattr(self, key)}; it must lie between 0 and 1")
        if self.t_std <= 0:
            raise ConfigError(f"data.t_std is {self.t_std}; it must be above 0")
        if self.edits > 0 and self.pairs < 1:
            raise ConfigError(f"data.edits is {self.edits}, but data.pairs is {self.pairs}; give pairs, or no edits")
        if self.edits < 1 and self.cards < 1:
            raise ConfigError(f"data.cards is {self.cards}, but text-to-image needs cards; give some")


@dataclass(frozen=True)
class FlowBatch:
    """One batch of one task.

    `patches` and `condition` are None for text-to-image; `glyphs` is 1 where a patch of the target has
    letters, else 0.
    """

    kind: Kind
    ids: list[list[int]]
    patches: list[list[Patches]] | None
    latents: Float[Tensor, "B S P"]
    condition: Float[Tensor, "B C P"] | None
    noise: Float[Tensor, "B S P"]
    t: Float[Tensor, " B"]
    glyphs: Float[Tensor, "B S"]
    labels: Labels
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Kept:
    """Cards or pairs, and the normalised latents of what they show; `sources` only with pairs."""

    cards: Sequence[Card]
    latents: Float[Tensor, "N Z h w"]
    pairs: Sequence[EditPair] = ()
    sources: Float[Tensor, "N Z h w"] | None = None


@dataclass(frozen=True)
class Sample:
    """A card or a pair of the kept ones, what is said of it, and the tokens of that."""

    row: int
    same: bool
    said: Caption | None
    ids: list[int]


@dataclass(frozen=True)
class FlowData:
    """All batches of a run.

    Samples are drawn for `POOL` batches at once and dealt out by length, so that little of a batch is
    padding.

    Attributes:
        config: what they are made of.
        seed: of everything random.
        size: pictures of a batch.
        parts: batches of a step.
        encoder: its tokenizer must be this thread's own: one serves one thread at a time.
        view: (width, height) in which the encoder sees the source of an edit, as the pipeline would show
            it.
        plain: for text-to-image; None when every batch is an edit.
        edits: for edits; None without any.
    """

    config: DataConfig
    seed: int
    size: int
    parts: int
    encoder: ConditionEncoder
    view: tuple[int, int]
    plain: Kept | None
    edits: Kept | None
    _pools: dict[int, list[tuple[Kind, list[Sample]]]] = field(default_factory=dict)

    def batch(self, step: int, part: int) -> FlowBatch:
        """Batch number (step, part)."""
        group, place = divmod(step * self.parts + part, POOL)
        if group not in self._pools:
            self._pools.clear()
            self._pools[group] = self._pool(random_for(self.seed, group))
        kind, samples = self._pools[group][place]
        generator = generator_for(self.seed, step, part)
        return self._plain(samples, generator) if kind == "t2i" else self._edit(samples, generator)

    def _pool(self, rng: random.Random) -> list[tuple[Kind, list[Sample]]]:
        """Samples of `POOL` batches: tasks are drawn first, then each task's samples dealt out by length."""
        kinds: list[Kind] = ["edit" if rng.random() < self.config.edits else "t2i" for _ in range(POOL)]
        dealt: dict[Kind, list[list[Sample]]] = {}
        for kind in ("t2i", "edit"):
            count = kinds.count(kind)
            samples = sorted(self._draw(kind, count * self.size, rng), key=lambda sample: len(sample.ids))
            dealt[kind] = [samples[at : at + self.size] for at in range(0, len(samples), self.size)]
            rng.shuffle(dealt[kind])
        return [(kind, dealt[kind].pop()) for kind in kinds]

    def _draw(self, kind: Kind, count: int, rng: random.Random) -> list[Sample]:
        """`count` samples of one task."""
        if not count:
            return []
        kept = self.plain if kind == "t2i" else self.edits
        if kept is None:
            raise ConfigError(f"nothing was kept for {kind}: data.edits does not fit what the run was given")
        drawn: list[tuple[int, bool, Caption | None]] = []
        for _ in range(count):
            row = rng.randrange(len(kept.cards))
            same = kind == "edit" and rng.random() < self.config.repaint
            said = caption(kept.cards[row], rng) if kind == "t2i" else _instruction(kept.pairs[row], same, rng)
            drawn.append((row, same, None if rng.random() < self.config.dropout else said))
        prompts = [NEGATIVE if said is None else said.text for _, _, said in drawn]
        ids = self.encoder.tokenize(prompts, kind, 0 if kind == "t2i" else 1)
        return [Sample(*sample, tokens) for sample, tokens in zip(drawn, ids, strict=True)]

    def _plain(self, samples: Sequence[Sample], generator: torch.Generator) -> FlowBatch:
        assert self.plain is not None
        cards = [self.plain.cards[sample.row] for sample in samples]
        latents = self.plain.latents[[sample.row for sample in samples]]
        return self._batch("t2i", cards, samples, latents, None, None, generator)

    def _edit(self, samples: Sequence[Sample], generator: torch.Generator) -> FlowBatch:
        kept = self.edits
        assert kept is not None
        assert kept.sources is not None
        rows = [sample.row for sample in samples]
        pairs = [kept.pairs[row] for row in rows]
        targets = [pair.source if sample.same else pair.target for sample, pair in zip(samples, pairs, strict=True)]
        sources = kept.sources[rows]
        same = torch.tensor([sample.same for sample in samples])[:, None, None, None]
        latents = torch.where(same, sources, kept.latents[rows])
        seen = [[self._view(pair.source)] for pair in pairs]
        return self._batch("edit", targets, samples, latents, sources, seen, generator)

    def _view(self, card: Card) -> Patches:
        picture = draw(card)
        if picture.size != self.view:
            picture = picture.resize(self.view, Image.Resampling.LANCZOS)
        return patches(picture, self.encoder.picture_config)

    def _batch(
        self,
        kind: Kind,
        cards: Sequence[Card],
        samples: Sequence[Sample],
        latents: Float[Tensor, "B Z h w"],
        sources: Float[Tensor, "B Z h w"] | None,
        seen: list[list[Patches]] | None,
        generator: torch.Generator,
    ) -> FlowBatch:
        clean = pack(latents)
        merge = self.encoder.picture_config.merge_size
        counts = [[picture.tokens(merge) for picture in own] for own in seen or [[]] * len(cards)]
        labels = [
            labels_of(self.encoder, card, sample.said, kind, count)
            for card, sample, count in zip(cards, samples, counts, strict=True)
        ]
        token, glyph = (torch.stack(parts) for parts in zip(*labels, strict=True))
        lettered = torch.stack([torch.from_numpy(glyph_grid(card) >= 0).any(-1).flatten() for card in cards])
        shape = (1, latents.shape[2] // 2, latents.shape[3] // 2)
        return FlowBatch(
            kind=kind,
            ids=[sample.ids for sample in samples],
            patches=seen,
            latents=clean,
            condition=None if sources is None else pack(sources),
            noise=torch.randn(clean.shape, generator=generator),
            t=sample_t(len(cards), generator, self.config.t_mean, self.config.t_std),
            glyphs=lettered.float(),
            labels=Labels(token, glyph),
            shapes=(shape,) if sources is None else (shape, shape),
        )


def _instruction(pair: EditPair, same: bool, rng: random.Random) -> Caption:
    """Words for a pair, or for giving its source back."""
    if same:
        return instruct("repaint", pair.source, pair.source, rng)
    return instruct(pair.kind, pair.source, pair.target, rng)


def labels_of(
    encoder: ConditionEncoder,
    card: Card,
    said: Caption | None,
    kind: Kind,
    picture_tokens: Sequence[int] = (),
) -> tuple[Int[Tensor, "P 2"], Int[Tensor, "P 2"]]:
    """For each half of each patch of `card`: its character's text token and place in the vocabulary.

    Args:
        encoder: whose tokens are meant.
        card: the target picture.
        said: the prompt; None where it was dropped, so that nothing can be known.
        kind: task.
        picture_tokens: tokens that each picture takes in the text.

    Returns:
        Token indices after the drop, `NOBODY` where there is no character or the prompt does not quote
        it; and numbers of characters, `NOBODY` where there is none, `UNKNOWN` everywhere when the prompt
        was dropped.
    """
    grid = torch.from_numpy(glyph_grid(card).astype(np.int64)).flatten(0, 1)
    empty = grid < 0
    if said is None:
        return torch.full_like(grid, NOBODY), torch.full_like(grid, UNKNOWN)
    places = torch.tensor([_NUMBER[char] for char in card.text])
    glyph = torch.where(empty, NOBODY, places[grid.clamp(min=0)])
    if not said.spans:
        return torch.full_like(grid, NOBODY), glyph
    offsets = encoder.token_offsets(said.text, kind, picture_tokens)
    start, stop = said.spans[0]
    tokens = torch.tensor(offsets[start:stop])
    return torch.where(empty, NOBODY, tokens[grid.clamp(min=0)]), glyph


_NUMBER = {char: number for number, char in enumerate(vocabulary())}
