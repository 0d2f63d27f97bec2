from __future__ import annotations

import pickle
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from hanmo.data.balance import Balance, BalanceOperatorConfig
from hanmo.data.filters.stage7_taxonomy import OPERATORS, SYNTHESIS, Taxonomy
from hanmo.data.operator import measured, operator_key
from hanmo.data.record import Caption, Record, make_record
from hanmo.errors import ConfigError


def record(caption: str, **metadata: object) -> Record:
    buffer = BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    return make_record(buffer.getvalue(), (Caption(caption),), metadata=metadata)


def test_operators_are_built_by_name_and_pickle() -> None:
    for name, operator in OPERATORS.items():
        made = operator()
        assert made.name == name
        assert operator_key(pickle.loads(pickle.dumps(made))) == operator_key(made)


def test_a_synthetic_picture_says_itself_what_drew_it() -> None:
    found = Taxonomy().measure(record("a dog in words", **{SYNTHESIS: "scenes"}))
    assert found.metadata["leaf"] == "synthetic/rendered text/scenes"
    assert found.scores == {"leaf": 1.0, "confidence": 1.0}
    assert "no leaf" in Taxonomy().measure(record("x", **{SYNTHESIS: "dreams"})).failure


def test_a_caption_of_no_category_scores_nothing() -> None:
    assert Taxonomy().measure(record("etwas Unbekanntes")).scores == {"leaf": 0.0, "confidence": 0.0}


def test_the_words_that_decided_are_kept() -> None:
    found = Taxonomy().measure(record("一只猫 beside a violin"))
    assert found.metadata == {"leaf": "nature/objects/music instruments", "domain": "nature", "words": ["violin"]}


def test_a_balance_without_a_plan_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="plan_balance"):
        Balance().measure(record("a dog"))
    gone = Balance(BalanceOperatorConfig(str(tmp_path / "gone.parquet"), "x"))
    assert "plan again" in measured(gone, record("a dog")).failure
