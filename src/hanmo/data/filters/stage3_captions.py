"""Stage 3: splits by the origin of captions, image-text score, caption length, invalid captions (report section 3.2).

    caption_split    raw, recaption, synthetic   0 ...     captions of each origin
                     fused        0 or 1    whether there are both raw ones and recaptions
    image_text       siglip       -1 ... 1  cosine of the picture and its best raw caption, by SigLIP 2
                     chinese_clip -1 ... 1  the same of Chinese raw captions, by Chinese-CLIP
    caption_length   tokens, characters, words      0 ...   of the longest caption
                     shortest                       0 ...   tokens of the shortest one
    invalid_caption  invalid      0 ... 1   share of captions that break a rule of `caption_rules`
                     matches      0 ...     rules that are broken in all
                     valid        0 ...     captions that break none

The report scores the raw split alone: recaptions are written by a model that has seen the picture. A score of
`image_text` that does not apply, as of a record without raw captions, is `NEUTRAL` = 1.0, which no pair
reaches and every low bound keeps; the metadata say which captions were scored. Without any caption, lengths are 0 and
nothing is invalid. What a trainer reads of all these captions is in `caption_splits`. It does not know thresholds, nor
languages but by their scripts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from transformers import PreTrainedTokenizerBase

from hanmo.data.filters.caption_rules import broken_rules
from hanmo.data.filters.caption_splits import language_of, split_by_captions
from hanmo.data.filters.image_text import TowersConfig, towers
from hanmo.data.filters.scripts import HAN
from hanmo.data.look import picture_of
from hanmo.data.operator import Measured, Operator
from hanmo.data.record import Caption, Record
from hanmo.errors import ConfigError
from hanmo.weights.folder import load_tokenizer
from hanmo.weights.hub import resolve

NEUTRAL = 1.0
"""What `image_text` says where it has nothing to say."""

_WORD = re.compile(rf"[{HAN}\u3040-\u30ff]|(?:(?![{HAN}\u3040-\u30ff])[^\W_])(?:(?![{HAN}\u3040-\u30ff])[\w'’-])*")


@dataclass(frozen=True)
class CaptionSplitConfig:
    """Nothing can be chosen."""


@dataclass(frozen=True)
class CaptionSplit:
    """Which captions a record has. Metadata: the split."""

    config: CaptionSplitConfig = field(default_factory=CaptionSplitConfig)
    name: str = field(default="caption_split", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("raw", "recaption", "synthetic", "fused"), init=False)

    def measure(self, record: Record) -> Measured:
        """See the file's head."""
        origins = [caption.origin for caption in record.captions]
        counts = {name: float(origins.count(name)) for name in ("raw", "recaption", "synthetic")}
        split = split_by_captions(record.captions)
        return Measured({**counts, "fused": float(split == "fused")}, {"split": split})


@dataclass(frozen=True)
class ImageTextConfig:
    """Which models score which captions.

    Attributes:
        siglip: for captions in all languages but Chinese; a folder or an id on the hub, "" for none.
        siglip_revision: of the hub; "" takes the main branch.
        siglip_tokens: longest text.
        chinese_clip: for Chinese captions; "" for none, then SigLIP 2, which is multilingual, scores them too.
        chinese_clip_revision: the default one has safetensors, which its main branch may lack.
        chinese_clip_tokens: longest text.
        captions: raw captions that are scored at most.
        device: where the models run.

    Raises:
        ConfigError: no model at all, or no caption to score.
    """

    siglip: str = "google/siglip2-base-patch16-256"
    siglip_revision: str = ""
    siglip_tokens: int = 64
    chinese_clip: str = "OFA-Sys/chinese-clip-vit-base-patch16"
    chinese_clip_revision: str = "refs/pr/1"
    chinese_clip_tokens: int = 52
    captions: int = 4
    device: str = "cpu"

    def __post_init__(self) -> None:
        """See the class."""
        if not (self.siglip or self.chinese_clip) or self.captions < 1:
            raise ConfigError("image_text has nothing to do: give a model and at least one caption")


@dataclass(frozen=True)
class ImageText:
    """How well the raw captions fit the picture.

    Metadata: under each model's name the cosines of all captions in their order, None for those that it did not score.
    """

    config: ImageTextConfig = field(default_factory=ImageTextConfig)
    name: str = field(default="image_text", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("siglip", "chinese_clip"), init=False)

    def measure(self, record: Record) -> Measured:
        """The best caption counts: a poor one beside a good one is left out when captions are chosen."""
        raw = [place for place, caption in enumerate(record.captions) if caption.origin == "raw"]
        judges = {place: self._judge(record.captions[place]) for place in raw[: self.config.captions]}
        found: dict[str, list[float | None]] = {}
        for name, towers_config in self._models().items():
            places = [place for place, judge in judges.items() if judge == name]
            found[name] = [None] * len(record.captions)
            if places:
                texts = [record.captions[place].text for place in places]
                cosines = towers(towers_config).cosines(picture_of(record), texts)
                for place, cosine in zip(places, cosines, strict=True):
                    found[name][place] = cosine
        scored = {name: [value for value in values if value is not None] for name, values in found.items()}
        best = {name: max(scored.get(name, []), default=NEUTRAL) for name in self.scores}
        return Measured(best, {name: values for name, values in found.items() if scored[name]})

    def _judge(self, caption: Caption) -> str:
        """The model that scores a caption; "" for none."""
        if language_of(caption) == "zh" and self.config.chinese_clip:
            return "chinese_clip"
        return "siglip" if self.config.siglip else ""

    def _models(self) -> dict[str, TowersConfig]:
        config = self.config
        models = {}
        if config.siglip:
            models["siglip"] = TowersConfig(config.siglip, config.siglip_revision, config.siglip_tokens, config.device)
        if config.chinese_clip:
            models["chinese_clip"] = TowersConfig(
                config.chinese_clip, config.chinese_clip_revision, config.chinese_clip_tokens, config.device
            )
        return models


@dataclass(frozen=True)
class CaptionLengthConfig:
    """Whose tokens are counted.

    Attributes:
        tokenizer: a checkpoint in the published layout, folder or id on the hub, of which only the tokenizer is read.
            The bundled model's spells most words letter by letter: a set for the published model is measured with
            "Qwen/Qwen-Image".
    """

    tokenizer: str = "hanmo-tiny"


@dataclass(frozen=True)
class CaptionLength:
    """How long the captions are. Metadata: the tokens of each, in their order."""

    config: CaptionLengthConfig = field(default_factory=CaptionLengthConfig)
    name: str = field(default="caption_length", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("tokens", "characters", "words", "shortest"), init=False)

    def measure(self, record: Record) -> Measured:
        """Characters are code points; a Chinese or Japanese character is a word, elsewhere words are."""
        texts = [caption.text for caption in record.captions]
        tokenizer = _tokenizer(self.config.tokenizer)
        tokens = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
        return Measured(
            {
                "tokens": float(max(tokens, default=0)),
                "characters": float(max(map(len, texts), default=0)),
                "words": float(max((len(_WORD.findall(text)) for text in texts), default=0)),
                "shortest": float(min(tokens, default=0)),
            },
            {"tokens": tokens},
        )


@cache
def _tokenizer(model: str) -> PreTrainedTokenizerBase:
    folder = resolve(model, patterns=("tokenizer/*",))
    inside = folder / "tokenizer"
    return load_tokenizer(inside if inside.is_dir() else folder)


@dataclass(frozen=True)
class InvalidCaptionConfig:
    """Nothing can be chosen: another list of rules is another version."""


@dataclass(frozen=True)
class InvalidCaption:
    """Captions that describe nothing. Metadata: of each caption, in their order, the rules that it breaks."""

    config: InvalidCaptionConfig = field(default_factory=InvalidCaptionConfig)
    name: str = field(default="invalid_caption", init=False)
    version: int = field(default=1, init=False)
    scores: tuple[str, ...] = field(default=("invalid", "matches", "valid"), init=False)

    def measure(self, record: Record) -> Measured:
        """See the file's head."""
        rules = [list(broken_rules(caption.text, caption.language)) for caption in record.captions]
        broken = sum(1 for found in rules if found)
        return Measured(
            {
                "invalid": broken / len(rules) if rules else 0.0,
                "matches": float(sum(map(len, rules))),
                "valid": float(len(rules) - broken),
            },
            {"rules": rules} if broken else {},
        )


OPERATORS: Mapping[str, type[Operator]] = {
    "caption_split": CaptionSplit,
    "image_text": ImageText,
    "caption_length": CaptionLength,
    "invalid_caption": InvalidCaption,
}
