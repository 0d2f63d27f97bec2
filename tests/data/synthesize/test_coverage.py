from __future__ import annotations

from pathlib import Path

import pytest

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, bold_sibling, characters, faces, missing, suits
from hanmo.data.synthesize.fonts import font_path
from hanmo.errors import RequestError


@pytest.fixture(scope="session")
def dejavu() -> tuple[FontFace, ...]:
    return faces(font_path("en", "serif").parent)


@pytest.fixture(scope="session")
def noto() -> tuple[FontFace, ...]:
    return faces(font_path("zh", "sans").parent)


def test_a_font_draws_what_its_map_says_and_nothing_else(dejavu: tuple[FontFace, ...]) -> None:
    face = next(face for face in dejavu if face.name == "DejaVu Serif Bold")
    assert missing("Reading Room, 9–5 “é”", face) is None
    outcome = missing("Room 国 and 龙", face)
    assert outcome == MissingGlyph("国", "DejaVu Serif Bold"), "the first one that is missing"
    assert "DejaVu Serif Bold has no U+56FD '国'" in str(outcome)


def test_a_collection_holds_a_face_for_each_index(noto: tuple[FontFace, ...]) -> None:
    face = next(face for face in noto if face.family == "Noto Sans CJK SC" and face.bold)
    assert face.index == 2
    assert {"龘", "一", " "} <= characters(face)
    assert missing("\U00020164", face) is None, "beyond the basic plane"
    assert (face.kind, face.italic, face.design) == ("sans", False, "Noto Sans CJK")


def test_faces_of_other_regions_do_not_set_simplified_chinese(noto: tuple[FontFace, ...]) -> None:
    able = {face.family for face in noto if "Bold" in face.style and "Sans" in face.family and suits(face, "zh")}
    assert able == {"Noto Sans CJK SC", "Noto Sans Mono CJK SC"}


def test_a_latin_font_sets_no_chinese_and_a_font_for_formulas_nothing(dejavu: tuple[FontFace, ...]) -> None:
    plain = next(face for face in dejavu if face.name == "DejaVu Serif Bold")
    assert suits(plain, "en")
    assert not suits(plain, "zh")
    assert not suits(FontFace(plain.path, 0, "DejaVu Math TeX Gyre", "Regular"), "en")


def test_the_bold_sibling_is_of_the_same_family(noto: tuple[FontFace, ...]) -> None:
    face = next(face for face in noto if face.family == "Noto Serif CJK SC" and not face.bold)
    assert bold_sibling(face, noto).name == "Noto Serif CJK SC Bold"
    assert bold_sibling(face, (face,)) is face


def test_a_folder_without_fonts_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="holds no font; put files in it"):
        faces(tmp_path)
    with pytest.raises(RequestError, match="is no folder"):
        faces(tmp_path / "nothing")
    (tmp_path / "letters.ttf").write_bytes(b"not a font")
    with pytest.raises(RequestError, match=r"letters\.ttf cannot be read as a font"):
        faces(tmp_path)
