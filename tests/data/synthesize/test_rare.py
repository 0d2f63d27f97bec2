from __future__ import annotations

import pytest

from hanmo.data.synthesize.coverage import FontFace, file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.hanzi import hanzi, share
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.rare import rare_paragraph
from hanmo.errors import RequestError

CONFIG = ParagraphConfig(width=256, height=256, smallest=9)


@pytest.fixture(scope="session")
def chinese() -> FontFace:
    return next(face for face in file_faces(font_path("zh", "serif")) if face.family == "Noto Serif CJK SC")


@pytest.mark.parametrize("index", [0, 57, 199])
def test_a_picture_draws_all_characters_of_its_share(index: int, chinese: FontFace) -> None:
    outcome = rare_paragraph(index, 200, 1, 7, (chinese,), CONFIG)
    drawn = "".join(line.text for line in outcome.lines)
    assert [char for char in drawn if char in hanzi()] == list(share(index, 200, 1, 7))
    assert outcome == rare_paragraph(index, 200, 1, 7, (chinese,), CONFIG)


def test_too_much_for_the_picture_or_the_font_is_refused(chinese: FontFace) -> None:
    with pytest.raises(RequestError, match=r"810 characters do not fit 128x128 pixels at 14 px; make more pictures"):
        rare_paragraph(0, 10, 1, 7, (chinese,), ParagraphConfig(width=128, height=128))
    latin = file_faces(font_path("en", "serif"))[0]
    with pytest.raises(RequestError, match=r"none of the 1 fonts has all characters of picture 0 .for one, DejaVu"):
        rare_paragraph(0, 200, 1, 7, (latin,), CONFIG)
    with pytest.raises(RequestError, match="9000 pictures are more than there are characters to show"):
        rare_paragraph(0, 9000, 1, 7, (chinese,), CONFIG)
