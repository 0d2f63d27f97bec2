import base64
import io
import re
from pathlib import Path

import numpy as np
from PIL import Image

from hanmo.evaluate.report.pictures import SIDE, Pictures


def drawn(path: Path, size: tuple[int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").resize(size).convert("RGB").save(path)
    return path


def test_a_picture_within_the_budget_is_in_the_page_and_links_to_its_file(tmp_path: Path) -> None:
    path = drawn(tmp_path / "pictures" / "a b#1.png", (900, 600))
    html = Pictures(tmp_path).frame(path, "words")
    (data,) = re.findall(r'src="data:image/webp;base64,([^"]+)"', html)
    copy = Image.open(io.BytesIO(base64.b64decode(data)))
    assert copy.size == (SIDE, 256)
    difference = np.asarray(copy, float) - np.asarray(Image.open(path).resize(copy.size), float)
    assert np.abs(difference).mean() < 3
    assert 'href="pictures/a%20b%231.png"' in html
    assert 'width="900" height="600"' in html


def test_beyond_the_budget_the_file_itself_is_read_when_it_is_scrolled_to(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "page", budget=1)
    (tmp_path / "page").mkdir()
    path = drawn(tmp_path / "run" / "a.png", (30, 20))
    assert "data:" in pictures.frame(path, "first")
    second = pictures.frame(path, "second")
    assert 'src="../run/a.png"' in second
    assert 'loading="lazy"' in second
    assert pictures.beside == 1


def test_what_cannot_be_shown_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    drawn(tmp_path / "torn.png", (300, 200))
    (tmp_path / "torn.png").write_bytes((tmp_path / "torn.png").read_bytes()[:200])
    pictures = Pictures(tmp_path)
    assert "cannot be read" in pictures.frame(tmp_path / "broken.png", "")
    assert "cannot be read" in pictures.frame(tmp_path / "torn.png", "")
    assert "is not there" in pictures.frame(tmp_path / "missing.png", "")
