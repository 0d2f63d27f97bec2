from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from colours import Colours, Painter, nearest, solid
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.generators.folder import FolderGenerator
from hanmo.evaluate.generators.protocol import Order
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.plan import RunOptions
from hanmo.evaluate.run import evaluate
from hanmo.evaluate.types import Prompt


def save(path: Path, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    solid(colour, 0).save(path)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("p-77.png", 2),
        ("p/2.png", 2),
        ("p/002.jpg", 2),
        ("p/samples/0002.png", 2),
        ("p.webp", 0),
        ("p.PNG", 0),
    ],
)
def test_pictures_are_found_by_every_documented_name(tmp_path: Path, name: str, number: int) -> None:
    save(tmp_path / name, "blue")
    save(tmp_path / "q.png", "red")
    generator = FolderGenerator(tmp_path)
    order = Order(Prompt("p", ""), number, 77)
    generator.check([order])
    (picture,) = generator.paint([order], [[]])
    assert isinstance(picture, Image.Image)
    assert nearest(picture) == "blue"


def test_a_missing_picture_is_named_in_one_line(tmp_path: Path) -> None:
    save(tmp_path / "p.png", "red")
    generator = FolderGenerator(tmp_path)
    orders = [Order(Prompt(id, ""), number, 70 + number) for id in ("p", "q") for number in (0, 1)]
    with pytest.raises(
        RequestError, match=r"lacks picture 1 of the prompt p, nor those of 2 more: looked for p-71.png"
    ):
        generator.check(orders)
    with pytest.raises(RequestError, match="does not exist"):
        FolderGenerator(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match="holds no picture"):
        FolderGenerator(tmp_path / "empty")


def test_what_a_folder_says_of_itself_changes_with_its_pictures_alone(tmp_path: Path) -> None:
    save(tmp_path / "a" / "p.png", "red")
    before = FolderGenerator(tmp_path / "a", "theirs").describe()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert FolderGenerator(tmp_path / "b", "theirs").describe() == before
    save(tmp_path / "b" / "p.png", "green")
    assert FolderGenerator(tmp_path / "b", "theirs").describe() != before


def test_a_run_of_the_pictures_of_another_run_has_its_figures(tmp_path: Path) -> None:
    options = RunOptions(seed=4, limit=4, images=1, draws=5)
    wrong = Painter(wrong=frozenset({"red-0", "red-1"}))
    first = evaluate(Colours(), wrong, Judges(), tmp_path, tmp_path / "one", options).report
    theirs = FolderGenerator(tmp_path / "one" / "pictures")
    second = evaluate(Colours(), theirs, Judges(), tmp_path, tmp_path / "two", options).report
    assert first is not None
    assert second is not None
    assert first.metrics == second.metrics
    assert first.metrics["right"].value == 0.75
    (tmp_path / "one" / "pictures").rename(tmp_path / "moved")
    next((tmp_path / "moved").iterdir()).unlink()
    with pytest.raises(RequestError, match="lacks picture 0 of the prompt"):
        evaluate(Colours(), FolderGenerator(tmp_path / "moved"), Judges(), tmp_path, tmp_path / "three", options)
    assert not (tmp_path / "three").exists()
