"""One run on a Ray cluster that is started for it, since that takes ten seconds and a gigabyte or two."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra ray")

from tiny_pictures import Brightness, BrightnessConfig, Fatal, FatalConfig, png, write_folder

from hanmo.data.collect import CollectConfig, collect
from hanmo.data.layout import shards_of
from hanmo.data.operator import Threshold
from hanmo.data.ray_engine import RayConfig, RayGroup, on_ray
from hanmo.data.record import content_id
from hanmo.data.run import RunConfig, Summary, run
from hanmo.data.sources.folder import FolderSource
from hanmo.data.stage import Stage
from hanmo.errors import ConfigError, HanmoError, RequestError


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore")  # Ray warns of its own settings
def test_a_cluster_gives_the_same_bytes_as_this_machine_also_where_workers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))  # so that actors find tiny_pictures

    write_folder(tmp_path / "pictures", 8)
    collect([FolderSource(tmp_path / "pictures")], tmp_path / "in", CollectConfig(items_per_shard=2))
    tars = shards_of(tmp_path / "in")
    brightness = Brightness(BrightnessConfig(tmp_path / "calls"))
    fatal = Fatal(FatalConfig(content_id(png(50)), "exit"))
    stage = Stage((brightness, fatal), {"brightness": {"mean": Threshold(low=15.0)}})
    local = run(tars, tmp_path / "local", stage, RunConfig(workers=1))
    assert local == Summary(kept=5, rejected=3, measured=12, untouched=0)
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)
    try:
        engine = on_ray(RayConfig(groups=(RayGroup(("brightness",)),)))
        calls = brightness.calls
        # The worker that died over a record had measured brightness too; here that had been done by another group.
        assert run(tars, tmp_path / "ray", stage, RunConfig(workers=1), engine) == replace(local, measured=14)
        assert tree(tmp_path / "ray") == tree(tmp_path / "local")
        assert brightness.calls == 2 * calls, "its group of actors measured it, and nobody else"
        assert run(tars, tmp_path / "ray", stage, RunConfig(workers=1), engine).untouched == 4
        with pytest.raises(ConfigError, match="leave the address out"):
            run(tars, tmp_path / "other", stage, RunConfig(workers=1), on_ray(RayConfig(address="auto")))
        (tmp_path / "in" / "00002" / "00002.tar").write_bytes(b"damaged")
        with pytest.raises(HanmoError, match=r"00002\.tar"):
            run(tars, tmp_path / "bad", stage, RunConfig(workers=1), on_ray(RayConfig()))
    finally:
        ray.shutdown()


@pytest.mark.parametrize("groups", [(RayGroup(("blur",)),), (RayGroup(("fatal",)), RayGroup(("fatal",)))])
def test_groups_must_be_of_the_stage(tmp_path: Path, groups: tuple[RayGroup, ...]) -> None:
    stage = Stage((Fatal(FatalConfig("", "say")),))
    with pytest.raises(ConfigError, match="group"):
        run([], tmp_path / "out", stage, RunConfig(), on_ray(RayConfig(groups=groups)))


def test_a_group_needs_something_to_work_with() -> None:
    for wrong in ({"operators": ()}, {"actors": 0}, {"cpus": 0.0}, {"gpus": -1.0}):
        with pytest.raises(ConfigError, match="a group needs"):
            RayGroup(**{"operators": ("a",), **wrong})  # type: ignore[arg-type]


def test_a_cluster_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    write_folder(tmp_path / "pictures", 1)
    collect([FolderSource(tmp_path / "pictures")], tmp_path / "in")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        engine = on_ray(RayConfig(address=f"127.0.0.1:{closed.getsockname()[1]}"))
        with pytest.raises(RequestError, match="no Ray cluster"):
            run(shards_of(tmp_path / "in"), tmp_path / "out", Stage(()), RunConfig(), engine)
