"""What a record says of itself, on its way from the data engine to a stage of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from producer_sets import SIZE, captioned, pair, write_set

from hanmo.data.operator import Threshold
from hanmo.data.record import Record
from hanmo.errors import ConfigError
from hanmo.producer.config import ChooseConfig, EncodeConfig, ProducerConfig, producer_config
from hanmo.producer.encode import Networks, identity_of
from hanmo.producer.index import read_index
from hanmo.producer.produce import LACKING, fill_store
from hanmo.producer.store import Reader, look
from hanmo.producer.tags import tags_of
from hanmo.train.selection import Only
from hanmo.train.stored import StoreSource

RULES = {"refined": {"aesthetics": {"score": Threshold(low=5.0)}, "codes": {"count": Threshold(high=0.0)}}}


def said(record: Record, metadata: dict[str, object], scores: dict[str, float] | None = None) -> Record:
    return replace(record, metadata={**record.metadata, **metadata}, scores=scores or {})


@pytest.mark.parametrize(
    ("metadata", "scores", "tags"),
    [
        ({}, {}, set()),
        ({"text_split": {"language": "none"}, "domain": "nature"}, {}, {"nature"}),
        ({"text_split": {"language": "chinese"}, "domain": "design"}, {}, {"text", "design"}),
        ({"taxonomy": {"domain": "people"}, "domain": "nature"}, {}, {"people"}),
        ({"synthesis": "cards", "domain": "synthetic"}, {}, {"text", "synthetic"}),
        ({"synthesis": "solids"}, {}, {"synthetic"}),
        ({"synthesis": "pairs", "text_split": {"language": "english"}}, {}, {"text", "synthetic"}),
        ({"domain": "some column of a table"}, {"aesthetics.score": 6.0, "codes.count": 0.0}, {"refined"}),
        ({}, {"aesthetics.score": 6.0, "codes.count": 1.0}, set()),
        ({}, {"aesthetics.score": 6.0}, set()),
    ],
)
def test_a_records_tags_follow_from_what_the_data_engine_found(
    metadata: dict[str, object], scores: dict[str, float], tags: set[str]
) -> None:
    assert tags_of(said(captioned(1), metadata, scores), RULES, {}) == tags


def test_what_a_producer_measures_now_comes_before_what_was_measured() -> None:
    old = said(captioned(1), {}, {"aesthetics.score": 9.0, "codes.count": 0.0})
    assert tags_of(old, RULES, {"aesthetics.score": 1.0}) == frozenset()


def test_tags_travel_from_the_record_to_the_stage(tmp_path: Path, networks: Networks) -> None:
    (*sources, target) = pair(10)
    records = [
        said(captioned(1), {"text_split": {"language": "english"}}, {"aesthetics.score": 6.0, "codes.count": 0.0}),
        said(captioned(2), {"text_split": {"language": "none"}, "taxonomy": {"domain": "nature"}}),
        *sources,
        said(target, {"synthesis": "pairs"}),
    ]
    config = ProducerConfig(EncodeConfig(sizes=(SIZE,)), ChooseConfig(tags=RULES))
    data, store = write_set(tmp_path / "set", records), tmp_path / "store"
    assert fill_store(data, store, networks, config)["made"] == 3
    identity = identity_of(networks, config.encode)
    table = read_index(store)
    listed = dict(zip(table["id"].to_pylist(), map(frozenset, table["tags"].to_pylist()), strict=True))
    assert look(store, identity).tags == listed
    assert sorted(map(sorted, listed.values())) == [["nature"], ["refined", "text"], ["synthetic"]]
    source = StoreSource(store, identity)
    assert {entry.id: entry.tags for entry in source.entries()} == listed
    assert all(source.sample(name).tags == tags for name, tags in listed.items())
    stages = (Only(without=("text", "synthetic")), Only(tags=("text", "refined")), Only(tags=("synthetic",)))
    taken = [[sorted(one.tags) for one in source.entries() if only.takes(one)] for only in stages]
    assert taken == [[["nature"]], [["refined", "text"]], [["synthetic"]]]


def test_a_sample_keeps_its_tags_and_new_ones_are_counted(tmp_path: Path, networks: Networks) -> None:
    plain, store = captioned(1), tmp_path / "store"
    config = ProducerConfig(EncodeConfig(sizes=(SIZE,)))
    rich = said(plain, {"text_split": {"language": "english"}})
    assert fill_store(write_set(tmp_path / "refined", [rich]), store, networks, config) == {"made": 1}
    assert fill_store(write_set(tmp_path / "massive", [plain]), store, networks, config) == {"known": 1}
    other = tmp_path / "other"
    assert fill_store(tmp_path / "massive", other, networks, config) == {"made": 1}
    assert fill_store(tmp_path / "refined", other, networks, config) == {"known": 1, LACKING: 1}
    (shard,) = look(other).shards
    read = Reader(other).sample(shard.name, 0)
    assert read is not None
    assert read.tags == shard.tags[0] == frozenset(), "as in a store that was made before there were tags"


def test_rules_travel_as_json_and_bad_ones_are_named() -> None:
    config = ProducerConfig(EncodeConfig(resolutions=(256, 1328)), ChooseConfig(tags=RULES))
    assert producer_config(config.to_json()) == config
    assert "tags" not in ProducerConfig().to_json()["choose"], "marks of sets that went through before stay valid"
    with pytest.raises(ConfigError, match=r"choose\.tags\.text: producers say themselves"):
        ChooseConfig(tags={"text": RULES["refined"]})
    with pytest.raises(ConfigError, match=r"choose\.tags\.good names no score"):
        ChooseConfig(tags={"good": {"aesthetics": {}}})
