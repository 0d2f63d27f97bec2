"""A model that says again what was once said about a picture: for tests, and for re-runs that cost nothing.

It reads JSON lines with `picture` (`record.content_id` of the file) and `answers` (texts, in order). A journal
of an earlier run is such a file: with new checks, or after reading the text in the pictures anew, the same
answers can be judged again without asking anybody. It knows no schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hanmo.data.annotate.journal import HEAD, read_lines
from hanmo.data.annotate.picture import Shown
from hanmo.errors import RequestError
from hanmo.pipeline.chat import ChatError, Message, Reply


class Replay:
    """Recorded answers. Where a picture has several lines, the last with answers counts.

    Args:
        path: of JSON lines.

    Raises:
        RequestError: the file is missing, or a line is none of those.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"replay of {path.name}"
        self._answers: dict[str, list[str]] = {}
        for number, line in enumerate(read_lines(path).lines, start=1):
            match line:
                case {"picture": str(key), "answers": list(answers)} if all(isinstance(each, str) for each in answers):
                    if answers:
                        self._answers[key] = answers
                case _ if HEAD not in line:
                    raise RequestError(f"line {number} of {path} is no recorded answer: it needs picture and answers")

    def ask(self, shown: Shown, messages: Sequence[Message], seconds: float) -> Reply:
        """See `Vision`; the answer is the next after those that the conversation holds."""
        answers = self._answers.get(shown.key, [])
        heard = sum(message["role"] == "assistant" for message in messages)
        if heard >= len(answers):
            raise ChatError("no answer was recorded" if not answers else "no further answer was recorded", again=False)
        return Reply(answers[heard], 0)
