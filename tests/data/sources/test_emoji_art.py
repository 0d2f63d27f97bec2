from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from emoji_files import APPLE, DARK_WAVE, DOG, PICTURES, WAVE, write_names
from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib import newTable
from fontTools.ttLib.tables.BitmapGlyphMetrics import SmallGlyphMetrics
from fontTools.ttLib.tables.C_B_D_T_ import cbdt_bitmap_format_17
from fontTools.ttLib.tables.E_B_L_C_ import BitmapSizeTable, SbitLineMetrics, Strike, eblc_index_sub_table_1
from tiny_pictures import png

from hanmo.data.look import picture_of
from hanmo.data.record import Caption, Record
from hanmo.data.rejects import Reject
from hanmo.data.sources import Source
from hanmo.data.sources.emoji_art import ART, EmojiArtSource, drawn, fetch_emoji_art
from hanmo.data.sources.emoji_font import font_pictures
from hanmo.data.sources.emoji_names import emoji_names
from hanmo.errors import ConfigError, RequestError


def fluent(tmp_path: Path) -> EmojiArtSource:
    names, files = write_names(tmp_path / "names"), tmp_path / "art"
    (files / "assets").mkdir(parents=True)
    for path in PICTURES.glob("*.webp"):
        (files / "assets" / path.name).write_bytes(path.read_bytes())
    return EmojiArtSource("fluent-3d", names, files)


def test_names_need_both_languages_and_variants_follow_their_base(tmp_path: Path) -> None:
    names = emoji_names(write_names(tmp_path))
    assert [name.code for name in names] == [DOG, APPLE, WAVE, DARK_WAVE]  # neither the couple nor the letter
    assert [name.tone for name in names] == [False, False, False, True]
    assert (names[0].text, names[0].zh, names[0].group, names[0].subgroup) == (
        "🐶",
        "狗脸",
        "animals-nature",
        "animal-mammal",
    )
    assert names[3].tags_zh == ("tag of 挥手",)


def test_a_record_keeps_the_files_bytes_and_says_whose_it_is(tmp_path: Path) -> None:
    source = fluent(tmp_path)
    assert isinstance(source, Source)
    dog, apple = list(source)
    assert isinstance(dog, Record)
    assert dog.image == (PICTURES / "1f436.webp").read_bytes()
    assert dog.captions[:2] == (Caption("dog face", "raw", "en"), Caption("狗脸", "raw", "zh"))
    assert {caption.origin for caption in dog.captions[2:]} == {"synthetic"}
    assert (dog.source, dog.licence) == ("emoji-fluent-3d", "MIT")
    assert dog.metadata["where"] == "art/assets/1f436.webp"
    assert dog.metadata["code"] == DOG
    assert dog.metadata["group"] == "animals-nature"
    assert "Microsoft" in dog.metadata["attribution"]
    assert isinstance(apple, Record)
    assert list(source) == [dog, apple]  # every reading is the same


def test_the_ground_is_white_as_the_caption_says(tmp_path: Path) -> None:
    dog = next(iter(fluent(tmp_path)))
    assert isinstance(dog, Record)
    assert "on a white background" in dog.captions[2].text
    assert (picture_of(dog)[0, 0] == 255).all()


def test_a_file_that_is_no_picture_becomes_a_reject(tmp_path: Path) -> None:
    source = fluent(tmp_path)
    (source.files / "assets" / "1f436.webp").write_bytes(b"<html>")
    dog, apple = list(source)
    assert isinstance(dog, Reject)
    assert dog.kind == "no_picture"
    assert isinstance(apple, Record)


def test_another_folder_than_the_sets_is_refused(tmp_path: Path) -> None:
    source = fluent(tmp_path)
    with pytest.raises(RequestError, match="holds no fluent-3d art"):
        list(EmojiArtSource("fluent-3d", source.names, tmp_path))
    with pytest.raises(RequestError, match="names of emoji are missing"):
        list(EmojiArtSource("fluent-3d", tmp_path, source.files))


def test_unknown_sets_are_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose from fluent-3d"):
        fetch_emoji_art(tmp_path / "new", ("fluent",))
    assert not (tmp_path / "new").exists()


def test_every_set_has_a_licence_and_says_whom_to_name() -> None:
    assert {name: art.licence for name, art in ART.items()} == {
        "fluent-3d": "MIT",
        "openmoji": "CC-BY-SA-4.0",
        "twemoji": "CC-BY-4.0",
        "noto": "OFL-1.1",
    }
    assert all(art.attribution for art in ART.values())


def test_drawings_become_transparent_pictures() -> None:
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><rect x="2" width="2" height="4" fill="red"/></svg>'
    )
    if importlib.util.find_spec("resvg_py") is None:
        with pytest.raises(RequestError, match="pip install resvg-py"):
            drawn(svg, 64)
        return
    record = Record("", drawn(svg, 64), "png")
    pixels = np.asarray(picture_of(record))
    assert pixels.shape == (64, 64, 3)
    assert (pixels[:, :30] == 255).all()
    assert (pixels[:, 34:] == (255, 0, 0)).all()


def test_a_drawing_that_refers_to_other_files_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="not loaded"):
        drawn(b'<svg><image href="/etc/passwd"/></svg>', 64)


def colour_font(path: Path, pictures: dict[str, bytes]) -> Path:
    """A font of bitmaps: DOG, WAVE, and the ligature of DARK_WAVE with a U+FE0F between."""
    order = [".notdef", "dog", "wave", "dark", "selector", "darkwave"]
    builder = FontBuilder(1024, isTTF=True)
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({0x1F436: "dog", 0x1F44B: "wave", 0x1F3FF: "dark", 0xFE0F: "selector"})
    addOpenTypeFeaturesFromString(builder.font, "feature ccmp { sub wave selector dark by darkwave; } ccmp;")
    font = builder.font
    font["CBDT"], font["CBLC"] = newTable("CBDT"), newTable("CBLC")
    font["CBDT"].version = font["CBLC"].version = 3.0
    glyphs = {}
    for name, data in pictures.items():
        glyph = cbdt_bitmap_format_17(b"", font)
        glyph.metrics, glyph.imageData = SmallGlyphMetrics(), data
        for field in ("height", "width", "BearingX", "BearingY", "Advance"):
            setattr(glyph.metrics, field, 8)
        glyphs[name] = glyph
    font["CBDT"].strikeData = [glyphs]
    strike, index = Strike(), eblc_index_sub_table_1(b"", font)
    index.names, index.indexFormat, index.imageFormat = [name for name in order if name in glyphs], 1, 17
    table = strike.bitmapSizeTable = BitmapSizeTable()
    for direction in ("hori", "vert"):
        metrics = SbitLineMetrics()
        for name in _LINE:
            setattr(metrics, name, 0)
        setattr(table, direction, metrics)
    for name, value in {"colorRef": 0, "startGlyphIndex": 1, "endGlyphIndex": 5, "bitDepth": 32, "flags": 1}.items():
        setattr(table, name, value)
    table.ppemX = table.ppemY = 8
    strike.indexSubTables, font["CBLC"].strikes = [index], [strike]
    font.save(path)
    return path


_LINE = (
    "ascender", "descender", "widthMax", "caretSlopeNumerator", "caretSlopeDenominator", "caretOffset",
    "minOriginSB", "minAdvanceSB", "maxBeforeBL", "minAfterBL", "pad1", "pad2",
)  # fmt: skip


def test_a_fonts_bitmaps_come_out_as_they_went_in(tmp_path: Path) -> None:
    pictures = {"dog": png(10), "wave": png(20), "darkwave": png(30)}
    path = colour_font(tmp_path / "font.ttf", pictures)
    wanted = {(0x1F436,), (0x1F44B,), (0x1F44B, 0x1F3FF), (0x1F34E,)}
    assert dict(font_pictures(path, wanted)) == {
        (0x1F436,): pictures["dog"],
        (0x1F44B,): pictures["wave"],
        (0x1F44B, 0x1F3FF): pictures["darkwave"],
    }
    names = write_names(tmp_path / "names")
    records = list(EmojiArtSource("noto", names, path, tones=True))
    assert [record.metadata["code"] for record in records if isinstance(record, Record)] == [DOG, WAVE, DARK_WAVE]
    assert len(list(EmojiArtSource("noto", names, path))) == 2


def test_a_file_that_is_no_font_of_bitmaps_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font at all")
    with pytest.raises(RequestError, match="cannot be read as a colour font"):
        list(font_pictures(tmp_path / "a.ttf", {(0x1F436,)}))
    builder = FontBuilder(1024, isTTF=True)
    builder.setupGlyphOrder([".notdef"])
    builder.setupCharacterMap({})
    builder.font.save(tmp_path / "b.ttf")
    with pytest.raises(RequestError, match="holds no bitmaps"):
        list(font_pictures(tmp_path / "b.ttf", {(0x1F436,)}))
