from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from hanmo.errors import RequestError
from hanmo.train.files import RunFolder
from hanmo.train.metrics import Metrics
from hanmo.train.run_config import SERVICES
from hanmo.train.trackers import Service, open_trackers


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_not_installed_names_its_extra(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(name) is not None:
        pytest.skip(f"{name} is installed")
    with pytest.raises(RequestError, match=rf"{name} is not installed: pip install 'hanmo\[{name}\]'"):
        open_trackers([name], "run", RunFolder(tmp_path))


def test_wandb_offline_keeps_the_numbers_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with Metrics(tmp_path, 0, open_trackers(["wandb"], "run", RunFolder(tmp_path))) as metrics:
        metrics.scalars(1, {"loss": 1.0})
    assert list(tmp_path.glob("wandb/offline-run-*/run-*.wandb"))


def test_trackio_keeps_the_numbers_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("trackio") is None:
        pytest.skip("trackio is not installed")
    monkeypatch.delenv("TRACKIO_DIR", raising=False)
    with Metrics(tmp_path, 0, open_trackers(["trackio"], "run", RunFolder(tmp_path))) as metrics:
        metrics.scalars(1, {"loss": 1.0})
    assert list((tmp_path / "trackio").rglob("*.db"))


def test_a_service_that_fails_is_dropped_and_the_run_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def refuse(step: int, values: Mapping[str, float]) -> None:
        asked.append(step)
        raise ConnectionError("no network")

    service = Service("wandb", refuse, lambda: asked.append(99))
    with caplog.at_level(logging.WARNING, logger="hanmo"):
        for step in (1, 2):
            service.scalars(step, {"loss": 1.0})
        service.close()
    assert asked == [1]
    assert caplog.text.count("wandb is not told any more (ConnectionError: no network)") == 1
