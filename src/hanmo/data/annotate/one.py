"""One picture, one model, one outcome (report section 3.3: a single pass).

The model is asked for the JSON object. If its answer is none, it is asked again, with the conversation so far and
the fault; if it gives no answer, it is asked again after a while. Tries are counted together. A caption that
quotes badly is not asked for again: how well it quotes is a score, and what to do about it is decided later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from hanmo.data.annotate.budget import Budget
from hanmo.data.annotate.outcome import Outcome
from hanmo.data.annotate.picture import Broken, PictureLimits, Shown, show
from hanmo.data.annotate.prompt import instruction, objection
from hanmo.data.annotate.quoting import compare
from hanmo.data.annotate.schema import LONGEST_ANSWER, Fault, parse
from hanmo.data.annotate.vision import Vision
from hanmo.data.record import content_id
from hanmo.errors import RequestError
from hanmo.pipeline.chat import ChatError, Message, Reply
from hanmo.pipeline.instructions import Language


@dataclass(frozen=True)
class Item:
    """A picture to annotate.

    Attributes:
        id: of its record.
        data: the file.
        read: lines of text that were read in it; None when nobody has looked.
    """

    id: str
    data: bytes
    read: tuple[str, ...] | None = None


@dataclass(frozen=True)
class AskConfig:
    """How a model is asked.

    Attributes:
        language: of captions.
        tries: requests for one picture at most.
        timeout: seconds for one request.
        pause: seconds before a further try when the model gave no answer; doubled each time.
        longest_pause: seconds; a model that asks to wait longer counts as silent.
        picture: limits.

    Raises:
        RequestError: at construction.
    """

    language: Language = "en"
    tries: int = 3
    timeout: float = 120.0
    pause: float = 1.0
    longest_pause: float = 60.0
    picture: PictureLimits = field(default_factory=PictureLimits)

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.language not in get_args(Language):
            raise RequestError(f"the language {self.language!r} is not allowed: give en or zh")
        if self.tries < 1:
            raise RequestError(f"ask.tries {self.tries} is not allowed: give 1 or more")
        if not 0 < self.timeout < math.inf:
            raise RequestError(f"ask.timeout {self.timeout} is not allowed: give seconds above 0")
        for name in ("pause", "longest_pause"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RequestError(f"ask.{name} {getattr(self, name)} is not allowed: give seconds, 0 or more")


def annotate(item: Item, vision: Vision, config: AskConfig, budget: Budget) -> Outcome | None:
    """Ask a model about one picture; no picture and no model makes this raise.

    Args:
        item: the picture.
        vision: the model.
        config: how it is asked.
        budget: what may be spent.

    Returns:
        What became of it; None when the budget ended before it was decided.
    """
    shown = show(item.data, config.picture)
    if isinstance(shown, Broken):
        return Outcome(item.id, content_id(item.data), "broken", fault=shown.reason)
    outcome = _Conversation(Outcome(item.id, shown.key, "silent"), vision, config, budget).run(shown)
    if outcome is None or outcome.annotation is None or item.read is None:
        return outcome
    return replace(outcome, quoting=compare(item.read, outcome.annotation.caption))


class _Conversation:
    """The tries for one picture, and what they have led to so far."""

    def __init__(self, outcome: Outcome, vision: Vision, config: AskConfig, budget: Budget) -> None:
        self._outcome = outcome
        self._vision = vision
        self._config = config
        self._budget = budget
        self._messages: list[Message] = [{"role": "user", "content": instruction(config.language)}]

    def run(self, shown: Shown) -> Outcome | None:
        pause = self._config.pause
        for left in reversed(range(self._config.tries)):
            seconds = self._budget.take()
            if seconds is None:
                return None
            self._outcome = replace(self._outcome, requests=self._outcome.requests + 1)
            answer = _ask(self._vision, shown, self._messages, min(seconds, self._config.timeout))
            if isinstance(answer, Reply):
                if self._hear(answer):
                    return self._outcome
                continue
            if self._budget.reason is not None:
                return None  # it may have been cut short by the end, which says nothing of this picture
            if not answer.again or answer.wait > self._config.longest_pause or not left:
                return self._silent(answer)
            self._budget.wait(min(max(answer.wait, pause), self._config.longest_pause))
            pause *= 2
        return self._outcome

    def _hear(self, reply: Reply) -> bool:
        """Take an answer; true when it is an annotation. Else the conversation goes on with its fault."""
        self._budget.pay(reply.tokens)
        said = reply.text[: LONGEST_ANSWER + 1]  # one more, so that a replay finds it too long as well
        found = parse(said, self._config.language)
        before = self._outcome
        tokens = None if before.tokens is None or reply.tokens is None else before.tokens + reply.tokens
        outcome = replace(before, answers=(*before.answers, said), tokens=tokens)
        if not isinstance(found, Fault):
            self._outcome = replace(outcome, status="annotated", annotation=found, fault=None)
            return True
        self._outcome = replace(outcome, status="refused", fault=found.reason)
        self._messages += [
            {"role": "assistant", "content": said},
            {"role": "user", "content": objection(found.reason)},
        ]
        return False

    def _silent(self, error: ChatError) -> Outcome:
        """The end without a last answer: refused if the model has only ever said what cannot be used."""
        if self._outcome.answers and not error.again:
            return self._outcome
        return replace(self._outcome, status="silent", fault=str(error))


def _ask(vision: Vision, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply | ChatError:
    """One request. What else a model may raise (no memory, a bug) is a silence too, which no other try helps."""
    try:
        return vision.ask(shown, messages, seconds)
    except ChatError as error:
        return error
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        return ChatError(f"the model failed ({type(error).__name__}{': ' + said if said else ''})", again=False)
