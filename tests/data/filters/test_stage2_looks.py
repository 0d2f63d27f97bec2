"""The operators of stage 2 give what `quality` measures, under names that recipes know, once for each picture."""

from __future__ import annotations

import pickle
from dataclasses import asdict

import numpy as np
import pytest
from faults import FAULTS
from procedural import file_of, pixels, scene

from hanmo.data.filters import quality
from hanmo.data.filters.stage2_looks import OPERATORS, Rotation, quality_of
from hanmo.data.operator import Operator, measured, operator_key
from hanmo.data.record import Record, make_record

SCORES = {
    "rotation": ("degrees", "mirrored"),
    "clarity": ("variance",),
    "luma": ("luma", "dark", "bright"),
    "saturation": ("saturation",),
    "entropy": ("bits",),
    "texture": ("edges",),
}


def record(seed: int, **options: object) -> Record:
    return make_record(file_of(scene(seed, 700, 300), "png", **options))


def test_every_operator_of_the_report_is_there_under_its_name() -> None:
    made: list[Operator] = [kind() for kind in OPERATORS.values()]
    assert {operator.name: operator.scores for operator in made} == SCORES
    assert list(OPERATORS) == list(SCORES)
    assert len({operator_key(operator) for operator in made}) == 6
    assert pickle.loads(pickle.dumps(made)) == made


def test_the_scores_are_the_measures_of_the_upright_picture() -> None:
    one = record(3)
    scores = {
        f"{name}.{score}": value
        for name, kind in OPERATORS.items()
        for score, value in measured(kind(), one).scores.items()
    }
    wanted = asdict(quality.measure(pixels(scene(3, 700, 300))))
    names = {"clarity": "clarity.variance", "entropy": "entropy.bits", "texture": "texture.edges"}
    names |= {"luma": "luma.luma", "dark": "luma.dark", "bright": "luma.bright", "saturation": "saturation.saturation"}
    assert scores == {"rotation.degrees": 0.0, "rotation.mirrored": 0.0} | {names[k]: v for k, v in wanted.items()}


def test_five_operators_share_one_measurement() -> None:
    one, other = record(4), record(5)
    first = quality_of(one)
    assert quality_of(one) is first
    assert quality_of(other) is not first


@pytest.mark.parametrize(
    ("orientation", "degrees", "mirrored"),
    [(1, 0, 0), (2, 0, 1), (3, 180, 0), (4, 180, 1), (5, 270, 1), (6, 90, 0), (7, 90, 1), (8, 270, 0)],
)
def test_rotation_is_what_exif_asks_for(orientation: int, degrees: int, mirrored: int) -> None:
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation]) + bytes(6)
    found = measured(Rotation(), make_record(file_of(scene(1), "jpeg", exif=exif)))
    assert found.scores == {"degrees": degrees, "mirrored": mirrored}


def test_a_broken_picture_fails_every_operator_with_its_reason() -> None:
    torn = make_record(FAULTS["broken"](scene(1), np.random.default_rng(0)))
    for kind in OPERATORS.values():
        assert "no picture: " in measured(kind(), torn).failure
