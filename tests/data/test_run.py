"""Whole runs with real worker processes, which take a second each to start: few tests, each of several things."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_pictures import Brightness, BrightnessConfig, Fatal, FatalConfig, png, write_folder

from hanmo.data.collect import CollectConfig, collect
from hanmo.data.layout import read_success, rejects_in, shards_of
from hanmo.data.operator import Operator, Threshold
from hanmo.data.record import content_id
from hanmo.data.rejects import Reject, read_rejects
from hanmo.data.run import RunConfig, Summary, run
from hanmo.data.shards import read_shard
from hanmo.data.sources.folder import FolderSource
from hanmo.data.stage import Stage
from hanmo.errors import ConfigError, HanmoError, OutputError, RequestError

DARK = {"brightness": {"mean": Threshold(low=25.0)}}
ONE, TWO = RunConfig(workers=1), RunConfig(workers=2)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def shards(tmp_path: Path, count: int = 8, each: int = 2) -> list[Path]:
    write_folder(tmp_path / "pictures", count)
    collect([FolderSource(tmp_path / "pictures")], tmp_path / "in", CollectConfig(items_per_shard=each))
    return shards_of(tmp_path / "in")


def brightness(tmp_path: Path, pause: float = 0.0) -> Brightness:
    return Brightness(BrightnessConfig(tmp_path / "calls", pause=pause))


def rejects(folder: Path) -> list[Reject]:
    return [line for shard in shards_of(folder) for line in read_rejects(rejects_in(shard.parent))]


def test_runs_give_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    tars = shards(tmp_path)
    operator = brightness(tmp_path)
    assert run(tars, tmp_path / "one", Stage((operator,), DARK), ONE) == Summary(5, 3, measured=8, untouched=0)
    run(tars, tmp_path / "two", Stage((operator,), DARK), TWO)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert operator.calls == 16
    # A finished run is not touched; another threshold decides again from what is stored.
    assert run(tars, tmp_path / "two", Stage((operator,), DARK), TWO) == Summary(5, 3, measured=0, untouched=4)
    assert run(tars, tmp_path / "two", Stage((operator,)), ONE) == Summary(8, 0, measured=0, untouched=0)
    assert operator.calls == 16
    kept = [record.id for shard in shards_of(tmp_path / "two") for record in read_shard(shard)]
    assert kept == [content_id(png(10 * number)) for number in range(8)]


@pytest.mark.parametrize(("how", "code"), [("exit", 7), ("kill", -9)])
def test_a_poisoned_record_ends_in_the_rejects_and_the_run_goes_on(tmp_path: Path, how: str, code: int) -> None:
    victim = content_id(png(30))
    operators: tuple[Operator, ...] = (Fatal(FatalConfig(victim, how)), brightness(tmp_path))
    summary = run(shards(tmp_path, 6, each=3), tmp_path / "out", Stage(operators), TWO)
    assert (summary.kept, summary.rejected) == (5, 1)
    (line,) = rejects(tmp_path / "out")
    assert (line.id, line.kind, line.operator) == (victim, "failed", "fatal")
    assert line.reason == f"poisoned: 2 workers died over it (exit code {code})"
    assert operators[1].config.calls.stat().st_size == 6, "no other measurement was made twice"


def test_a_worker_that_is_killed_costs_no_record(tmp_path: Path) -> None:
    tars, marker = shards(tmp_path, 4), tmp_path / "marker"
    stage = Stage((Fatal(FatalConfig(content_id(png(10)), "kill", marker)),))
    run(tars, tmp_path / "killed", stage, TWO)
    assert marker.exists(), "no worker was killed"
    run(tars, tmp_path / "whole", stage, ONE)
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")
    assert rejects(tmp_path / "killed") == []


@pytest.mark.parametrize(
    ("how", "config", "reason"),
    [
        ("hang", RunConfig(workers=1, seconds=0.2), "poisoned: 2 workers died over it (exit code -9)"),
        ("memory", RunConfig(workers=1, memory=8 << 30), "MemoryError: it gave no reason"),
    ],
)
def test_an_operator_that_takes_too_much_is_stopped(tmp_path: Path, how: str, config: RunConfig, reason: str) -> None:
    stage = Stage((Fatal(FatalConfig(content_id(png(0)), how)),))
    run(shards(tmp_path, 1), tmp_path / "out", stage, config)
    assert [(line.operator, line.reason) for line in rejects(tmp_path / "out")] == [("fatal", reason)]


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tiny_pictures import Brightness, BrightnessConfig
from hanmo.data.layout import shards_of
from hanmo.data.operator import Threshold
from hanmo.data.run import RunConfig, run
from hanmo.data.stage import Stage
top = Path({top!r})
stage = Stage((Brightness(BrightnessConfig(top / "calls", pause=0.05)),), {{"brightness": {{"mean": Threshold(25.0)}}}})
run(shards_of(top / "in"), top / "killed", stage, RunConfig(workers=2))
"""


def test_a_run_whose_parent_is_killed_goes_on_to_the_same_bytes(tmp_path: Path, root: Path) -> None:
    tars = shards(tmp_path, 24)
    script = PARENT.format(tests=str(root / "tests"), top=str(tmp_path))
    path = os.pathsep.join([str(root / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}) as parent:
        while not list((tmp_path / "killed").glob("*/_SUCCESS")):
            assert parent.poll() is None, "the run ended before it was killed"
            time.sleep(0.01)
        parent.send_signal(signal.SIGKILL)
    calls, quiet = -1, brightness(tmp_path, pause=0.05)
    while calls != quiet.calls:  # the workers end with their parent
        calls = quiet.calls
        time.sleep(0.5)
    assert read_success(tmp_path / "killed") is None, "the run was whole before it was killed"
    stage = Stage((quiet,), DARK)
    assert run(tars, tmp_path / "killed", stage, TWO).untouched > 0
    run(tars, tmp_path / "whole", stage, TWO)
    assert tree(tmp_path / "killed") == tree(tmp_path / "whole")


class Unsendable(Brightness):
    """Dies wherever it arrives."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (3,)


def test_workers_that_die_before_any_record_stop_the_run(tmp_path: Path) -> None:
    stage = Stage((Unsendable(BrightnessConfig(tmp_path / "calls")),))
    with pytest.raises(HanmoError, match="without being at a record"):
        run(shards(tmp_path, 1), tmp_path / "out", stage, ONE)


def test_what_cannot_be_run_is_said_before_any_work(tmp_path: Path) -> None:
    tars, stage = shards(tmp_path, 2), Stage((brightness(tmp_path),))
    with pytest.raises(ConfigError, match="workers is 0"):
        RunConfig(workers=0)
    with pytest.raises(ConfigError, match="did you mean 'brightness'"):
        run(tars, tmp_path / "out", Stage(stage.operators, {"brightnes": {}}), ONE)
    with pytest.raises(RequestError, match="different names"):
        run([*tars, *tars], tmp_path / "out", stage, ONE)
    with pytest.raises(RequestError, match="give shards that"):
        run([tmp_path / "gone.tar"], tmp_path / "out", stage, ONE)
    (tmp_path / "out" / "other").mkdir()
    with pytest.raises(RequestError, match="holds other"):
        run(tars, tmp_path / "out", stage, ONE)
    with pytest.raises(OutputError, match="does not exist"):
        run(tars, tmp_path / "no" / "out", stage, ONE)


def test_damage_in_a_shard_stops_the_run_with_one_line(tmp_path: Path) -> None:
    (tar,) = shards(tmp_path, 2)
    tar.write_bytes(tar.read_bytes()[:3000])
    with pytest.raises(HanmoError, match="is damaged"):
        run([tar], tmp_path / "out", Stage((brightness(tmp_path),)), ONE)
