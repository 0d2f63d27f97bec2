"""The condition encoder: Qwen2.5-VL reads the prompt and the pictures (report, section 2.2).

The transformer is conditioned on the last hidden state (after the final norm) of the templated prompt,
without the template's system part. Savings, all exact up to rounding: there is no language head, the system
part is run once (for a batch; without gradients, once for all calls), and prompts with the same pictures read
those once too.

It does not know files, pipelines or training; everything here can be differentiated.

Letters: B prompts, N tokens of a templated prompt, T tokens after the drop, D width, M tokens of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from PIL import Image
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedTokenizerBase, Qwen2_5_VLModel

from hanmo.errors import RequestError, WeightsError
from hanmo.model.linear import adopt
from hanmo.model.picture import Patches, PictureConfig, patches
from hanmo.model.qwen_vl import build_encoder_model, checkpoint_name, restore_rotary, rope_positions
from hanmo.model.tokens import DROP, IMAGE_PAD, MAX_TOKENS, VISION_END, Kind, fill, system_part, user_offset

__all__ = ["ConditionEncoder", "TextStates", "build_encoder_model", "checkpoint_name", "restore_rotary"]

KeyValues = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of each layer, [B, heads, N, head width]."""


@dataclass(frozen=True)
class TextStates:
    """What the transformer reads: `states`, zero where `mask` is false; no `mask` means true everywhere."""

    states: Float[Tensor, "B T D"]
    mask: Bool[Tensor, "B T"] | None

    def rows(self, start: int, stop: int) -> TextStates:
        """Prompts `start` to `stop - 1`, without the padding that only the others needed."""
        states = self.states[start:stop]
        if self.mask is None:
            return TextStates(states, None)
        mask = self.mask[start:stop]
        longest = int(mask.sum(1).max())
        return _states(states[:, :longest], mask[:, :longest])


@dataclass(frozen=True)
class _Row:
    """One templated prompt, pictures expanded."""

    ids: Int[Tensor, " N"]
    positions: Int[Tensor, "3 N"]
    pictures: tuple[Patches, ...]


class ConditionEncoder:
    """Prompts and pictures to states.

    Args:
        model: from `build_encoder_model`.
        tokenizer: a `Qwen2Tokenizer`.
        picture_config: how pictures are prepared; the released values when there is none.

    Raises:
        WeightsError: the tokenizer splits a template into another number of tokens than is dropped.
    """

    def __init__(
        self,
        model: Qwen2_5_VLModel,
        tokenizer: PreTrainedTokenizerBase,
        picture_config: PictureConfig | None = None,
    ) -> None:
        adopt(model)
        self.model = model
        self.tokenizer = tokenizer
        self.picture_config = picture_config or PictureConfig()
        self._image_token = tokenizer.get_vocab()[IMAGE_PAD]
        self._vision_end = tokenizer.get_vocab()[VISION_END]
        self._system: dict[Kind, list[int]] = {}
        self._kept: dict[Kind, tuple[object, KeyValues]] = {}
        for kind in DROP:
            self._system[kind] = self._tokens([system_part(kind)])[0]
            if len(self._system[kind]) != DROP[kind]:
                raise WeightsError(
                    f"the tokenizer splits the {kind} template into {len(self._system[kind])} tokens, not "
                    f"{DROP[kind]}: it is not the one of this checkpoint"
                )

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> ConditionEncoder:
        """Move or cast the weights; rotary frequencies stay float32."""
        nn.Module.to(self.model, device=device, dtype=dtype)
        restore_rotary(self.model)
        return self

    def tokenize(self, prompts: Sequence[str], kind: Kind = "t2i", pictures: int = 0) -> list[list[int]]:
        """Ids of the templated prompts, one image token per picture.

        Args:
            prompts: the users' words.
            kind: task.
            pictures: how many pictures go with each prompt.

        Returns:
            A list of ids for each prompt, system part included.

        Raises:
            RequestError: see `tokens.fill`.
        """
        return self._tokens([fill(kind, prompt, pictures) for prompt in prompts])

    def text_ids(self, prompt: str, kind: Kind = "t2i", pictures: int = 0) -> list[int]:
        """Ids after the drop: the prompt and the template's tail, each picture as one image token."""
        return self.tokenize([prompt], kind, pictures)[0][DROP[kind] :]

    def token_offsets(self, prompt: str, kind: Kind = "t2i", picture_tokens: Sequence[int] = ()) -> list[int]:
        """Where each character of the prompt is among the states.

        Args:
            prompt: the user's words.
            kind: task.
            picture_tokens: how many tokens each picture takes (`Patches.tokens`).

        Returns:
            For each character the index, after the drop, of the first token that covers it.
        """
        text = fill(kind, prompt, len(picture_tokens))
        spans = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        begin = user_offset(kind, len(picture_tokens))
        shift = sum(picture_tokens) - len(picture_tokens) - DROP[kind]
        places: dict[int, int] = {}
        for number, (start, stop) in enumerate(spans):
            for character in range(max(start, begin), min(stop, begin + len(prompt))):
                places.setdefault(character - begin, number + shift)
        return [places[character] for character in range(len(prompt))]

    def encode(
        self,
        prompts: Sequence[str],
        pictures: Sequence[Sequence[Image.Image]] | None = None,
        kind: Kind = "t2i",
        max_tokens: int = MAX_TOKENS,
    ) -> TextStates:
        """Encode prompts of one kind.

        Args:
            prompts: one or more; they may differ in length.
            pictures: for the edit kinds, the pictures of each prompt. Give the same objects to prompts that
                share them (positive and negative): they are seen once.
            kind: task.
            max_tokens: limit for a prompt with the template's tail, picture tokens not counted.

        Returns:
            States of the prompt tokens (and picture tokens), right-padded with zeros, on the model's device.

        Raises:
            RequestError: no prompt, a prompt beyond the limit, or pictures that do not fit prompts and kind.
        """
        if not prompts:
            raise RequestError("no prompt was given: give at least one")
        seen = [()] * len(prompts) if pictures is None else pictures
        if len(seen) != len(prompts):
            raise RequestError(f"{len(prompts)} prompts but {len(seen)} lists of pictures: give one list each")
        texts = [fill(kind, prompt, len(own)) for prompt, own in zip(prompts, seen, strict=True)]
        ids = self._tokens(texts)
        for prompt, row in zip(prompts, ids, strict=True):
            if len(row) - DROP[kind] > max_tokens:
                raise RequestError(
                    f"the prompt {prompt[:30]!r}... has {len(row) - DROP[kind]} tokens; "
                    f"at most {max_tokens} are read: shorten it"
                )
        cut = {id(picture): patches(picture, self.picture_config) for own in seen for picture in own}
        return self.encode_ids(ids, [[cut[id(picture)] for picture in own] for own in seen], kind)

    def encode_ids(
        self,
        ids: Sequence[Sequence[int]],
        pictures: Sequence[Sequence[Patches]] | None = None,
        kind: Kind = "t2i",
    ) -> TextStates:
        """Encode tokenised prompts; no limit of length.

        Args:
            ids: from `tokenize`: the whole template, one image token per picture.
            pictures: patches of each prompt's pictures; equal objects are seen once.
            kind: task.

        Returns:
            As `encode`.

        Raises:
            RequestError: ids that do not begin with the system part, or pictures that do not fit them.
        """
        seen = [()] * len(ids) if pictures is None else pictures
        rows = [self._row(row, tuple(own), kind) for row, own in zip(ids, seen, strict=True)]
        features = self._see([picture for row in rows for picture in row.pictures])
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, row in enumerate(rows):
            groups.setdefault(tuple(id(picture) for picture in row.pictures), []).append(number)
        past = self._system_part(kind)
        if not features or len(groups) == len(rows):
            return self._finish(self._read(rows, features, past))
        parts: dict[int, Tensor] = {}
        for numbers in groups.values():
            states = self._read_shared([rows[number] for number in numbers], features, past)
            parts.update(zip(numbers, states, strict=True))
        return self._finish([parts[number] for number in range(len(rows))])

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        ids: list[list[int]] = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        return ids

    def _row(self, ids: Sequence[int], pictures: tuple[Patches, ...], kind: Kind) -> _Row:
        drop = DROP[kind]
        if list(ids[:drop]) != self._system[kind]:
            raise RequestError(f"the ids do not begin with the {kind} template: make them by tokenize(..., {kind!r})")
        merge = self.picture_config.merge_size
        left = [picture.tokens(merge) for picture in pictures]
        if list(ids).count(self._image_token) != len(left):
            raise RequestError(f"{len(left)} pictures for {list(ids).count(self._image_token)} image tokens")
        full: list[int] = []
        for token in ids:
            full.extend([token] * left.pop(0) if token == self._image_token else [token])
        grids = [(picture.grid[0] // merge, picture.grid[1] // merge) for picture in pictures]
        tensor = torch.tensor(full)
        positions = rope_positions(tensor, self._image_token, grids)
        return _Row(tensor[drop:], positions[:, drop:], pictures)

    def _see(self, pictures: Sequence[Patches]) -> dict[int, Float[Tensor, "M D"]]:
        """The vision tower, once over all distinct pictures; features by identity of the patches."""
        distinct = list({id(picture): picture for picture in pictures}.values())
        if not distinct:
            return {}
        device = self._device()
        grid = torch.tensor([(1, *picture.grid) for picture in distinct], device=device)
        pixels = torch.cat([picture.pixels for picture in distinct]).to(device)
        merged = self.model.visual(pixels, grid_thw=grid).pooler_output
        sizes = [picture.tokens(self.picture_config.merge_size) for picture in distinct]
        return {id(picture): part for picture, part in zip(distinct, merged.split(sizes), strict=True)}

    def _system_part(self, kind: Kind) -> KeyValues:
        """Keys and values of the system part, batch 1; kept between calls while no gradient is wanted."""
        stamp = None if torch.is_grad_enabled() else self._stamp()
        kept = self._kept.get(kind)
        if stamp is not None and kept is not None and kept[0] == stamp:
            return kept[1]
        ids = torch.tensor([self._system[kind]], device=self._device())
        positions = torch.arange(DROP[kind], device=ids.device).expand(3, 1, -1)
        past = self._forward(self.model.language_model.embed_tokens(ids), positions, None, ())[1]
        if stamp is not None:
            self._kept[kind] = (stamp, past)
        return past

    def _stamp(self) -> object:
        """Changes whenever a weight, its place, or the arithmetic does."""
        weights = self.model.language_model.parameters()
        versions = tuple((w.data_ptr(), w.dtype, 0 if w.is_inference() else w._version) for w in weights)
        kind = self._device().type
        return versions, torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind)

    def _read(self, rows: Sequence[_Row], features: dict[int, Tensor], past: KeyValues) -> list[Tensor]:
        """States of each row behind `past`, in one run over the right-padded batch."""
        device = self._device()
        lengths = [len(row.ids) for row in rows]
        longest = max(lengths)
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        positions = torch.zeros(3, len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : lengths[number]] = row.ids
            positions[:, number, : lengths[number]] = row.positions
        embeds = self.model.language_model.embed_tokens(ids.to(device))
        found = [features[id(picture)] for row in rows for picture in row.pictures]
        if found:
            place = (ids == self._image_token).to(device)
            embeds = embeds.masked_scatter(place[..., None], torch.cat(found).to(embeds.dtype))
        mask = None
        if min(lengths) < longest:
            mask = torch.arange(longest, device=device) < torch.tensor(lengths, device=device)[:, None]
            mask = F.pad(mask, (past[0][0].shape[2], 0), value=True)
        states = self._forward(embeds, positions.to(device), mask, past)[0]
        return [row[:length] for row, length in zip(states, lengths, strict=True)]

    def _read_shared(self, rows: Sequence[_Row], features: dict[int, Tensor], past: KeyValues) -> list[Tensor]:
        """The same for rows with the same pictures, which are read once up to the last picture's end."""
        if len(rows) == 1:
            return self._read(rows, features, past)
        first = rows[0]
        end = int((first.ids == self._vision_end).nonzero().max()) + 1
        device = self._device()
        embeds = self.model.language_model.embed_tokens(first.ids[None, :end].to(device))
        place = (first.ids[None, :end] == self._image_token).to(device)
        found = torch.cat([features[id(picture)] for picture in first.pictures])
        embeds = embeds.masked_scatter(place[..., None], found.to(embeds.dtype))
        head, shared = self._forward(embeds, first.positions[:, None, :end].to(device), None, past)
        rest = [_Row(row.ids[end:], row.positions[:, end:], ()) for row in rows]
        return [torch.cat([head[0], tail]) for tail in self._read(rest, {}, shared)]

    def _forward(
        self,
        embeds: Float[Tensor, "B T D"],
        positions: Int[Tensor, "3 B T"],
        mask: Tensor | None,
        past: KeyValues,
    ) -> tuple[Float[Tensor, "B T D"], KeyValues]:
        """Run the language model behind `past` (batch 1, repeated): states, and all keys and values."""
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(past):
            batch = (len(embeds), -1, -1, -1)
            cache.update(keys.expand(batch), values.expand(batch), layer)
        output = self.model.language_model(
            inputs_embeds=embeds,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        )
        layers: Any = cache.layers  # every one is a DynamicLayer, which the class's annotation does not say
        return output.last_hidden_state, tuple((layer.keys, layer.values) for layer in layers)

    def _finish(self, rows: Sequence[Float[Tensor, "_ D"]]) -> TextStates:
        lengths = torch.tensor([len(row) for row in rows], device=rows[0].device)
        mask = torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]
        return _states(nn.utils.rnn.pad_sequence(list(rows), batch_first=True), mask)

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


def _states(states: Tensor, mask: Tensor) -> TextStates:
    return TextStates(states, None if bool(mask.all()) else mask)
