"""What becomes of one picture: an annotation, or the reason why there is none.

Four ends, and never an exception that would kill a run. Three are decided for good; a picture whose model kept
silent is asked about again on the next start. It knows no model and no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hanmo.data.annotate.quoting import Quoting
from hanmo.data.annotate.schema import Annotation

Status = Literal["annotated", "refused", "broken", "silent"]
"""annotated: there is one. refused: no answer was an annotation. broken: the file cannot be shown. silent: the model
could not be asked, or gave no answer."""


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        id: the record's.
        picture: `record.content_id` of the file.
        status: see `Status`.
        annotation: when it is annotated.
        quoting: when it is annotated and the text in the picture was handed in.
        fault: when it is not annotated, why.
        answers: what the model said, in order; the last is the annotation's.
        requests: how often it was asked.
        tokens: read and written for that; None where the model does not say.
    """

    id: str
    picture: str
    status: Status
    annotation: Annotation | None = None
    quoting: Quoting | None = None
    fault: str | None = None
    answers: tuple[str, ...] = ()
    requests: int = 0
    tokens: int | None = 0

    @property
    def final(self) -> bool:
        """Whether it is decided for good."""
        return self.status != "silent"

    def to_json(self) -> dict[str, Any]:
        """As an object for a line of JSON; what is None is left out."""
        quoting = self.quoting
        values = {
            "id": self.id,
            "picture": self.picture,
            "status": self.status,
            "annotation": None if self.annotation is None else self.annotation.to_json(),
            "quoting": None
            if quoting is None
            else {"score": quoting.score, "units": quoting.units, "translated": list(quoting.translated)},
            "fault": self.fault,
            "answers": list(self.answers),
            "requests": self.requests,
            "tokens": self.tokens,
        }
        return {key: value for key, value in values.items() if value is not None}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Outcome:
        """The outcome that `to_json` wrote.

        Raises:
            LookupError, TypeError, ValueError: the object is none.
        """
        status = values["status"]
        if status not in get_args(Status):
            raise ValueError(status)
        said, quoting = values.get("annotation"), values.get("quoting")
        return Outcome(
            str(values["id"]),
            str(values["picture"]),
            status,
            None if said is None else Annotation.from_json(said),
            None if quoting is None else Quoting(quoting["score"], quoting["units"], tuple(quoting["translated"])),
            values.get("fault"),
            tuple(values["answers"]),
            values["requests"],
            values.get("tokens"),
        )
