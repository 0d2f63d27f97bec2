from __future__ import annotations

import pickle

import pytest
from tiny_pictures import png
from tiny_towers import save_chinese_clip, save_siglip

from hanmo.data.filters.image_text import Towers, TowersConfig
from hanmo.data.filters.stage3_captions import (
    NEUTRAL,
    OPERATORS,
    CaptionLength,
    CaptionLengthConfig,
    CaptionSplit,
    ImageText,
    ImageTextConfig,
    InvalidCaption,
)
from hanmo.data.look import picture_of
from hanmo.data.operator import Operator, Threshold, check_thresholds, decide, measured, operator_key
from hanmo.data.record import Caption, Record, make_record
from hanmo.errors import ConfigError
from hanmo.weights.folder import load_tokenizer
from hanmo.weights.hub import bundled


def record(*captions: Caption) -> Record:
    return make_record(png(120, size=24), captions)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> ImageTextConfig:
    siglip = save_siglip(tmp_path_factory.mktemp("siglip"))
    return ImageTextConfig(str(siglip), chinese_clip=str(save_chinese_clip(tmp_path_factory.mktemp("chinese"))))


def test_every_operator_is_built_from_its_name_and_travels_to_workers() -> None:
    for name, kind in OPERATORS.items():
        operator = kind()
        assert isinstance(operator, Operator)
        assert operator.name == name
        assert operator_key(pickle.loads(pickle.dumps(operator))) == operator_key(operator)
    assert operator_key(ImageText()) != operator_key(ImageText(ImageTextConfig(siglip_tokens=32)))


def test_captions_are_counted_by_origin() -> None:
    found = CaptionSplit().measure(record(Caption("a"), Caption("b"), Caption("c", "recaption")))
    assert found.scores == {"raw": 2, "recaption": 1, "synthetic": 0, "fused": 1}
    assert found.metadata == {"split": "fused"}


def test_each_raw_caption_is_scored_by_the_model_of_its_language(models: ImageTextConfig) -> None:
    one = record(Caption("a red cat"), Caption("红猫"), Caption("a dog", "recaption"), Caption("un chat", "raw", "fr"))
    found = ImageText(models).measure(one)
    siglip = Towers(TowersConfig(models.siglip)).cosines(picture_of(one), ["a red cat", "un chat"])
    (chinese,) = Towers(TowersConfig(models.chinese_clip)).cosines(picture_of(one), ["红猫"])
    assert found.scores == {"siglip": max(siglip), "chinese_clip": chinese}
    assert found.metadata == {
        "siglip": [siglip[0], None, None, siglip[1]],
        "chinese_clip": [None, chinese, None, None],
    }


def test_records_without_raw_captions_are_not_judged_and_no_model_is_loaded() -> None:
    operator = ImageText(ImageTextConfig(siglip="/there/is/none", chinese_clip="/nor/here"))
    found = measured(operator, record(Caption("a dog", "recaption"), Caption("红猫", "synthetic")))
    assert found.scores == {"siglip": NEUTRAL, "chinese_clip": NEUTRAL}
    assert not found.metadata
    assert decide({"image_text": found}, {"image_text": {"siglip": Threshold(low=0.3)}})[0].outcome == "kept"
    failed = measured(operator, record(Caption("a dog")))
    assert "there/is/none" in failed.failure


def test_siglip_scores_chinese_where_it_is_alone(models: ImageTextConfig) -> None:
    alone = ImageTextConfig(models.siglip, chinese_clip="")
    found = ImageText(alone).measure(record(Caption("red 红猫猫")))
    assert found.scores["siglip"] < 1
    assert found.scores["chinese_clip"] == NEUTRAL
    other = ImageText(ImageTextConfig("", chinese_clip=models.chinese_clip)).measure(record(Caption("a red cat")))
    assert other.scores == {"siglip": NEUTRAL, "chinese_clip": NEUTRAL}
    with pytest.raises(ConfigError, match="nothing to do"):
        ImageTextConfig("", chinese_clip="")


def test_only_so_many_captions_are_scored(models: ImageTextConfig) -> None:
    two = ImageTextConfig(models.siglip, chinese_clip="", captions=2)
    found = ImageText(two).measure(record(Caption("a"), Caption("b", "recaption"), Caption("c"), Caption("d")))
    assert [value is None for value in found.metadata["siglip"]] == [False, True, False, True]


def test_lengths_are_of_the_longest_caption_and_the_shortest_one() -> None:
    found = CaptionLength().measure(
        record(Caption("It's a red card, 2 m wide"), Caption("𠮷野家的牛肉饭"), Caption("x"))
    )
    assert found.scores["characters"] == 25
    assert found.scores["words"] == 7
    assert found.scores["tokens"] == max(found.metadata["tokens"])
    assert found.scores["shortest"] == 1
    assert CaptionLength().measure(record()).scores == {"tokens": 0, "characters": 0, "words": 0, "shortest": 0}


def test_tokens_are_those_of_the_model_that_will_read_them() -> None:
    text = 'A card with the text "HELLO" and 红色 letters'
    expected = len(load_tokenizer(bundled() / "tokenizer")(text)["input_ids"])
    by_folder = CaptionLength(CaptionLengthConfig(str(bundled() / "tokenizer")))
    assert CaptionLength().measure(record(Caption(text))).scores["tokens"] == expected
    assert by_folder.measure(record(Caption(text))).scores["tokens"] == expected


def test_invalid_captions_are_named_by_their_rules() -> None:
    refusal = Caption("Sorry, I cannot describe this image.", "recaption")
    found = InvalidCaption().measure(record(Caption("a red car"), refusal))
    assert found.scores == {"invalid": 0.5, "matches": 1, "valid": 1}
    assert found.metadata == {"rules": [[], ["refusal"]]}
    assert InvalidCaption().measure(record()).scores == {"invalid": 0, "matches": 0, "valid": 0}


def test_thresholds_of_the_scores_decide() -> None:
    operators = (CaptionSplit(), CaptionLength(), InvalidCaption())
    thresholds = {
        "caption_length": {"words": Threshold(low=2.0), "shortest": Threshold(high=1024.0)},
        "invalid_caption": {"invalid": Threshold(high=0.5)},
    }
    check_thresholds(operators, thresholds)
    outcomes = {}
    for text in ("two words", "word", "As an AI, I cannot see this picture."):
        results = {operator.name: measured(operator, record(Caption(text))) for operator in operators}
        outcomes[text] = {(verdict.operator, verdict.score): verdict.outcome for verdict in decide(results, thresholds)}
    assert set(outcomes["two words"].values()) == {"kept"}
    assert outcomes["word"]["caption_length", "words"] == "dropped"
    assert outcomes["As an AI, I cannot see this picture."]["invalid_caption", "invalid"] == "dropped"
