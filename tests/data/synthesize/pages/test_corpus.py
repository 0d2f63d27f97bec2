from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.data.synthesize.pages.corpus import builtin, parse, read
from hanmo.data.synthesize.pages.document import suits
from hanmo.data.synthesize.pages.template import builtin as templates
from hanmo.errors import RequestError


@pytest.mark.parametrize("script", ["en", "zh"])
def test_every_topic_serves_every_template(script: str) -> None:
    topics = builtin(script)
    assert len(topics) >= 8
    assert [
        (topic.name, template.name) for topic in topics for template in templates() if not suits(template, topic)
    ] == []


@pytest.mark.parametrize("script", ["en", "zh"])
def test_no_entry_stands_twice_in_its_slot(script: str) -> None:
    repeated = [
        (topic.name, slot)
        for topic in builtin(script)
        for slot, found in topic.slots.items()
        if len(set(found)) < len(found)
    ]
    assert repeated == []


def test_a_file_of_the_users_takes_the_place_of_topics_and_may_lack_common_words(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\n== Ada's Books\ntitle: One / Two\nitem: Atlas | Large | $9.00\n", encoding="utf-8")
    (topic,) = read(path, "en")
    assert topic.name == "Ada's Books"
    assert topic.slots["title"] == ("One", "Two")
    assert topic.slots["name"] == ("Ada's Books",)
    assert topic.slots["total"] == ("Total",)


def test_a_line_that_is_no_entry_is_named_with_its_number() -> None:
    with pytest.raises(RequestError, match="mine, line 2: 'title One'"):
        parse("== A\ntitle One", "en", "mine")
    with pytest.raises(RequestError, match="line 1"):
        parse("title: One", "en", "mine")


def test_a_corpus_without_a_topic_a_missing_file_and_an_unknown_script_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.txt"
    path.write_text("== common\nlink: Home\n", encoding="utf-8")
    with pytest.raises(RequestError, match="holds no topic"):
        read(path, "en")
    with pytest.raises(RequestError, match="cannot be read"):
        read(tmp_path / "missing.txt", "en")
    with pytest.raises(RequestError, match="choose en or zh"):
        builtin("fr")
