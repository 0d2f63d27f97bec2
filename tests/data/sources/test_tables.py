from __future__ import annotations

import random
from pathlib import Path

import pytest
from tiny_pictures import write_folder

from hanmo.config import from_mapping
from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.shards import write_shard
from hanmo.data.sources.cards import CardSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.tables import KINDS, open_source
from hanmo.data.sources.tables_read import SourceTable
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.errors import ConfigError, RequestError


@pytest.fixture(autouse=True)
def fonts() -> None:
    """The fonts of the cards; tests are skipped where one is not installed."""
    try:
        for script, font in FACES:
            font_path(script, font)
    except RequestError as missing:
        pytest.skip(str(missing))


def table(**values: object) -> SourceTable:
    return from_mapping(values, KINDS[str(values["kind"])])


def records(source: SourceTable, seed: int = 0) -> list[Record]:
    return [item for item in open_source(source, seed) if isinstance(item, Record)]


def test_every_kind_opens_and_its_records_say_name_licence_and_domain(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 4)
    folder = table(kind="folder", name="grey", path=tmp_path / "pictures", licence="CC0-1.0", domain="design", count=3)
    found = records(folder)
    assert [(one.source, one.licence, one.metadata["domain"]) for one in found] == [("grey", "CC0-1.0", "design")] * 3
    write_shard(tmp_path / "a.tar", found)
    tar = table(kind="tar", name="tar", paths=[tmp_path / "a.tar"], language="en")
    assert [one.id for one in records(tar)] == [one.id for one in found]
    paper = {"kind": "paragraphs", "name": "text", "count": 2, "look": {"width": 128, "height": 128, "smallest": 8}}
    for drawn in (table(kind="cards", name="cards", count=2), table(**paper)):
        assert [one.metadata["domain"] for one in open_source(drawn, 0) if isinstance(one, Record)] == ["synthetic"] * 2


def test_a_record_that_names_its_domain_keeps_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 1)
    (tmp_path / "pictures" / "000.json").write_text('{"domain": "people"}', encoding="utf-8")
    (one,) = records(table(kind="folder", name="a", path=tmp_path / "pictures", domain="nature"))
    assert one.metadata["domain"] == "people"


def test_a_drawn_set_depends_on_its_seed_alone_and_begins_with_the_smaller_one() -> None:
    few, more = (records(table(kind="cards", name="cards", count=count), seed=3) for count in (3, 6))
    assert more[:3] == few
    assert records(table(kind="cards", name="cards", count=3, seed=3), seed=9) == few
    assert records(table(kind="cards", name="cards", count=3), seed=4) != few


def test_captions_of_cards_say_their_language() -> None:
    found = list(CardSource(60, seed=1))
    assert {caption.language for one in found for caption in one.captions} == {"en", "zh"}
    for one in found:
        caption, text = one.captions[0], one.metadata["card"]["text"]
        chinese = any("\u4e00" <= char <= "\u9fff" for char in caption.text.replace(text, ""))
        assert chinese == (caption.language == "zh"), caption


def test_a_paragraph_that_cannot_be_drawn_is_a_reject_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("A short line.\n\nOne glyph \U0001f9ff that no font has.\n", encoding="utf-8")
    small = ParagraphConfig(128, 128, 8, title=0.0)
    source = ParagraphSource(12, 5, chinese=0.0, texts={"en": tmp_path / "en.txt"}, config=small)
    found = list(source)
    rejects = [item for item in found if isinstance(item, Reject)]
    assert {(one.kind, "U+1F9FF" in one.reason) for one in rejects} == {("undrawn", True)}
    assert found == list(source)
    first = next(iter(ParagraphSource(1, random.Random(1).randrange(9), chinese=1.0, config=small)))
    assert isinstance(first, Record)
    assert [caption.language for caption in first.captions] == ["zh", "en"]
    assert all(line["text"] in first.captions[0].text for line in first.metadata["lines"] if len(line["text"]) < 4)


def test_what_no_set_can_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="it must be 1 or more, or 'none'"):
        table(kind="folder", name="a", path=Path(), count=0)
    with pytest.raises(ConfigError, match="an empty name"):
        table(kind="folder", name=" ", path=Path())
    with pytest.raises(ConfigError, match="share of Chinese paragraphs is 2"):
        ParagraphSource(1, 0, chinese=2.0)
    with pytest.raises(RequestError, match="a sentence a line"):
        next(iter(ParagraphSource(1, 0, texts={"en": Path("gone.txt")})))
