"""One picture and one model behind a real HTTP server: good answers, bad ones, none at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from annotations import answer, file_of, seen_color
from endpoint import Answer, Script, Server, serving

from hanmo.data.annotate.budget import Budget, BudgetConfig
from hanmo.data.annotate.one import AskConfig, Item, annotate
from hanmo.data.annotate.outcome import Outcome
from hanmo.data.annotate.picture import PictureLimits, Shown
from hanmo.data.annotate.prompt import fingerprint, instruction
from hanmo.data.annotate.schema import FIELDS
from hanmo.data.annotate.vision import EndpointVision, Vision
from hanmo.data.record import content_id
from hanmo.errors import RequestError
from hanmo.pipeline.chat import Endpoint, Message, Reply

ITEM = Item("r", file_of("red"))
QUICK = AskConfig(timeout=0.3, pause=0.01)


def ask(
    *script: Answer | str | Script, item: Item = ITEM, config: AskConfig = QUICK, budget: BudgetConfig | None = None
) -> tuple[Outcome | None, Server]:
    with serving(*script) as server:
        vision = EndpointVision(Endpoint(server.url, "some-vlm"))
        assert isinstance(vision, Vision)
        return annotate(item, vision, config, Budget(budget or BudgetConfig())), server


def test_a_good_answer_becomes_an_annotation() -> None:
    found, server = ask(answer("A red square."))
    assert found is not None
    assert (found.id, found.picture, found.status) == ("r", content_id(ITEM.data), "annotated")
    assert found.annotation is not None
    assert found.annotation.caption == "A red square."
    assert (found.requests, found.tokens, found.quoting, found.fault) == (1, None, None, None)
    (asked,) = server.requests
    assert (asked["model"], seen_color(asked)) == ("some-vlm", "red")
    assert asked["messages"][0]["content"][1]["text"] == instruction("en")
    assert Outcome.from_json(found.to_json()) == found


def test_the_instruction_names_the_fields_and_forbids_translation() -> None:
    for language, name in (("en", "English"), ("zh", "Simplified Chinese")):
        text = instruction(language)
        assert all(f'"{field}"' in text for field in FIELDS)
        assert f"string in {name}" in text
        assert "never translate" in text
    assert fingerprint("en") != fingerprint("zh")


def test_a_bad_answer_is_shown_its_fault_and_the_next_is_used() -> None:
    found, server = ask("a red square", "```json\n" + answer(Abnormal_Element="perhaps") + "\n```", answer())
    assert found is not None
    assert (found.status, found.requests, len(found.answers)) == ("annotated", 3, 3)
    last = server.requests[2]["messages"]
    assert [message["role"] for message in last] == ["user", "assistant", "user", "assistant", "user"]
    assert last[1]["content"] == "a red square"
    assert "no JSON object" in last[2]["content"]
    assert '"yes" or "no"' in last[4]["content"]
    assert [seen_color(asked) for asked in server.requests] == ["red"] * 3


def test_a_model_that_never_obeys_is_refused_after_the_last_try() -> None:
    found, server = ask("Sorry, I cannot help with that.", config=replace(QUICK, tries=2))
    assert found is not None
    assert (found.status, found.annotation, found.final, len(server.requests)) == ("refused", None, True, 2)
    assert "no JSON object" in str(found.fault)
    assert Outcome.from_json(found.to_json()) == found


def test_a_caption_is_in_the_language_that_was_asked_for() -> None:
    found, _ = ask(answer("A red square."), answer("一个红色的方块。"), config=replace(QUICK, language="zh"))
    assert found is not None
    assert found.annotation is not None
    assert (found.annotation.caption, found.requests) == ("一个红色的方块。", 2)


def test_text_that_was_read_is_compared_with_the_caption() -> None:
    found, server = ask(answer('A sign that says "Exit".'), item=replace(ITEM, read=("出口", "A1")))
    assert found is not None
    assert found.quoting is not None
    assert (found.quoting.score, found.quoting.units, found.quoting.translated) == (0.0, 3, ("Exit",))
    assert len(server.requests) == 1  # a mismatch is a score, not a fault
    assert Outcome.from_json(found.to_json()) == found


@pytest.mark.parametrize("fault", [Answer(status=500), Answer(status=429), Answer(raw=b"<html>"), Answer("", stall=9)])
def test_a_fault_of_the_endpoint_is_tried_again(fault: Answer) -> None:
    found, server = ask(fault, answer())
    assert found is not None
    assert (found.status, found.requests, len(server.requests)) == ("annotated", 2, 2)
    assert len(server.requests[1]["messages"]) == 1


def test_an_endpoint_that_stays_silent_is_left_after_the_last_try_and_not_for_good() -> None:
    began = time.perf_counter()
    found, server = ask(Answer(stall=60.0), config=replace(QUICK, timeout=0.1))
    assert time.perf_counter() - began < 5.0
    assert found is not None
    assert (found.status, found.final, len(server.requests)) == ("silent", False, 3)
    assert "no answer within 0.1 s" in str(found.fault)


def test_a_refused_key_and_a_long_wait_are_not_tried_again() -> None:
    found, server = ask(Answer(status=401))
    assert found is not None
    assert (found.status, len(server.requests)) == ("silent", 1)
    found, server = ask(Answer(status=429, headers={"Retry-After": "3600"}))
    assert found is not None
    assert (found.status, len(server.requests)) == ("silent", 1)


def test_the_wait_that_is_asked_for_is_waited() -> None:
    began = time.perf_counter()
    found, _ = ask(Answer(status=429, headers={"Retry-After": "1"}), answer())
    assert found is not None
    assert found.status == "annotated"
    assert time.perf_counter() - began >= 1.0


@pytest.mark.parametrize("usage", [{"total_tokens": -5}, {"total_tokens": "many"}, {"total_tokens": True}, [], "x", 7])
def test_an_endpoint_that_lies_about_tokens_says_nothing(usage: object) -> None:
    body = (
        b'{"choices": [{"message": {"content": "no"}}], "usage": %s}'
        % repr(usage).replace("'", '"').replace("True", "true").encode()
    )
    found, _ = ask(Answer(raw=body), config=replace(QUICK, tries=1))
    assert found is not None
    assert (found.status, found.tokens) == ("refused", None)


def test_tokens_of_all_tries_are_counted() -> None:
    body = b'{"choices": [{"message": {"content": "no"}}], "usage": {"total_tokens": 21}}'
    found, _ = ask(Answer(raw=body), config=replace(QUICK, tries=2))
    assert found is not None
    assert found.tokens == 42


def test_a_broken_picture_costs_no_request() -> None:
    found, server = ask(answer(), item=Item("b", b"no picture"))
    assert found is not None
    assert (found.status, found.requests, server.requests) == ("broken", 0, [])
    assert "not a picture" in str(found.fault)


def test_a_budget_that_ends_leaves_the_picture_undecided() -> None:
    found, server = ask("no", answer(), budget=BudgetConfig(requests=1))
    assert (found, len(server.requests)) == (None, 1)
    began = time.perf_counter()
    for tries in (1, 3):  # even a last try says nothing of the picture when the end has cut it short
        config = AskConfig(tries=tries)
        assert ask(Answer(stall=60.0), config=config, budget=BudgetConfig(seconds=0.2))[0] is None
    assert time.perf_counter() - began < 5.0


class Crashing:
    """A model with a bug."""

    name = "crashing"

    def ask(self, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply:
        raise RuntimeError("out of\nmemory")


def test_a_model_that_crashes_is_silent() -> None:
    found = annotate(ITEM, Crashing(), QUICK, Budget(BudgetConfig()))
    assert found is not None
    assert (found.status, found.fault) == ("silent", "the model failed (RuntimeError: out of memory)")


@pytest.mark.parametrize(
    ("values", "said"),
    [({"tries": 0}, "tries"), ({"timeout": 0.0}, "timeout"), ({"pause": -1.0}, "pause"), ({"language": "fr"}, "fr")],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises((RequestError, TypeError), match=said):
        AskConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"), [("requests", 0), ("tokens", -1), ("seconds", 0.0), ("seconds", float("nan"))]
)
def test_a_budget_of_nothing_is_refused(name: str, value: float) -> None:
    with pytest.raises(RequestError, match=f"budget.{name} {value}"):
        BudgetConfig(**{name: value})  # type: ignore[arg-type]


def test_the_picture_is_not_shown_larger_than_asked() -> None:
    config = replace(QUICK, picture=PictureLimits(pixels=100))
    found, server = ask(answer(), config=config)
    assert found is not None
    assert (found.status, server.requests) == ("broken", [])
