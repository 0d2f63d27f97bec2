from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer, Qwen2Tokenizer

from hanmo.errors import ConfigError
from hanmo.model import tokens
from hanmo.train.tiny_tokenizer import CHUNKS, SPECIALS, build_tokenizer

CHARACTERS = "你好世界春夏秋冬天地玄黄宇宙洪荒红蓝绿白黑黄色卡片文字写着背景改成把"
WORDS = [
    *("red", "blue", "green", "card", "letters", "change", "make", "sign", "says", "in", "big", "small"),
    *("left", "right", "them", "they", "hell", "world"),
]
QUOTED = [
    "HELLO",
    "the",
    "Red",
    "world",
    "background",
    "system",
    "Describe",
    "user",
    "color",
    "A1b2",
    "2024",
    "x",
]
CHINESE = ["你好", "天地玄黄", "春", "红卡片"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(path, CHARACTERS, WORDS)
    return path


@pytest.fixture(scope="module")
def tokenizer(folder):
    return Qwen2Tokenizer.from_pretrained(folder)


@pytest.mark.parametrize("kind", ["t2i", "edit", "edit_plus"])
@pytest.mark.parametrize("prompt", ['a red card with "HELLO"', "你好", " ", "\n", "user", "s", "2", '"the"', "（"])
def test_the_system_part_is_the_dropped_number_of_tokens_before_any_prompt(tokenizer, kind, prompt):
    pictures = 0 if kind == "t2i" else 1
    ids = tokenizer(tokens.fill(kind, prompt, pictures))["input_ids"]
    system = tokenizer(tokens.system_part(kind))["input_ids"]
    assert len(system) == tokens.DROP[kind]
    assert ids[: len(system)] == system


@pytest.mark.parametrize("quotes", ['""', "“”", "「」", "『』", "《》", "''", "‘’"])
@pytest.mark.parametrize("before", ["a card with ", "", "写着", "text:", "把文字改成 "])
def test_each_quoted_character_is_one_token(tokenizer, quotes, before):
    for word in QUOTED + CHINESE:
        text = f"{before}{quotes[0]}{word}{quotes[1]}, big"
        spans = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        begin = len(before) + 1
        inside = [span for span in spans if span[1] > begin and span[0] < begin + len(word)]
        assert inside == [(begin + place, begin + place + 1) for place in range(len(word))]


def test_a_common_word_after_a_space_is_one_token(tokenizer):
    for word in [*WORDS, "text", "background", "with", "the"]:
        assert tokenizer.tokenize(f"x {word}") == ["x", f"Ġ{word}"]


def test_every_character_of_the_list_is_one_token_anywhere(tokenizer):
    assert len(tokenizer.tokenize(CHARACTERS + "，。“”")) == len(CHARACTERS) + 4


def test_any_text_comes_back_from_its_tokens(tokenizer):
    for text in ["naïve café 🎨", "龘靐齉", "a\tb\n\nc", 'say "it\'s" (color, size)']:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_saving_and_loading_keeps_every_id(tokenizer, folder, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    texts = [tokens.fill("t2i", f'a red card with the text "{word}" 写着') for word in QUOTED + CHINESE]
    expected = tokenizer(texts)["input_ids"]
    for again in (
        AutoTokenizer.from_pretrained(tmp_path),
        Qwen2Tokenizer.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(folder),
    ):
        assert again(texts)["input_ids"] == expected
        assert again.pad_token == "<|endoftext|>"
        assert again.eos_token == "<|im_end|>"
        assert again.padding_side == "right"


def test_ids_are_those_of_the_files(tokenizer, folder):
    ids = build_tokenizer(folder, CHARACTERS, WORDS)
    assert tokenizer.get_vocab() == ids
    assert sorted(ids.values()) == list(range(len(ids)))
    added = json.loads((folder / "added_tokens.json").read_text("utf-8"))
    assert list(added) == [*SPECIALS, *CHUNKS]


def test_repeated_characters_and_words_change_nothing(folder, tmp_path):
    build_tokenizer(tmp_path, CHARACTERS * 2, WORDS + WORDS)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("characters", "words", "message"),
    [
        (["你好"], [], "one character"),
        ([], ["Red"], "a-z"),
        ([], ["two words"], "a-z"),
        ([], ["features"], "split"),
    ],
)
def test_what_cannot_be_one_token_is_refused(tmp_path, characters, words, message):
    with pytest.raises(ConfigError, match=message):
        build_tokenizer(tmp_path, characters, words)
