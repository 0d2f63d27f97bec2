"""Prompts made precise by a language model before they are painted, and checked before they are used.

The report's demonstration rewrites prompts in the user's language; here any chat model may do it (`chat`,
`local_chat`). A model is asked at most twice. An answer is used only if it is in the prompt's language and every
quoted text stands in it letter for letter; else the original prompt stays, and the result says why. Off unless
asked for. This module knows neither checkpoints nor requests.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hanmo.errors import RequestError
from hanmo.pipeline.chat import Chat, ChatError, Message
from hanmo.pipeline.instructions import Kind, Language, instruction, objection_message

DEFAULT_TIMEOUT = 60.0
"""Seconds for one of two tries."""

LONGEST_WAIT = 10.0
"""Seconds that an endpoint may ask us to wait before the second try."""

LONGEST = 2000
"""Characters of a rewritten prompt."""

Fits = Callable[[str], str | None]
"""A rewritten prompt -> why the checkpoint cannot read it; None when it can."""

_QUOTED = re.compile(
    r'"([^"]+)"|“([^”]+)”|「([^」]+)」|『([^』]+)』|‘([^’]+)’'
    r"|(?<![A-Za-z0-9])'([^'\n]+)'(?![A-Za-z0-9])"  # an apostrophe is no quotation mark
)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")


@dataclass(frozen=True)
class RewriteConfig:
    """Which language model rewrites, and for how long.

    Attributes:
        model: with a URL the name that the endpoint knows; else a folder or hub id of a transformers model.
        url: base of an OpenAI-compatible endpoint, such as https://host/v1.
        key: the endpoint's.
        timeout: seconds for one try, all included.

    Raises:
        RequestError: at construction.
    """

    model: str
    url: str | None = None
    key: str | None = field(default=None, repr=False)
    timeout: float = DEFAULT_TIMEOUT

    def __post_init__(self) -> None:
        """Check the settings."""
        if not self.model.strip():
            raise RequestError("rewriting has no model: set HANMO_REWRITE_MODEL to its name")
        if not 0 < self.timeout < math.inf:
            raise RequestError(f"the time-out {self.timeout} is not allowed: give seconds above 0")

    @staticmethod
    def from_environment(environment: Mapping[str, str] | None = None) -> RewriteConfig:
        """The settings HANMO_REWRITE_URL, _KEY, _MODEL and _TIMEOUT.

        Args:
            environment: None takes that of the process.

        Raises:
            RequestError: no model is named, or a setting cannot be.
        """
        given = os.environ if environment is None else environment
        url, key, model, timeout = (
            given.get(f"HANMO_REWRITE_{name}") or None for name in ("URL", "KEY", "MODEL", "TIMEOUT")
        )
        if model is None:
            raise RequestError(
                "rewriting needs a language model: set HANMO_REWRITE_MODEL to a local folder, or HANMO_REWRITE_URL and "
                "HANMO_REWRITE_MODEL to an OpenAI-compatible endpoint and a model that it knows"
            )
        if key is not None and url is None:
            raise RequestError("HANMO_REWRITE_KEY was given without HANMO_REWRITE_URL: a local model needs no key")
        try:
            seconds = DEFAULT_TIMEOUT if timeout is None else float(timeout)
        except ValueError:
            raise RequestError(f"HANMO_REWRITE_TIMEOUT {timeout!r} is no number: give seconds") from None
        return RewriteConfig(model, url, key, seconds)


@dataclass(frozen=True)
class Rewriting:
    """What became of one prompt.

    Attributes:
        original: as it was given.
        prompt: as it is painted.
        model: who was asked.
        kept: why the original is painted; None when the rewritten one is.
    """

    original: str
    prompt: str
    model: str
    kept: str | None = None

    def record(self) -> dict[str, Any]:
        """For a picture's metadata; the prompt itself stands there already."""
        values = {"original": self.original, "model": self.model, "kept": self.kept}
        return {key: value for key, value in values.items() if value is not None}


def rewrite(
    prompt: str, kind: Kind, chat: Chat, timeout: float = DEFAULT_TIMEOUT, fits: Fits | None = None
) -> Rewriting:
    """Ask a language model for a better prompt; at most twice, and never for longer than two time-outs and a wait.

    Args:
        prompt: of any language; Chinese ones are rewritten in Chinese, all others in English.
        kind: whether it describes a picture or says what to change in one.
        chat: the language model.
        timeout: seconds for one try.
        fits: a further check of the answer.

    Returns:
        The rewritten prompt, or the original with the reason.

    Raises:
        RequestError: an empty prompt.
    """
    if not prompt.strip():
        raise RequestError("the prompt is empty: write what to rewrite")
    language = language_of(prompt)
    asked: list[Message] = [
        {"role": "system", "content": instruction(kind, language)},
        {"role": "user", "content": prompt},
    ]
    messages, fault = asked, ""
    for last in (False, True):
        try:
            reply = chat(messages, timeout)
        except ChatError as error:
            fault = str(error)
            if last or not error.again:
                break
            if error.wait > LONGEST_WAIT:
                fault += f", and to ask again in {error.wait:g} s"
                break
            time.sleep(error.wait)
            continue
        answer = _answer(reply)
        found = objection(prompt, answer, kind) or (fits(answer) if fits is not None else None)
        if found is None:
            return Rewriting(prompt, answer, chat.name)
        fault = found
        said = {"role": "assistant", "content": reply[:LONGEST]}
        messages = [*asked, said, {"role": "user", "content": objection_message(language, fault)}]
    return Rewriting(prompt, prompt, chat.name, fault)


def objection(prompt: str, answer: str, kind: Kind) -> str | None:
    """Why an answer cannot stand for the prompt, in a few words; None when it can."""
    if not answer:
        return "the answer is empty"
    if len(answer) > LONGEST:
        return f"the answer has {len(answer)} characters, more than {LONGEST}"
    if "<|" in answer or "<think>" in answer:
        return "the answer holds control tokens"
    wanted, found = quoted(prompt), quoted(answer)
    if kind == "generate":  # of an edit the order matters: this becomes that
        wanted, found = sorted(wanted), sorted(found)
    if wanted != found:
        lost = next((text for text in wanted if wanted.count(text) > found.count(text)), None)
        if lost is not None:
            return f'the quoted text "{lost[:40]}" is missing or changed'
        return "it quotes more than the prompt, or in another order"
    if language_of(answer) != language_of(prompt):
        return "the answer is in another language"
    if "\n\n" in answer and "\n\n" not in prompt:
        return "the answer has several paragraphs"
    return None


def quoted(text: str) -> list[str]:
    """The texts between quotation marks, of whatever kind, in order."""
    return [next(inner for inner in found.groups() if inner) for found in _QUOTED.finditer(text)]


def language_of(prompt: str) -> Language:
    """Chinese when, outside quotation marks, there are at least as many Chinese characters as Latin words.

    A prompt that is nothing but quotes is judged by them.
    """
    plain = _QUOTED.sub(" ", prompt)
    if not _HAN.search(plain) and not _WORD.search(plain):
        plain = prompt
    han = len(_HAN.findall(plain))
    return "zh" if han and han >= len(_WORD.findall(plain)) else "en"


def _answer(reply: str) -> str:
    """What a reply says after a model's thoughts, if it thinks aloud."""
    return reply.rsplit("</think>", 1)[-1].strip()
