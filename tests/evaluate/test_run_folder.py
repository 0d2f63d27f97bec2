from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.run_folder import (
    Planned,
    append,
    check_id,
    digest,
    keep_report,
    picture_path,
    read_header,
    read_lines,
    read_prompts,
    read_report,
    read_results,
    read_settings,
    source_path,
    source_paths,
    write_json,
    write_picture,
    write_prompts,
)
from hanmo.evaluate.types import Interval, Prompt, Report, Score


def test_prompts_come_back_as_they_were(tmp_path: Path) -> None:
    planned = [
        Planned(Prompt("a", "汉墨 \n\u2028 card", "edit", {"texts": ["墨"]}, {"tag": "x"}, (64, 32)), (5, 6)),
        Planned(Prompt("b", ""), (1,)),
    ]
    write_prompts(tmp_path, planned)
    assert read_prompts(tmp_path) == planned


def test_places_are_named_by_id_and_seed(tmp_path: Path) -> None:
    assert picture_path(tmp_path, "a-1", 7) == tmp_path / "pictures" / "a-1-7.png"
    (tmp_path / "sources").mkdir()
    for number in range(2):
        write_picture(source_path(tmp_path, "a", number), Image.new("RGB", (2, 2)))
    write_picture(source_path(tmp_path, "a-0", 0), Image.new("RGB", (2, 2)))
    assert [path.name for path in source_paths(tmp_path, "a")] == ["a-0.png", "a-1.png"]
    for bad in ("", "..", ".a", "a b", "a/b", "字"):
        with pytest.raises(RequestError, match="cannot name a file"):
            check_id(bad)


def test_a_line_behind_a_torn_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append(path, {"n": 1})
    with path.open("ab") as file:
        file.write(b'{"n": "' + b"x" * 100_000)
    assert read_lines(path) == [{"n": 1}]
    append(path, {"n": 2})
    assert path.read_bytes() == b'{"n": 1}\n{"n": 2}\n'
    path.write_bytes(b'{"torn')
    assert read_lines(path) == []
    append(path, {"n": 3})
    assert read_lines(path) == [{"n": 3}]


def test_damage_in_the_middle_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "judged-0.jsonl"
    path.write_bytes(b'{"a": 1}\nrubbish\n{"b": 1}\n')
    with pytest.raises(RequestError, match=r"judged-0.jsonl is damaged"):
        read_lines(path)
    path.write_bytes(b"")
    with pytest.raises(RequestError, match="has no first line"):
        read_header(path)
    for read in (read_settings, read_prompts):
        with pytest.raises(RequestError, match="is no run of an evaluation"):
            read(tmp_path)
    with pytest.raises(RequestError, match=r"has no report.json: run: hanmo eval report"):
        read_report(tmp_path)
    (tmp_path / "report.json").write_text('{"metrics": 3}')
    with pytest.raises(RequestError, match="is damaged"):
        read_report(tmp_path)


def test_figures_that_nobody_knows_are_null_on_disk_and_nan_when_read(tmp_path: Path) -> None:
    metrics = {"a": Interval(math.nan, math.nan, math.nan), "b": Interval(0.5, 0.25, 0.75)}
    keep_report(tmp_path, Report("x", "X", False, {}, {}, {"seed": 1}, 2, 4, 1, 4, metrics))
    assert '"value": null' in (tmp_path / "report.json").read_text()
    found = read_report(tmp_path)
    assert math.isnan(found.metrics["a"].value)
    assert found.metrics["b"] == metrics["b"]
    assert found.unjudged_share == 0.25


def test_results_are_those_of_the_runs_own_prompts_and_seeds(tmp_path: Path) -> None:
    write_prompts(tmp_path, [Planned(Prompt("a", ""), (1,)), Planned(Prompt("b", ""), (2,))])
    path = tmp_path / "judged-1.jsonl"
    with pytest.raises(RequestError, match="has not been judged yet: run: hanmo eval judge"):
        read_results(tmp_path)
    append(path, {"judges": {}})
    right, old = Score({"v": 1.0}).to_dict(), Score({"v": 0.0}).to_dict()
    for id, seed, score in (("a", 1, old), ("a", 1, right), ("b", 3, old), ("c", 4, old)):
        append(path, {"id": id, "seeds": [seed], "asked": "", "scores": [score]})
    (result,) = read_results(tmp_path)
    assert (result.prompt.id, result.values("v")) == ("a", [1.0])


def test_a_digest_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1}) != digest({"a": 1, "b": [3]})
    write_json(tmp_path / "x.json", {"b": (1, math.inf)})
    assert (tmp_path / "x.json").read_text().split() == ["{", '"b":', "[", "1,", "null", "]", "}"]
