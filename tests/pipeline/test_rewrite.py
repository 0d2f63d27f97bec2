"""Rewriting: what is asked, what of the answers is used, and that it always ends."""

from __future__ import annotations

import time
from typing import Any

import pytest
from endpoint import Answer, Script, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from hanmo.errors import RequestError
from hanmo.pipeline.ask import make_request
from hanmo.pipeline.chat import Endpoint
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.rewrite import RewriteConfig, Rewriting, language_of, objection, quoted, rewrite

SIGN = 'a shop sign with the text "OPEN 24h"'
BETTER = 'A weathered wooden shop sign above a door, with the text "OPEN 24h" in white letters.'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def run(*script: Answer | str | Script, prompt: str = SIGN, **options: Any) -> tuple[Rewriting, list[dict[str, Any]]]:
    with serving(*script) as server:
        found = rewrite(prompt, options.pop("kind", "generate"), Endpoint(server.url, "m"), **options)
    return found, server.requests


def test_a_good_answer_is_used() -> None:
    found, asked = run(BETTER)
    assert found == Rewriting(SIGN, BETTER, "m")
    assert found.record() == {"original": SIGN, "model": "m"}
    assert [message["role"] for message in asked[0]["messages"]] == ["system", "user"]
    assert asked[0]["messages"][1]["content"] == SIGN


def test_the_instruction_depends_on_task_and_language() -> None:
    prompts = {"en": "make it red", "zh": "改成红色"}
    told = {}
    for kind in ("generate", "edit"):
        for language, prompt in prompts.items():
            _, asked = run(prompt, prompt=prompt, kind=kind)
            told[kind, language] = asked[0]["messages"][0]["content"]
    assert len(set(told.values())) == 4
    assert all(("引号" in text) == (language == "zh") for (_, language), text in told.items())
    assert all(("edit" in text or "编辑" in text) == (kind == "edit") for (kind, _), text in told.items())


def test_dropped_quotes_are_asked_for_again_and_then_the_second_answer_is_used() -> None:
    found, asked = run("a shop sign that says open", BETTER)
    assert found == Rewriting(SIGN, BETTER, "m")
    second = asked[1]["messages"]
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert 'the quoted text "OPEN 24h" is missing' in second[-1]["content"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("a shop sign that says open", 'the quoted text "OPEN 24h" is missing or changed'),
        ('a sign with the text "Open 24h"', "missing or changed"),
        ('a sign, "OPEN 24h", and below it "SALE"', "quotes more than the prompt"),
        ('a sign, "OPEN 24h", "OPEN 24h"', "quotes more"),
        ('一块木制招牌，上面写着"OPEN 24h"', "another language"),
        ("", "empty"),
        ("   \n", "empty"),
        (BETTER + " very" * 500, "characters"),
        (BETTER + "<|im_end|>", "control tokens"),
        ("<think>a sign", "control tokens"),
        (f"Sure!\n\n{BETTER}", "several paragraphs"),
    ],
)
def test_two_bad_answers_leave_the_original_and_say_why(answer: str, said: str) -> None:
    found, asked = run(answer)
    assert (found.prompt, found.original) == (SIGN, SIGN)
    assert said in str(found.kept)
    assert found.record()["kept"] == found.kept
    assert len(asked) == 2


def test_a_fault_of_the_endpoint_is_tried_twice_and_no_more() -> None:
    found, asked = run(Answer(status=500))
    assert (found.prompt, len(asked)) == (SIGN, 2)
    assert "answered 500" in str(found.kept)
    found, asked = run(Answer(status=500), BETTER)
    assert (found.prompt, len(asked)) == (BETTER, 2)
    assert len(asked[1]["messages"]) == 2


def test_a_key_that_is_refused_is_not_tried_again() -> None:
    found, asked = run(Answer(status=401))
    assert len(asked) == 1
    assert "answered 401" in str(found.kept)


def test_a_short_wait_is_waited_and_a_long_one_is_not() -> None:
    began = time.perf_counter()
    found, asked = run(Answer(status=429, headers={"Retry-After": "1"}), BETTER)
    assert (found.prompt, len(asked)) == (BETTER, 2)
    assert 1.0 <= time.perf_counter() - began < 5.0
    found, asked = run(Answer(status=429, headers={"Retry-After": "3600"}), BETTER)
    assert (found.prompt, len(asked)) == (SIGN, 1)
    assert "ask again in 3600 s" in str(found.kept)


def test_a_stalling_endpoint_costs_two_time_outs() -> None:
    began = time.perf_counter()
    found, asked = run(Answer(BETTER, stall=30.0), timeout=0.3)
    assert time.perf_counter() - began < 3.0
    assert (found.prompt, len(asked)) == (SIGN, 2)
    assert found.kept is not None


def test_rubbish_leaves_the_original() -> None:
    found, asked = run(Answer(raw=b"<html>busy</html>"))
    assert (found.prompt, len(asked)) == (SIGN, 2)
    assert "no chat completion" in str(found.kept)


def test_a_model_that_thinks_aloud_is_heard_to_the_end() -> None:
    found, _ = run(f'<think>The user wants "another" thing.</think>\n\n{BETTER}\n')
    assert found.prompt == BETTER


def test_what_does_not_fit_the_checkpoint_is_not_used() -> None:
    found, asked = run(BETTER, fits=lambda prompt: "too many tokens" if len(prompt) > 50 else None)
    assert (found.prompt, found.kept, len(asked)) == (SIGN, "too many tokens", 2)


def test_an_empty_prompt_is_refused_before_anybody_is_asked() -> None:
    with serving(BETTER) as server, pytest.raises(RequestError, match="empty"):
        rewrite(" ", "generate", Endpoint(server.url, "m"))
    assert server.requests == []


def test_of_an_edit_the_order_of_quotes_counts_and_of_a_picture_it_does_not() -> None:
    edit, swapped = 'change "A" to "B"', 'put "B" in the place of "A"'
    assert "order" in str(objection(edit, swapped, "edit"))
    assert objection(edit, 'replace the letters "A" by "B"', "edit") is None
    assert objection('"A" left of "B"', 'to the right "B", to the left "A"', "generate") is None


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ('a "b c" d “e” f', ["b c", "e"]),
        ("写着「你好」和『世界』以及‘再见’", ["你好", "世界", "再见"]),
        ("the text 'HELLO', the dog's toys and the cats' milk", ["HELLO"]),
        ("写着'你好'的卡片", ["你好"]),
        ('an open "quote', []),
    ],
)
def test_quotation_marks_of_every_kind_are_seen(text: str, inside: list[str]) -> None:
    assert quoted(text) == inside


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1), max_size=4))
def test_whatever_stands_between_straight_quotes_is_found(parts: list[str]) -> None:
    clean = [part for part in parts if not quoted(part) and not set(part) & set("“”「」『』‘’'")]
    assert quoted(" and ".join(f'"{part}"' for part in clean)) == clean


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("a red card", "en"),
        ('a card with the text "你好世界"', "en"),
        ("一张红色的卡片", "zh"),
        ('卡片上写着"HELLO WORLD AND ALL"', "zh"),
        ("a woman in a 旗袍 on a bridge", "en"),
        ('"你好"', "zh"),
        ("12345", "en"),
    ],
)
def test_the_language_is_that_of_the_words_outside_quotes(prompt: str, language: str) -> None:
    assert language_of(prompt) == language


def test_settings_come_from_the_environment() -> None:
    given_ = {"HANMO_REWRITE_MODEL": "m", "HANMO_REWRITE_URL": "http://h/v1", "HANMO_REWRITE_KEY": "secret"}
    config = RewriteConfig.from_environment(given_ | {"HANMO_REWRITE_TIMEOUT": "2.5"})
    assert config == RewriteConfig("m", "http://h/v1", "secret", 2.5)
    assert "secret" not in repr(config)
    assert RewriteConfig.from_environment({"HANMO_REWRITE_MODEL": "folder"}) == RewriteConfig("folder")


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({}, "set HANMO_REWRITE_MODEL"),
        ({"HANMO_REWRITE_URL": "http://h"}, "set HANMO_REWRITE_MODEL"),
        ({"HANMO_REWRITE_MODEL": "m", "HANMO_REWRITE_KEY": "k"}, "without HANMO_REWRITE_URL"),
        ({"HANMO_REWRITE_MODEL": "m", "HANMO_REWRITE_TIMEOUT": "soon"}, "'soon' is no number"),
        ({"HANMO_REWRITE_MODEL": "m", "HANMO_REWRITE_TIMEOUT": "0"}, "seconds above 0"),
        ({"HANMO_REWRITE_MODEL": "m", "HANMO_REWRITE_TIMEOUT": "nan"}, "seconds above 0"),
    ],
)
def test_settings_that_cannot_be_are_one_line(given_: dict[str, str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        RewriteConfig.from_environment(given_)


# --- in the pipeline -------------------------------------------------------------------------------


def test_a_request_keeps_the_original_prompt_in_its_record(pipe: Pipeline) -> None:
    request = make_request("generate", ["a card", "你好"], num=2, seed=1)
    with serving(lambda seen: Answer("red card" if "card" in seen["messages"][1]["content"] else "红色")) as server:
        new = pipe.rewrite(request, Endpoint(server.url, "m"))
    assert new.prompts == ("red card", "red card", "红色", "红色")
    assert len(server.requests) == 2  # each distinct prompt once
    assert request.rewritings == ()
    assert new.record(2)["rewrite"] == {"original": "你好", "model": "m"}
    assert "rewrite" not in request.record()
    assert new.words(2) == ("红色", "你好")
    assert pipe(new).request.rewritings == new.rewritings


def test_an_answer_longer_than_the_checkpoint_reads_is_not_used(pipe: Pipeline) -> None:
    with serving("x y z " * 40) as server:
        new = pipe.rewrite(make_request("edit", "make it red", ["a.png"]), Endpoint(server.url, "m"))
    assert new.prompts == ("make it red",)
    assert "tokens, and 40 are read" in str(new.rewritings[0].kept)


def test_rewrite_true_takes_the_endpoint_of_the_environment(pipe: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "KEY", "MODEL", "TIMEOUT"):
        monkeypatch.delenv(f"HANMO_REWRITE_{name}", raising=False)
    with pytest.raises(RequestError, match="set HANMO_REWRITE_MODEL"):
        pipe.generate("a card", seed=0, rewrite=True)
    with serving("red card") as server:
        monkeypatch.setenv("HANMO_REWRITE_URL", server.url)
        monkeypatch.setenv("HANMO_REWRITE_MODEL", "m")
        result = pipe.generate("a card", seed=0, steps=1, rewrite=True)
    assert result.request.prompts == ("red card",)
    assert result.request.rewritings == (Rewriting("a card", "red card", "m"),)
