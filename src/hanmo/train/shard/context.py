"""Context parallelism: the tokens of one batch on several processes (DeepSpeed-Ulysses, arXiv 2309.14509).

Each process of a group holds a part of the text tokens, of the target's and of the sources', and computes every
layer for them alone. Only attention needs all tokens: just before it, tokens are exchanged for heads (each process
gets all tokens of some heads), just after it back again. So a block exchanges twice in its forward pass, twice in its
backward pass, and twice more where "full" checkpointing computes it again: forward, each process sends (c - 1) / c of
its 4 B N D / (t c) numbers. What comes between, an attention over rows of different layouts (`train.rows`) above all,
sees all tokens in the model's own order, and with them the batch's positions and masks.

Tokens are cut where the blocks begin, and the velocity is collected behind the output layer, so that every process
has the whole of it and the same loss. Collecting has no gradient but the process's own part, and cutting leaves zeros
for what others hold: so the gradient of every weight, of the embedders and modulations too, is a part, which is summed
once over the group with the shards (`mesh`, `fully`). A weight used behind the collected output would be counted c
times; there is none in a transformer.

The report trains without it. It does not know shards, heads of other processes (`tensor`), residuals of a ControlNet
or masks for each query. Losses on the streams between blocks (features of a teacher) would see this process's tokens.

Letters: B batch, N tokens (text, target, sources), n of them here, H heads here before the exchange, h = H / c after
it, D width, d head width, P channels of a token, c processes, t tensor degree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.distributed._functional_collectives import all_to_all_single_autograd
from torch.distributed.device_mesh import DeviceMesh

from hanmo.errors import ConfigError
from hanmo.model.mmdit import Attend, Block, MMDiT, Modulation
from hanmo.model.msrope import Rope

Velocity = Callable[..., Tensor]


@dataclass(frozen=True)
class Tokens:
    """The tokens of one batch, whole: how many of the text, of the target, of the sources; and which keys are seen."""

    text: int
    target: int
    sources: int
    keys: Bool[Tensor, "B 1 1 N"] | None

    @property
    def all(self) -> tuple[int, ...]:
        """Kinds of tokens in the order of the joint attention; each kind is dealt out by itself."""
        return (self.text, self.target, self.sources)


@dataclass
class Division:
    """Process number `rank` of `count` that share a batch, and the batch at hand.

    The batch stays until the next forward pass, as recomputed activations (checkpointing) need it.
    """

    group: dist.ProcessGroup
    rank: int
    count: int
    tokens: Tokens = Tokens(0, 0, 0, None)

    def own(self, x: Tensor, kinds: Sequence[int], axis: int) -> Tensor:
        """This process's part of each of the kinds that lie behind one another along an axis."""
        wholes = x.split(list(kinds), dim=axis)
        return torch.cat([whole.split(dealt(whole.shape[axis], self.count), axis)[self.rank] for whole in wholes], axis)

    def held(self, kinds: Sequence[int], rank: int) -> list[int]:
        """How many tokens of each kind a process has."""
        return [dealt(kind, self.count)[rank] for kind in kinds]

    @property
    def blank(self) -> bool:
        """Whether no token of the text came here; then one that nobody sees runs along, as layers want something."""
        return self.tokens.text <= self.rank


def dealt(length: int, count: int) -> list[int]:
    """How many of `length` tokens each of `count` processes has: evenly, the first ones one more where there is a rest.

    A process may have none, as of a text of one token.
    """
    return [length // count + (number < length % count) for number in range(count)]


def split_tokens(model: MMDiT, group: DeviceMesh) -> None:
    """Divide the tokens of `model` among the processes of `group`, in place; all must be called with the same batches.

    Heads are divided before (`tensor.split_heads`). Attentions that are set later go inside (`rows.innermost`).

    Raises:
        ConfigError: the heads of this process do not come out even.
    """
    division = Division(group.get_group(), group.get_local_rank(), group.size())
    for block in model.transformer_blocks:
        assert isinstance(block, Block)
        if block.attn.heads % division.count:
            raise ConfigError(
                f"shard.context is {division.count}, but a process has {block.attn.heads} of the model's heads; they "
                "are dealt out evenly"
            )
        last = block is model.transformer_blocks[-1]
        block.attn.attend = ContextAttention(block.attn.attend, division, last)
    model.velocity = _divided(model.velocity, division)  # type: ignore[method-assign]


def _divided(velocity: Velocity, division: Division) -> Velocity:
    """`velocity` of a part of the tokens, collected; its arguments are those of `MMDiT.velocity` in training."""

    def whole(
        latents: Float[Tensor, "B S P"],
        text: Float[Tensor, "B T D"],
        mask: Bool[Tensor, "B T"] | None,
        rotation: Rope,
        modulation: Modulation,
        target: int | None = None,
    ) -> Float[Tensor, "B _ P"]:
        count = latents.shape[1]
        target = count if target is None else target
        keys = None if mask is None else F.pad(mask, (0, count), value=True)[:, None, None]
        tokens = division.tokens = Tokens(text.shape[1], target, count - target, keys)
        if target < division.count:
            raise ConfigError(
                f"a batch's pictures have {target} tokens each, but shard.context is {division.count}: lower it, or "
                "train on larger pictures"
            )
        pictures, words = tokens.all[1:], tokens.all[:1]
        tables = (division.own(table, words, 0) for table in (rotation.text_cos, rotation.text_sin))
        states = division.own(text, words, 1)
        if division.blank:
            states, tables = F.pad(states, (0, 0, 0, 1)), (F.pad(table, (0, 0, 0, 1)) for table in tables)
        made = velocity(
            division.own(latents, pictures, 1),
            states,
            None,
            Rope(*(division.own(t, pictures, 0) for t in (rotation.image_cos, rotation.image_sin)), *tables),
            modulation,
            division.held((target,), division.rank)[0],
        )
        collected: Tensor = _Collected.apply(made, target, division)
        return collected

    return whole


class _Collected(torch.autograd.Function):
    """The parts of all processes, put together in each; its gradient is that of this process's own part."""

    @staticmethod
    def forward(ctx: Any, made: Tensor, target: int, division: Division) -> Tensor:
        sizes = dealt(target, division.count)
        ctx.sizes, ctx.rank = sizes, division.rank
        whole = made.new_zeros(made.shape[0], target, made.shape[2])
        whole.split(sizes, dim=1)[division.rank].copy_(made)
        dist.all_reduce(whole, group=division.group)  # the others have zeros there: nothing is rounded
        return whole

    @staticmethod
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, None, None]:
        return given.split(ctx.sizes, dim=1)[ctx.rank], None, None


class ContextAttention:
    """An attention over the tokens of all processes, around one that knows nothing of them; see the file's head."""

    def __init__(self, attend: Attend, division: Division, last: bool) -> None:
        self.attend = attend
        self._division = division
        self._last = last  # not to be seen from lengths: where a process has only target tokens, they are the same

    def __call__(
        self,
        query: Float[Tensor, "B H m d"],
        key: Float[Tensor, "B H n d"],
        value: Float[Tensor, "B H n d"],
        mask: Tensor | None,
    ) -> Float[Tensor, "B H m d"]:
        """Attend for this process's queries; `mask` is None, the batch's own is used.

        Under autocast all three are rounded before they travel, as attention would do.
        """
        assert mask is None, "the batch's mask is that of all tokens, and not of those here"
        tokens, kind = self._division.tokens, query.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            query, key, value = (part.to(dtype) for part in (query, key, value))
        blank = int(self._division.blank)
        asking = 0 if self._last else blank
        parts = (query[:, :, asking:], key[:, :, blank:], value[:, :, blank:])
        asked = (tokens.target,) if self._last else tokens.all
        query, key, value = _to_heads(parts, (asked, tokens.all, tokens.all), self._division)
        out = _to_tokens(self.attend(query, key, value, tokens.keys), asked, self._division)
        return F.pad(out, (0, 0, asking, 0)) if asking else out


def _to_heads(
    parts: Sequence[Float[Tensor, "B H _ d"]], kinds: Sequence[Sequence[int]], division: Division
) -> list[Float[Tensor, "B h _ d"]]:
    """All tokens of this process's share of the heads, in the model's order; one exchange for all `parts`."""
    batch, heads, _, width = parts[0].shape
    heads //= division.count
    shared = [part.split(heads, dim=1) for part in parts]
    pieces = [torch.cat([share[rank].flatten() for share in shared]) for rank in range(division.count)]
    row = batch * heads * width
    lengths = [[row * sum(division.held(kind, rank)) for kind in kinds] for rank in range(division.count)]
    received = _exchanged(pieces, [sum(length) for length in lengths], division)
    split = [flat.split(length) for flat, length in zip(received, lengths, strict=True)]
    return [
        _in_order([flats[number].view(batch, heads, -1, width) for flats in split], kind, division)
        for number, kind in enumerate(kinds)
    ]


def _in_order(parts: Sequence[Float[Tensor, "B h _ d"]], kinds: Sequence[int], division: Division) -> Tensor:
    """Tokens of each process, put together kind by kind."""
    apart = [part.split(division.held(kinds, rank), dim=2) for rank, part in enumerate(parts)]
    return torch.cat([mine[number] for number in range(len(kinds)) for mine in apart], dim=2)


def _to_tokens(out: Float[Tensor, "B h _ d"], kinds: Sequence[int], division: Division) -> Float[Tensor, "B H _ d"]:
    """The way back: all heads of this process's tokens."""
    batch, heads, _, width = out.shape
    apart = [whole.split(dealt(whole.shape[2], division.count), dim=2) for whole in out.split(list(kinds), dim=2)]
    pieces = [torch.cat([kind[rank] for kind in apart], dim=2).flatten() for rank in range(division.count)]
    own = sum(division.held(kinds, division.rank))
    received = _exchanged(pieces, [batch * heads * own * width] * division.count, division)
    return torch.cat([flat.view(batch, heads, own, width) for flat in received], dim=1)


def _exchanged(pieces: Sequence[Tensor], sizes: Sequence[int], division: Division) -> Sequence[Tensor]:
    """Give each process its piece, and take from each so many numbers; gradients go the other way."""
    sent = [len(piece) for piece in pieces]
    got: Tensor = all_to_all_single_autograd(torch.cat(list(pieces)), list(sizes), sent, division.group)
    received: tuple[Tensor, ...] = got.split(list(sizes))
    return received
