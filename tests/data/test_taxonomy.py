from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.data.taxonomy import DOMAINS, leaf_called, leaves, place
from hanmo.errors import ConfigError


def test_the_tree_has_all_domains_and_every_leaf_speaks_both_languages() -> None:
    found = leaves()
    assert {leaf.domain for leaf in found} == set(DOMAINS)
    assert len(found) > 140
    for leaf in found:
        assert len(leaf.path) == len(leaf.chinese) == 3
        assert any(word.isascii() for word in leaf.words)
        assert any(not word.isascii() for word in leaf.words)


@pytest.mark.parametrize(
    ("caption", "leaf"),
    [
        ("a puppy asleep in the sun-dried straw", "dogs"),
        ("一只可爱的小狗", "dogs"),
        ("two bowls of ice cream", "sweets"),
        ("an old castle", "historic buildings"),
        ("two women smiling at each other, portrait of women", "women"),
        ("一张音乐节的海报", "posters"),
        ("a bar chart of yearly sales", "charts"),
        ("rows of boxes full of cherries, a cherry on top", "fruit"),
        ("一位医生和一位护士", "health workers"),
        ("dog face", "dogs"),
        ("狗脸", "dogs"),
        ("a face", "faces and smileys"),
    ],
)
def test_captions_in_both_languages_find_their_leaf(caption: str, leaf: str) -> None:
    found = place([caption])
    assert found is not None
    assert found.leaf.path[-1] == leaf


def test_words_that_stand_in_the_picture_do_not_say_what_it_shows() -> None:
    found = place(['a poster that says "CATS AND DOGS"'])
    assert found is not None
    assert found.leaf.path[-1] == "posters"
    assert found.confidence == 1.0
    assert place(["写着“小狗”"]) is None


def test_a_longer_word_hides_the_shorter_one_in_it() -> None:
    found = place(["ice cream"])
    assert found is not None
    assert found.words == ("ice cream",)


def test_english_words_count_whole_and_in_the_plural_only() -> None:
    assert place(["a category of carpets"]) == place(["carpets"])
    found = place(["foxes"])
    assert found is not None
    assert found.words == ("fox",)


def test_confidence_is_the_share_of_the_evidence() -> None:
    both = place(["a cat", "a violin, two violins"])
    assert both is not None
    assert both.leaf.path[-1] == "music instruments"
    assert both.confidence == pytest.approx(12 / 15)


def test_leaves_are_found_by_name_and_by_path() -> None:
    assert leaf_called("dogs") is leaf_called("nature/animals/dogs") is not None
    assert leaf_called("no such thing") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nature = 自然\n    dogs = 狗\n", "line 2"),
        ("plants = 植物\n", "none of nature, design"),
        ("nature = 自然\n  a = 动\n    dogs 狗\n", "write 'name = "),
        ("nature = 自然\n  dogs = 狗\n  dogs = 狗\n", "stands there twice"),
        ("# nothing\n", "no category"),
    ],
)
def test_a_tree_that_is_none_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "tree.txt"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=message):
        leaves(file)


def test_a_tree_of_ones_own_is_used(tmp_path: Path) -> None:
    file = tmp_path / "tree.txt"
    file.write_text("design = 设计\n  cars = 汽车 | roadster | 跑车\n", "utf-8")
    found = place(["a roadster"], file)
    assert found is not None
    assert found.leaf.name == "design/cars"
