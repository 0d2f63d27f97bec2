"""The bundled model's tokenizer: small, one token per drawn character (report, section 5: text rendering).

It is written in the published layout and read by transformers' `Qwen2Tokenizer`, so that pipelines which
drop a fixed number of template tokens (34 and 64) can use it. How that is reached:

- All 256 bytes are tokens. A merge begins either with the space mark or with a byte of a multi-byte
  character, so a word glued to a quotation mark (`"Red"`, 「the」) is always spelled letter by letter, while
  a common word after a space (` red`) is one token. Digits are split by Qwen's own pre-tokenizer.
- A character of more than one byte is merged from its bytes; a lead byte is never a continuation byte, so
  merges cannot run across characters.
- The template's chunks without a space before them (`user`, `system`, `(color`) are added tokens; of a few
  template words only the stem is merged, which makes the counts come out exactly.

A lower-case word after a space inside quotation marks is shortened by the word merges like any other.
This file does not know the model; it knows the templates' words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from hanmo.errors import ConfigError

SPECIALS: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

# Ordinary (not special) added tokens: chunks that the templates need whole.
CHUNKS: Final = ("system\nDescribe", "user\n", "assistant\n", " (color", " Generate")

# Words of the templates after a space. `detail`, `feature`: stems, see above (detail-i-n-g, feature-s).
TEMPLATE_WORDS: Final = (
    "the", "image", "by", "detail", "color", "shape", "size", "texture", "quantity", "text", "spatial",
    "relationships", "of", "objects", "and", "background", "key", "feature", "input", "then", "explain",
    "how", "user", "instruction", "should", "alter", "or", "modify", "a", "new", "that", "meets",
    "requirements", "while", "maintaining", "consistency", "with", "original", "where", "appropriate",
)  # fmt: skip
SPLIT: Final = ("detaili", "features")

PUNCTUATION: Final = "“”‘’「」『』《》，。、：；！？（）—…·￥"

_SPACE: Final = "Ġ"


def byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in a byte-level vocabulary.

    Returns:
        256 letters: printable Latin-1 bytes stand for themselves, the others follow from U+0100 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(256 + place) for place, byte in enumerate(others)}


def merges_for(characters: Iterable[str], words: Iterable[str]) -> list[tuple[str, str]]:
    """Merges that make each character, and each word after a space, one token.

    Args:
        characters: single characters, any script; ASCII is a token already.
        words: ASCII words without spaces.

    Returns:
        Pairs in rank order, each grown from the left.

    Raises:
        ConfigError: a character is more than one, or a word has other letters than a-z.
    """
    letters = byte_letters()
    pairs: dict[tuple[str, str], None] = {}
    for character in characters:
        if len(character) != 1:
            raise ConfigError(f"{character!r} is not one character: give single characters")
        _grow([letters[byte] for byte in character.encode()], pairs)
    for word in words:
        if not (word.isascii() and word.isalpha() and word.islower()):
            raise ConfigError(f"{word!r} cannot be a word token: use letters a-z only, without spaces")
        _grow([_SPACE, *word], pairs)
    _grow([_SPACE, '"'], pairs)
    _grow([_SPACE, "'"], pairs)
    return list(pairs)


def _grow(letters: Sequence[str], pairs: dict[tuple[str, str], None]) -> None:
    left = letters[0]
    for letter in letters[1:]:
        pairs.setdefault((left, letter), None)
        left += letter


def _with_template_words(words: Iterable[str]) -> list[str]:
    """Template words first, then the caller's, none of which may lengthen a stem of the templates."""
    chosen = dict.fromkeys(TEMPLATE_WORDS)
    for word in words:
        if word.startswith(SPLIT):
            raise ConfigError(f"{word!r} cannot be a word token: the templates need it split; leave it out")
        chosen.setdefault(word, None)
    return list(chosen)


def build_tokenizer(folder: Path, characters: Iterable[str], words: Iterable[str]) -> dict[str, int]:
    """Write a tokenizer folder that transformers' `Qwen2Tokenizer.from_pretrained` reads.

    Args:
        folder: where `vocab.json`, `merges.txt` and the three settings files go; made when missing.
        characters: characters of more than one byte that shall be one token each (punctuation is added).
        words: lower-case words that shall be one token after a space (the templates' are added).

    Returns:
        Every token's id: the vocabulary, then `SPECIALS`, then `CHUNKS`.

    Raises:
        ConfigError: a character or a word cannot be a token.
    """
    pairs = merges_for(dict.fromkeys([*PUNCTUATION, *characters]), _with_template_words(words))
    names = [*byte_letters().values(), *(left + right for left, right in pairs)]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    added = {name: len(vocabulary) + number for number, name in enumerate((*SPECIALS, *CHUNKS))}
    decoder = {
        str(number): {
            "content": name, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
            "special": name in SPECIALS,
        }
        for name, number in added.items()
    }  # fmt: skip
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "unk_token": None, "bos_token": None}
    settings = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": decoder,
        "additional_special_tokens": list(SPECIALS[1:]),
        "clean_up_tokenization_spaces": False,
        "errors": "replace",
        "model_max_length": 32768,
        "padding_side": "right",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
    } | ends
    special_map = {"additional_special_tokens": list(SPECIALS[1:])} | {k: v for k, v in ends.items() if v}
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", vocabulary)
    _write_json(folder / "added_tokens.json", added)
    _write_json(folder / "tokenizer_config.json", settings)
    _write_json(folder / "special_tokens_map.json", special_map)
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in pairs)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return vocabulary | added


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
