import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from canned_judge import CannedVLM, in_order, judges
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.gedit import GROUPS, GEdit
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.types import Prompt, Result, Score

GROUP, OTHER = "color_alter", "subject-add"


def png(color: str, size: tuple[int, int]) -> dict[str, object]:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{color}.png"}


def table(raw: bool = True) -> pa.Table:
    """Four rows in the schema of the data set: two edits in both languages."""
    columns = {
        "task_type": [GROUP, GROUP, OTHER, OTHER],
        "key": ["a1", "a2", "b1", "b2"],
        "instruction": ["make it blue", "变蓝", "add a cat", "加一只猫"],
        "instruction_language": ["en", "cn", "en", "cn"],
        "input_image": [png(color, (32, 24)) for color in ("red", "red", "green", "green")],
        "Intersection_exist": [True, True, False, True],
    }
    if raw:
        columns["input_image_raw"] = [png(color, (64, 48)) for color in ("red", "red", "green", "green")]
    return pa.table(columns)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "gedit" / "data").mkdir(parents=True)
    pq.write_table(table(), tmp_path / "gedit" / "data" / "train-00000.parquet", row_group_size=1)
    return tmp_path


def test_it_is_a_benchmark_of_the_catalog() -> None:
    assert isinstance(benchmark("gedit-cn", official_compat=True), Benchmark)
    assert benchmark("gedit-cn").name == "gedit-cn"


def test_the_prompts_of_one_language_come_with_their_group(data: Path) -> None:
    prompts = GEdit("cn").load(data)
    assert [(prompt.id, prompt.text, prompt.task) for prompt in prompts] == [
        ("a2", "变蓝", "edit"),
        ("b2", "加一只猫", "edit"),
    ]
    assert prompts[0].groups == {"task": GROUP, "intersection": "yes"}


@pytest.mark.parametrize("kind", ["parquet", "stream", "file"])
@pytest.mark.parametrize("raw", [True, False])
def test_the_generator_is_given_the_raw_picture_where_there_is_one(tmp_path: Path, kind: str, raw: bool) -> None:
    folder = tmp_path / "gedit"
    folder.mkdir()
    if kind == "parquet":
        pq.write_table(table(raw), folder / "a.parquet", row_group_size=3)
    else:
        create = pa.ipc.new_stream if kind == "stream" else pa.ipc.new_file
        with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, create(sink, table(raw).schema) as writer:
            writer.write_table(table(raw), max_chunksize=3)
    (_, prompt) = GEdit("cn").load(tmp_path)
    (source,) = GEdit("cn").sources(prompt, tmp_path)
    assert source.size == ((64, 48) if raw else (32, 24))
    assert source.getpixel((0, 0)) == (0, 128, 0)


def test_each_picture_is_rated_against_the_smaller_source(data: Path) -> None:
    prompt = GEdit().load(data)[0]
    vlm = in_order('{"score": [7, 8]}', '{"score": [6, 9]}', '{"score": [9, 9]}', "no", "no", "no")
    pictures = [Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64))]
    first, second = GEdit().judge(prompt, pictures, judges(vlm), data)
    assert first.values == pytest.approx({"SC": 7, "PQ": 6, "O": 6.4807}, abs=5e-5)
    assert vlm.asked[0][0] == [(32, 24), (32, 24)]
    assert second.picture == 1
    assert second.values == {}
    assert "no usable answer" in (second.unjudged or "")


def result(group: str, shared: bool, *scores: Score) -> Result:
    prompt = Prompt("x", "", "edit", {}, {"task": group, "intersection": "yes" if shared else "no"})
    return Result(prompt, tuple(range(len(scores))), scores)


def rated(sc: float, pq: float) -> Score:
    return Score({"SC": float(sc), "PQ": float(pq), "O": (sc * pq) ** 0.5})


def test_the_table_is_the_mean_of_the_groups_means() -> None:
    # by hand: the first group has O (8 + 2) / 2 = 5, the second 6, so O is 5.5 and not (8 + 2 + 6) / 3;
    # SC (8 + 1) / 2 = 4.5 and 9; the unjudged one counts nowhere
    found = GEdit().summary(
        [
            result(GROUP, True, rated(8, 8)),
            result(GROUP, False, rated(1, 4)),
            result(GROUP, True, Score({}, unjudged="silent")),
            result(OTHER, True, rated(9, 4)),
        ]
    )
    assert next(iter(found)) == "O"
    assert found["O"] == pytest.approx(5.5)
    assert found["SC"] == pytest.approx(6.75)
    assert found["PQ"] == pytest.approx(5.0)
    assert found["intersection O"] == pytest.approx(7.0)
    assert (found[f"O {GROUP}"], found[f"O {OTHER}"]) == (5.0, 6.0)
    assert len(GROUPS) == 11


def test_a_missing_data_set_is_named_with_the_way_to_it(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="hf download stepfun-ai/GEdit-Bench"):
        GEdit().load(tmp_path)


def test_another_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gedit").mkdir()
    pq.write_table(pa.table({"key": ["a"]}), tmp_path / "gedit" / "a.parquet")
    with pytest.raises(RequestError, match="no column 'task_type'"):
        GEdit().load(tmp_path)


def test_compat_reads_what_the_default_refuses(data: Path) -> None:
    prompt = GEdit().load(data)[0]
    picture = [Image.new("RGB", (8, 8))]
    always = CannedVLM(lambda sizes, question: "[7, 8]")
    (strict,) = GEdit().judge(prompt, picture, judges(always), data)
    (lenient,) = GEdit(official_compat=True).judge(prompt, picture, judges(always), data)
    assert strict.unjudged is not None
    assert lenient.values == {"SC": 7.0, "PQ": 7.0, "O": 7.0}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "gedit").mkdir()
    (tmp_path / "gedit" / "a.parquet").write_bytes(b"half a file")
    with pytest.raises(RequestError, match=r"a\.parquet cannot be read"):
        GEdit().load(tmp_path)
    (tmp_path / "gedit" / "a.parquet").unlink()
    (tmp_path / "gedit" / "a.arrow").write_bytes(b"half a file")
    with pytest.raises(RequestError, match=r"a\.arrow cannot be read"):
        GEdit().load(tmp_path)


def test_a_cell_without_a_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "gedit").mkdir()
    empty = table(raw=False).to_pydict() | {"input_image": [{"bytes": None, "path": "a.png"}] * 4}
    pq.write_table(pa.table(empty), tmp_path / "gedit" / "a.parquet")
    with pytest.raises(RequestError, match="row 0: input_image holds no picture"):
        GEdit().sources(GEdit().load(tmp_path)[0], tmp_path)
