"""The table of near duplicates: the best of each group stays, whatever the shards, the workers and the threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from procedural import file_of, scene

from hanmo.data.filters.duplicate_table import (
    NONE,
    DuplicatesConfig,
    LookOperator,
    duplicate_table,
    nearest_better,
)
from hanmo.data.filters.duplicates import LookIndex
from hanmo.data.filters.stage1_files import Broken, Duplicates, with_duplicates
from hanmo.data.layout import begin, shards_of, write_success
from hanmo.data.operator import Threshold, measured
from hanmo.data.record import Record, make_record
from hanmo.data.rejects import read_rejects
from hanmo.data.run import RunConfig, run
from hanmo.data.shards import read_shard, write_shard
from hanmo.data.stage import Stage, Task, run_shard
from hanmo.errors import ConfigError, HanmoError, RequestError

DROP_NEAR = {"duplicates": {"distance": Threshold(low=float(NONE))}}


def copy(seed: int, scale: float, kind: str = "jpeg", quality: int = 80) -> Record:
    picture = scene(seed)
    size = (round(picture.width * scale), round(picture.height * scale))
    return make_record(file_of(picture.resize(size, Image.Resampling.LANCZOS), kind, quality=quality))


# Three groups of one, two and three pictures; the best of each is the first here.
ALONE = [copy(1, 1.0)]
TWO = [copy(2, 1.2, "webp"), copy(2, 1.0)]
THREE = [copy(3, 1.5, "jpeg", 70), copy(3, 1.0, "jpeg", 95), copy(3, 1.0, "jpeg", 60)]
BEST = {ALONE[0].id, TWO[0].id, THREE[0].id}
TORN = make_record(file_of(scene(4))[:-300])


def looked(folder: Path, shards: list[list[Record]]) -> tuple[list[Path], Path]:
    """Shards with these records, and the set in which the operator `look` has seen them."""
    source, made = folder / "in", folder / "out"
    source.mkdir()
    made.mkdir()
    tars = []
    for number, records in enumerate(shards):
        begin(source / f"{number:05d}")
        tars.append(source / f"{number:05d}" / f"{number:05d}.tar")
        write_shard(tars[-1], records)
        write_success(source / f"{number:05d}", {})
        run_shard(Task(tars[-1], made / tars[-1].stem), Stage((LookOperator(),)))
    write_success(source, {})
    return tars, made


def found_in(table: DuplicatesConfig, records: list[Record]) -> dict[str, tuple[int, str]]:
    return {record.id: nearest_better(record, table) for record in records}


def test_the_best_of_each_group_has_no_better_one_and_the_others_name_it(tmp_path: Path) -> None:
    everything = [*THREE[::-1], *TWO[::-1], *ALONE]
    tars, made = looked(tmp_path, [everything[:2], everything[2:]])
    table = duplicate_table(tars, made, tmp_path / "table.npy")
    found = found_in(table, everything)
    assert {name for name, (distance, _) in found.items() if distance == NONE} == BEST
    assert found[TWO[1].id][1] == TWO[0].id
    assert found[THREE[2].id][1] in {THREE[0].id, THREE[1].id}
    assert all(other == "" for distance, other in found.values() if distance == NONE)


def test_the_table_does_not_depend_on_shards_or_their_order(tmp_path: Path) -> None:
    everything = [*ALONE, *TWO, *THREE]
    tables = []
    for name, shards in (("a", [everything]), ("b", [everything[3:], everything[:1], everything[:0:-1][3:]])):
        (tmp_path / name).mkdir()
        tars, made = looked(tmp_path / name, shards)
        tables.append(duplicate_table(tars[::-1], made, tmp_path / name / "table.npy"))
    assert tables[0].content == tables[1].content
    assert (tmp_path / "a" / "table.npy").read_bytes() == (tmp_path / "b" / "table.npy").read_bytes()


def test_no_two_that_stay_are_near_and_no_group_is_lost_at_any_threshold(tmp_path: Path) -> None:
    """A long chain of pictures, each near the next: what hangs together keeps at least its best."""
    start, end = (np.asarray(scene(seed), np.float32) for seed in (11, 12))
    mixed = [Image.fromarray(np.rint(start + (end - start) * k / 60).astype(np.uint8)) for k in range(61)]
    chain = [make_record(file_of(one.resize((160 + k * 7 % 61, 120)))) for k, one in enumerate(mixed)]
    tars, made = looked(tmp_path, [chain])
    table = duplicate_table(tars, made, tmp_path / "table.npy")
    nearest = [nearest_better(record, table)[0] for record in chain]
    assert nearest[max(range(61), key=lambda k: k * 7 % 61)] == NONE, "the largest is the best"
    looks = [LookOperator().measure(record).metadata for record in chain]
    bits = [int(one["bits"], 16) for one in looks]
    for threshold in range(NONE):
        stay = [k for k, distance in enumerate(nearest) if distance > threshold]
        for number, a in enumerate(stay):
            for b in stay[:number]:
                levels = max(abs(x - y) for x, y in zip(looks[a]["color"], looks[b]["color"], strict=True))
                assert (bits[a] ^ bits[b]).bit_count() > threshold or levels > 8
    assert 1 < sum(distance == NONE for distance in nearest) < 20


def test_a_table_that_is_there_is_not_built_again_and_another_set_s_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tars, made = looked(tmp_path, [[*TWO, *ALONE], THREE])
    first = duplicate_table(tars, made, tmp_path / "table.npy")
    part = duplicate_table(tars[:1], made, tmp_path / "part.npy")
    assert len({first.content, part.content}) == 2
    (tmp_path / "table.json").write_text("{}")  # killed between the two files
    assert duplicate_table(tars, made, tmp_path / "table.npy") == first
    assert duplicate_table(tars[:1], made, tmp_path / "table.npy").content == part.content
    monkeypatch.delattr(LookIndex, "add")
    assert duplicate_table(tars[:1], made, tmp_path / "part.npy") == part
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in",
        "out",
        "part.json",
        "part.npy",
        "table.json",
        "table.npy",
    ]


def test_an_empty_set_has_a_table_too(tmp_path: Path) -> None:
    tars, made = looked(tmp_path, [[TORN]])
    table = duplicate_table(tars, made, tmp_path / "table.npy")
    with pytest.raises(HanmoError, match="does not know this picture"):
        nearest_better(TORN, table)


def test_what_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    tars, made = looked(tmp_path, [TWO, [*ALONE, TWO[0]]])
    with pytest.raises(RequestError, match=f"the picture {TWO[0].id} is in the set twice"):
        duplicate_table(tars, made, tmp_path / "table.npy")
    with pytest.raises(RequestError, match=r"holds no looks of 00000\.tar: run the operator `look`"):
        duplicate_table(tars, tmp_path, tmp_path / "table.npy")
    table = duplicate_table(tars[:1], made, tmp_path / "table.npy")
    with pytest.raises(RequestError, match="is another table than 00"):
        Duplicates(DuplicatesConfig(table.table, "00"))
    operator = Duplicates(table)
    table.table.write_bytes(table.table.read_bytes()[:-8] + b"\1" * 8)
    assert "is another table" in measured(operator, TWO[0]).failure
    with pytest.raises(ConfigError, match=r"thresholds.duplicates.near belongs to nothing"):
        with_duplicates(tars, made, Stage((), {"duplicates": {"near": Threshold()}}), tmp_path / "t.npy")


def test_a_stage_with_duplicates_is_the_same_with_one_worker_and_with_two(tmp_path: Path) -> None:
    """And another threshold decides again, measuring nothing; a broken file is dropped for being broken."""
    tars, _ = looked(tmp_path, [[THREE[2], TORN, TWO[1]], [TWO[0], THREE[0]], [THREE[1], *ALONE]])
    stage = Stage((Broken(),), {"broken": {"readable": Threshold(low=1.0)}, **DROP_NEAR})
    for workers in (1, 2):
        folder, config = tmp_path / str(workers), RunConfig(workers=workers)
        whole = with_duplicates(tars, folder, stage, tmp_path / "table.npy", config)
        assert [operator.name for operator in whole.operators] == ["broken", "look", "duplicates"]
        assert run(tars, folder, whole, config).measured == 7, "only the new operator is asked"
    trees = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "1", tmp_path / "2")
    ]
    assert trees[0] == trees[1]
    shards = shards_of(tmp_path / "2")
    assert {record.id for shard in shards for record in read_shard(shard)} == BEST
    lines = {line.id: line for shard in shards for line in read_rejects(shard.parent / "rejects.parquet")}
    assert (lines[TORN.id].operator, lines[TORN.id].kind) == ("broken", "dropped")
    assert '"reason":"truncated"' in lines[TORN.id].record
    assert lines[TWO[1].id].operator == "duplicates"
    assert f'"duplicates":{{"of":"{TWO[0].id}"}}' in lines[TWO[1].id].record
    again = Stage(whole.operators, {"broken": {"readable": Threshold(low=1.0)}})
    assert run(tars, tmp_path / "2", again).measured == 0
    assert sum(1 for shard in shards for _ in read_shard(shard)) == 6
