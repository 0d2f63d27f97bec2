from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.dpg_questions import Question, read

HEAD = (
    "item_id,text,keywords,proposition_id,dependency,category_broad,category_detailed,tuple,question_natural_language"
)
TABLE = f"""{HEAD}
a,"A cube, red","cube",1,0,entity,whole,entity - whole (cube),Is there a cube?
a,"A cube, red","cube, red",2,1,attribute,color,"attribute - color (cube, red)","Is the cube red, or not?"
b,Two things,,1,0,global,,global - (photo),Is it a photo?
b,Two things,,2,"1, 3",relation,spatial,"relation - spatial (x, y)",Is x on y?
a,"A cube, red","cube",3,0,other,text,"other - text (cube, ""HI"")",Does it say HI?
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "dpg_bench.csv"
    path.write_text(TABLE, "utf-8")
    return path


def test_rows_become_questions_with_what_they_presuppose(path: Path) -> None:
    table = read(path)
    assert list(table) == ["a", "b"]
    assert table["a"] == [
        Question(1, (), "entity", "Is there a cube?"),
        Question(2, (1,), "attribute", "Is the cube red, or not?"),
        Question(3, (), "other", "Does it say HI?"),
    ]
    assert table["b"][0].category == "global"
    assert table["b"][1].parents == (1, 3)


def test_the_script_skips_the_first_question_and_forgets_rows_that_stand_apart(path: Path) -> None:
    # prepare_dpg_data of the official script gives ids [3] and [1, 2] for this file (run apart from this repository).
    table = read(path, official_compat=True)
    assert {item: [question.id for question in questions] for item, questions in table.items()} == {
        "b": [1, 2],
        "a": [3],
    }


def test_a_question_survives_a_file(path: Path) -> None:
    question = read(path)["b"][1]
    assert Question.from_dict(json.loads(json.dumps(question.to_dict()))) == question


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dependency", "depends", r"dpg_bench\.csv has no column 'dependency'"),
        ('"1, 3"', "1;3", r"line 5: proposition_id '2' and dependency '1;3' must be a number"),
        ("cube,1,0", "cube,one,0", "proposition_id 'one'"),
    ],
)
def test_another_table_is_refused_with_its_line(path: Path, old: str, new: str, message: str) -> None:
    path.write_text(TABLE.replace('"cube",1', "cube,1").replace(old, new), "utf-8")
    with pytest.raises(RequestError, match=message):
        read(path)
