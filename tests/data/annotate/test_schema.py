"""What an answer must look like to be an annotation."""

from __future__ import annotations

import json

import pytest
from annotations import answer
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.data.annotate.schema import Annotation, Fault, parse

GOOD = Annotation('A red card with the text "OPEN 24h".', "photograph", "realistic")


def test_the_five_fields_of_the_report_become_an_annotation_and_go_back() -> None:
    found = parse(answer(Watermark_List=["@someone", "a logo"], Abnormal_Element="Yes"))
    assert found == Annotation(GOOD.caption, "photograph", "realistic", ("@someone", "a logo"), True)
    assert parse(json.dumps(found.to_json())) == found == Annotation.from_json(found.to_json())


@pytest.mark.parametrize("around", ["{}", " {}\n\n", "```json\n{}\n```", "```\n{}\n```\n", "\n```JSON \n{}\n  ```"])
def test_a_fenced_block_around_the_object_is_no_fault(around: str) -> None:
    assert parse(around.replace("{}", answer())) == GOOD


def test_a_fence_inside_the_caption_stays() -> None:
    caption = 'A screen that says "```\\n" in green.'
    assert parse(f"```json\n{answer(caption)}\n```") == Annotation(caption, GOOD.type, GOOD.style)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("", "no JSON"),
        ("I'm sorry, I cannot help with that.", "no JSON"),
        ("Here it is: " + answer(), "no JSON"),
        (answer() + " I hope that helps", "no JSON"),
        ("<think>a card</think>" + answer(), "no JSON"),
        ("```json\n" + answer(), "no JSON"),
        (answer()[:-20], "no JSON"),
        ("[" * 100_00, "nested"),
        ("9" * 5000, "no JSON"),
        ("x" * 16_001, "more than 16000"),
        (f"[{answer()}]", "not a list"),
        ("null", "not null"),
        ('"text"', "not a string"),
        (answer(Caption=None), '"Caption" is missing'),
        (answer(Image_Style=None), '"Image Style" is missing'),
        (answer(Mood="calm"), '"Mood" is none of them'),
        ('{"Caption": "a", ' + answer()[1:], "twice"),
        (answer(""), '"Caption" is empty'),
        (answer(" \n"), '"Caption" is empty'),
        (answer("very " * 2000), "9999 characters"),
        (answer(Caption=["a"]), "must be a string, not a list"),
        (answer(Image_Type=3), "must be a string, not a number"),
        (answer(Image_Type="a" * 101), "101 characters"),
        (answer(Watermark_List="none"), "must be a list, not a string"),
        (answer(Watermark_List=[1]), "must be a string, not a number"),
        (answer(Watermark_List=["a"] * 51), "51 entries"),
        (answer(Abnormal_Element=False), '"yes" or "no"'),
        (answer(Abnormal_Element="maybe"), '"yes" or "no"'),
        (answer("a card<|im_end|>"), "control characters"),
        (answer("a card\x00"), "control characters"),
        (answer().replace("A red", "\\ud83d red"), "control characters"),
    ],
)
def test_everything_else_is_refused_with_a_fault(said: str, fault: str) -> None:
    found = parse(said)
    assert isinstance(found, Fault)
    assert fault in found.reason
    assert len(found.reason) < 250


def test_a_caption_in_another_language_is_refused_whatever_it_quotes() -> None:
    english, chinese = 'A sign that says "营业中，欢迎光临本店".', "一块写着“OPEN ALL DAY LONG”的招牌。"
    for language, good, bad in (("en", english, chinese), ("zh", chinese, english)):
        assert isinstance(parse(answer(good), language), Annotation)
        found = parse(answer(bad), language)
        assert isinstance(found, Fault)
        assert {"en": "English", "zh": "Chinese"}[language] in found.reason


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
)
def test_no_answer_makes_it_raise(said: str) -> None:
    assert isinstance(parse(said), Fault)
