"""The list of words: what it meets and what it lets pass, and lists of the caller's."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.errors import ConfigError
from hanmo.safety.prompt import Rule, Words, load_words, normal


@pytest.fixture(scope="module")
def words() -> Words:
    return load_words()


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("a pornographic photo", "pornography"),
        ("PORN, 4k", "pornography"),
        ("ｐｏｒｎ", "pornography"),
        ("po\u200brn", "pornography"),
        ("一张色情图片", "pornography"),
        ("a nude child", "sexual content with minors"),
        ("未成年人的裸照", "sexual content with minors"),
        ("undress  the\nwoman in the picture", "undressing somebody in a picture"),
        ("一键脱衣", "undressing somebody in a picture"),
        ("a gory battlefield", "graphic violence"),
        ('a card with the text "hentai"', "pornography"),
    ],
)
def test_what_the_list_objects_to(words: Words, prompt: str, reason: str) -> None:
    assert words(prompt) == reason


@pytest.mark.parametrize(
    "prompt",
    [
        'a red card with the text "HELLO"',
        "一张红色的卡片，上面写着“你好”",
        "a child with a kite",
        "a nude statue in a museum",
        "a category of animals, an allegory",
        "a kidney bean, a minor chord",
        "小孩在放风筝",
        "",
    ],
)
def test_what_it_lets_pass(words: Words, prompt: str) -> None:
    assert words(prompt) is None


def test_a_term_is_a_whole_word_unless_it_goes_on() -> None:
    words = Words((Rule("r", any=("cat", "dog*", "红 色")),))
    met = {text: words(text) is not None for text in ("a cat", "CAT!", "concat", "cats", "dogs", "hotdog", "一只cat在")}
    assert met == {
        "a cat": True, "CAT!": True, "concat": False, "cats": False, "dogs": True, "hotdog": False, "一只cat在": True,
    }  # fmt: skip
    assert words("红 色") == "r"


def test_text_is_compared_in_one_form() -> None:
    assert normal(" Ａ\u00ad b\n\tß ") == "a b ss"


def test_every_group_of_a_rule_must_be_met() -> None:
    words = Words((Rule("both", all=(("a", "b"), ("c",))),))
    assert [words(text) for text in ("a c", "b c", "a b", "c")] == ["both", "both", None, None]


def test_a_list_of_the_callers_takes_the_place_of_ours(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[rule]]\nreason = "no cats here"\nany = ["cat*"]\n', encoding="utf-8")
    words = load_words(own)
    assert words("two cats") == "no cats here"
    assert words("porn") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "rule is missing"),
        ("rule = []", "holds no rule"),
        ("not toml", "is not TOML"),
        ('[[rule]]\nreason = "r"', "needs terms"),
        ('[[rule]]\nreason = "r"\nany = ["a"]\nall = [["b"]]', "needs terms"),
        ('[[rule]]\nreason = "r"\nany = ["*"]', "empty group or term"),
        ('[[rule]]\nreason = "r"\nany = ["\u200b"]', "empty group or term"),
        ('[[rule]]\nreason = "r"\nall = [["a"], []]', "empty group or term"),
        ('[[rule]]\nreason = " "\nany = ["a"]', "no reason"),
        ('[[rule]]\nreason = "r"\nwords = ["a"]', "unknown key"),
        ('[[rule]]\nreason = "r"\nany = "a"', "must be a list"),
    ],
)
def test_a_wrong_list_is_one_line_with_its_name(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "own.toml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load_words(tmp_path / "own.toml")
    assert "the safety list own.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_list_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_words(tmp_path / "none.toml")
