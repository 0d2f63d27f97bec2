"""Stages 1 and 2 as they run, on pictures with one planted fault each: does each operator drop its own, and no others?

Recall counts the pictures whose fault an operator must see; precision counts, of all that it drops, those whose fault
it may see (`faults.GUILTY`). The thresholds are those that a recipe for pictures of about 300 pixels would state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from faults import FAULTS, GUILTY, clean
from procedural import scene

from hanmo.data.filters import stage1_files, stage2_looks
from hanmo.data.filters.duplicate_table import NONE, LookOperator, duplicate_table
from hanmo.data.filters.stage1_files import Broken, Duplicates, FileSize, Resolution
from hanmo.data.layout import rejects_in, shard_in
from hanmo.data.operator import Threshold
from hanmo.data.record import Record, Verdict, make_record, record_from_json
from hanmo.data.rejects import read_rejects
from hanmo.data.shards import read_shard, write_shard
from hanmo.data.stage import Stage, Task, run_shard

EACH = 20
SIZE = (320, 240)
THRESHOLDS: Mapping[str, Mapping[str, Threshold]] = {
    "broken": {"readable": Threshold(low=1.0)},
    "file_size": {"bytes_per_pixel": Threshold(low=0.035)},
    "resolution": {"short_side": Threshold(low=96.0), "aspect_ratio": Threshold(high=4.0)},
    "duplicates": {"distance": Threshold(low=float(NONE))},
    "rotation": {"degrees": Threshold(high=0.0), "mirrored": Threshold(high=0.0)},
    "clarity": {"variance": Threshold(low=15.0)},
    "luma": {"luma": Threshold(low=0.1), "bright": Threshold(high=0.3)},
    "saturation": {"saturation": Threshold(low=0.12)},
    "entropy": {"bits": Threshold(low=1.5)},
    "texture": {"edges": Threshold(high=0.6)},
}


def planted() -> dict[str, tuple[str, Record]]:
    """Id -> the fault ("" for none) and the record: EACH of every fault, and four times as many without."""
    made: dict[str, tuple[str, Record]] = {}
    for number, name in enumerate(FAULTS):
        for k in range(EACH):
            rng = np.random.default_rng([number, k])
            picture = scene(1000 * number + k, *SIZE)
            files = {name: FAULTS[name](picture, rng)}
            if name == "copied":
                files[""] = clean(picture, rng)
            for fault, image in files.items():
                one = make_record(image, metadata={"fault": fault})
                made[one.id] = fault, one
    for k in range(3 * EACH):
        one = make_record(clean(scene(999_000 + k, *SIZE), np.random.default_rng(k)))
        made[one.id] = "", one
    return made


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, tuple[Verdict, ...]]]:
    """Of every picture: its fault, the operator under which it was booked ("" if kept), and all its verdicts."""
    folder = tmp_path_factory.mktemp("planted")
    made = planted()
    ids = sorted(made)  # by the hash of their bytes: shuffled
    tars = [folder / "0.tar", folder / "1.tar"]
    for tar, some in zip(tars, (ids[::2], ids[1::2]), strict=True):
        write_shard(tar, (made[one][1] for one in some))
    (folder / "set").mkdir()
    tasks = [Task(tar, folder / "set" / tar.stem) for tar in tars]
    looks = tuple(kind() for kind in stage2_looks.OPERATORS.values())
    first = (Broken(), FileSize(), Resolution(), LookOperator())
    for task in tasks:
        run_shard(task, Stage((*first, *looks)))
    duplicates = Duplicates(duplicate_table(tars, folder / "set", folder / "table.npy"))
    found = []
    for task in tasks:
        run_shard(task, Stage((*first, duplicates, *looks), THRESHOLDS))
        found += [(made[one.id][0], "", one.verdicts) for one in read_shard(shard_in(task.place))]
        for line in read_rejects(rejects_in(task.place)):
            fault, record = made[line.id]
            found.append((fault, line.operator, record_from_json(line.record, record.image).verdicts))
    assert len(found) == len(made)
    return found


@pytest.mark.parametrize("operator", [name for name in THRESHOLDS if name != "broken"])
def test_an_operator_drops_the_faults_that_it_must_and_no_others(
    operator: str, verdicts: list[tuple[str, str, tuple[Verdict, ...]]]
) -> None:
    must = hit = dropped = right = 0
    for fault, _, given in verdicts:
        out = any(verdict.operator == operator and verdict.outcome == "dropped" for verdict in given)
        own = fault != "" and GUILTY[fault][0] == operator
        must, hit = must + own, hit + (own and out)
        dropped, right = dropped + out, right + (out and fault != "" and operator in GUILTY[fault])
    assert must >= EACH
    assert hit / must >= 0.95, f"recall {hit}/{must}"
    assert right / dropped >= 0.95, f"precision {right}/{dropped}"


def test_a_broken_file_is_booked_as_broken_and_nothing_else_is(
    verdicts: list[tuple[str, str, tuple[Verdict, ...]]],
) -> None:
    booked = Counter((fault, operator) for fault, operator, _ in verdicts)
    assert booked["broken", "broken"] == EACH
    assert sum(count for (_, operator), count in booked.items() if operator == "broken") == EACH
    for fault, _, given in verdicts:
        assert fault == "broken" or all(verdict.outcome != "failed" for verdict in given), fault


def test_clean_pictures_are_kept(verdicts: list[tuple[str, str, tuple[Verdict, ...]]]) -> None:
    kept = [operator == "" for fault, operator, _ in verdicts if fault == ""]
    assert len(kept) == 4 * EACH
    assert sum(kept) / len(kept) >= 0.95


def test_every_deterministic_operator_of_both_stages_has_a_fault_of_its_own() -> None:
    names = {*stage1_files.OPERATORS, *stage2_looks.OPERATORS} - {"look", "nsfw"}
    assert {guilty[0] for guilty in GUILTY.values()} == names == set(THRESHOLDS)
    assert set(GUILTY) == set(FAULTS)
