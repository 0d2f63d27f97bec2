from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanmo.errors import WeightsError
from hanmo.weights.preferences import FILE_NAME, Preferences, read_preferences, write_preferences


def test_a_folder_without_the_file_has_the_published_values(tmp_path: Path) -> None:
    assert read_preferences(tmp_path) == Preferences()
    assert Preferences().default_size == (1024, 1024)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    preferences = Preferences(default_size=(256, 128), steps=12, cfg_scale=2.5, max_text=77)
    write_preferences(tmp_path, preferences)
    assert read_preferences(tmp_path) == preferences


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"step": 3}, "did you mean 'steps'"),
        ({"steps": "3"}, "whole number"),
        ({"steps": True}, "whole number"),
        ({"steps": 0}, "above 0"),
        ({"cfg_scale": 0.5}, "1 (guidance off) or more"),
        ({"default_size": [100, 64]}, "multiples of 16"),
        ({"default_size": 64}, "[width, height]"),
        ([], "JSON object"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, values: object, said: str) -> None:
    (tmp_path / FILE_NAME).write_text(json.dumps(values))
    with pytest.raises(WeightsError) as caught:
        read_preferences(tmp_path)
    assert said in str(caught.value)
    assert FILE_NAME in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(WeightsError, match="JSON"):
        read_preferences(tmp_path)
