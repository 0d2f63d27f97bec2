from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from emoji_files import write_packages
from tiny_pictures import png, write_folder

from hanmo.config import from_mapping
from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.pairs import Pair, pairs_of
from hanmo.data.record import Record
from hanmo.data.rejects import Reject
from hanmo.data.shards import write_shard
from hanmo.data.sources.cards import CardSource
from hanmo.data.sources.pairs import CardPairSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.tables import KINDS, open_source
from hanmo.data.sources.tables_read import SourceTable
from hanmo.data.synthesize.cards import Card, draw_array
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.hanzi import hanzi, share
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.sample import CardConfig, held_out
from hanmo.data.taxonomy import leaf_called
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


DRAWN: dict[str, dict[str, object]] = {
    "scenes": {"look": {"width": 256, "height": 256}},
    "pages": {},
    "pairs": {"look": {"width": 128, "height": 128}},
    "solids": {"look": {"width": 96, "height": 96}},
    "card_pairs": {},
}


@pytest.mark.parametrize("kind", DRAWN)
def test_every_drawn_kind_depends_on_its_seed_alone_and_has_a_place_in_the_tree(kind: str) -> None:
    few, more = (records(table(kind=kind, name=kind, count=count, **DRAWN[kind]), seed=3) for count in (1, 2))
    assert more[: len(few)] == few
    assert len(more) > len(few)
    for one in more:
        assert one.metadata["domain"] == "synthetic"
        assert leaf_called(f"synthetic/rendered text/{one.metadata[SYNTHESIS]}") is not None
        assert one.metadata["where"].startswith(f"{kind}#")
        assert {caption.language for caption in one.captions} <= {"en", "zh"}


def test_captions_of_scenes_and_pages_quote_what_is_written() -> None:
    (scene,) = records(table(kind="scenes", name="scenes", count=1, look={"width": 256, "height": 256}))
    for caption in scene.captions:
        assert all(line["text"] in caption.text for line in scene.metadata["lines"])
    (page,) = records(table(kind="pages", name="pages", count=1))
    title = page.metadata["lines"][0]["text"]
    assert [title in caption.text for caption in page.captions[:2]] == [True, True]
    assert len(page.captions) == 4


def test_pairs_are_read_back_whole_and_shapes_are_ours(tmp_path: Path) -> None:
    found = records(table(kind="pairs", name="pairs", count=4, look={"width": 128, "height": 128}))
    assert {one.licence for one in found} == {"CC0-1.0"}
    pairs = list(pairs_of(found))
    assert len(pairs) == 4
    assert all(isinstance(pair, Pair) for pair in pairs)

    art = table(kind="pairs", name="pairs", count=1, emoji=write_packages(tmp_path), sets=["fluent-3d"])
    with pytest.raises(RequestError, match="too few emoji for scenes"):
        records(art)


def test_pairs_of_cards_are_exact_worded_as_in_training_and_keep_held_out_strings_out() -> None:
    source = table(kind="card_pairs", name="edits", count=300, licence="Apache-2.0", repaint=0.1)
    items = list(open_source(source, 5))
    found = [one for one in items if isinstance(one, Record)]
    pairs = [pair for pair in pairs_of(found) if isinstance(pair, Pair)]
    assert len(pairs) == 300 - sum(isinstance(item, Reject) for item in items) > 270
    assert len({one.id for one in found}) == len(found)
    assert {one.licence for one in found} == {"Apache-2.0"}
    languages = set()
    for pair in pairs:
        before, after = (Card(**card) for card in pair.details["cards"])
        assert np.array_equal(pair.sources[0], draw_array(before))
        assert np.array_equal(pair.target, draw_array(after))
        assert (before == after) == (pair.kind == "repaint")
        assert not held_out(before.text)
        assert not held_out(after.text)
        (wish,) = pair.instructions
        assert pair.kind != "text" or after.text in wish.text
        languages.add((before.script, wish.language))
    assert {pair.kind for pair in pairs} == {"text", "color", "background", "repaint"}
    assert languages == {(script, said) for script in ("en", "zh") for said in ("en", "zh")}
    with pytest.raises(ConfigError, match=r"the source edits has repaint 2\.0; it must lie between 0 and 1"):
        table(kind="card_pairs", name="edits", repaint=2)


def test_of_two_pairs_with_one_picture_the_second_is_a_reject() -> None:
    look = CardConfig(chinese=0.0, longest_english=1, color=0.0, serif=0.0, small=0.0, placed=0.0)
    items = list(CardPairSource(60, 1, config=look))
    found = [one for one in items if isinstance(one, Record)]
    assert {item.kind for item in items if isinstance(item, Reject)} == {"repeat"}
    assert len({one.id for one in found}) == len(found)
    assert all(isinstance(pair, Pair) for pair in pairs_of(found)), "none has lost a picture to an earlier one"


def test_each_picture_shows_its_share_of_the_standards_characters() -> None:
    source = open_source(table(kind="rare", name="rare", count=400), seed=2)
    for number, one in enumerate(islice(source, 4)):
        assert isinstance(one, Record)
        written = "".join(line["text"] for line in one.metadata["lines"])
        assert sorted(char for char in written if char in hanzi()) == sorted(share(number, 400, 1, 2))
        assert one.captions[0].language == "zh"
    with pytest.raises(ConfigError, match="times must be 1 or more"):
        records(table(kind="rare", name="rare", count=200, times=0))


def test_emoji_are_read_where_the_command_left_them(tmp_path: Path) -> None:
    art = table(kind="emoji-art", name="art", path=write_packages(tmp_path / "art"), sets=["fluent-3d"], count=1)
    (dog,) = records(art)
    assert (dog.source, dog.licence, dog.metadata["art"]) == ("art", "MIT", "fluent-3d")
    assert [caption.text for caption in dog.captions[:2]] == ["dog face", "狗脸"]
    more = table(kind="emoji-art", name="art", path=tmp_path / "art", sets=["fluent-3d", "twemoji"])
    with pytest.raises(RequestError, match=r"fetch them with 'hanmo data fetch emoji-art .* --sets twemoji'"):
        records(more)
    with pytest.raises(ConfigError, match="says its own licence"):
        table(kind="emoji-art", name="art", path=tmp_path, licence="MIT")
    with pytest.raises(ConfigError, match="there is no art set 'fluent'"):
        table(kind="emoji-art", name="art", path=tmp_path, sets=["fluent"])


def test_a_folder_of_parquet_files_is_a_hub(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    row = {"image": [{"bytes": png(30), "path": None}], "caption": ["grey"]}
    pq.write_table(pa.table(row), tmp_path / "set" / "train.parquet")
    (one,) = records(table(kind="hub", name="grey", dataset=str(tmp_path / "set"), licence="MIT"))
    assert (one.image, one.source, one.licence, one.captions[0].text) == (png(30), "grey", "MIT", "grey")


def test_a_list_that_was_not_fetched_says_how(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("http://a.example/1.png\n", encoding="utf-8")
    with pytest.raises(RequestError, match="answers"):
        records(table(kind="urls", name="web", file=tmp_path / "list.txt", answers=tmp_path / "answers.sqlite"))
