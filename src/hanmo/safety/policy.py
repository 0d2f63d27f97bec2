"""What a safety policy does: checks of the prompt and of the picture, and the outcome of each picture.

A policy belongs to whoever runs the model, not to who asks: it is an attribute of the pipeline and no field of
a request. It has three modes: "off" checks nothing, "log" writes findings to the log and paints on, "block"
keeps the picture back. A blocked picture is a value of its own type, never a black picture. What is checked,
and by which list or network, is known to `prompt` and `image`, or to the caller's own functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image

from hanmo.errors import RequestError
from hanmo.log import get_logger
from hanmo.safety.image import LIMIT, OpenNsfw
from hanmo.safety.prompt import load_words

Mode = Literal["off", "log", "block"]
Stage = Literal["prompt", "picture"]

PromptCheck = Callable[[str], str | None]
"""A prompt -> why it is objected to, in a few words; None when it is not."""

PictureCheck = Callable[[Image.Image], str | None]
"""A finished picture -> why it is objected to; None when it is not."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class Finding:
    """One objection.

    Attributes:
        stage: what was checked.
        reason: in a few words, as the check said it.
    """

    stage: Stage
    reason: str


@dataclass(frozen=True)
class Passed:
    """A picture that was checked and painted; in the mode "log" possibly with findings."""

    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"blocked": False, "findings": [asdict(finding) for finding in self.findings]}


@dataclass(frozen=True)
class Blocked:
    """A picture that is kept back: the outcome in the picture's place."""

    finding: Finding

    @property
    def reason(self) -> str:
        """In one line, with what was checked."""
        return f"{self.finding.stage}: {self.finding.reason}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"blocked": True, "findings": [asdict(self.finding)]}


Verdict = Passed | Blocked


@dataclass(frozen=True)
class Policy:
    """What is checked, and what follows.

    Attributes:
        mode: off, log or block.
        prompt: checks each prompt (and what a rewriter made it from); None checks none.
        picture: checks each picture that was painted; None checks none.

    Raises:
        RequestError: at construction: an unknown mode, checks that would never run, or none that could.
    """

    mode: Mode = "off"
    prompt: PromptCheck | None = None
    picture: PictureCheck | None = None

    def __post_init__(self) -> None:
        """Refuse what would not do what it says."""
        check_mode(self.mode)
        checks = self.prompt is not None or self.picture is not None
        if self.mode == "off" and checks:
            raise RequestError("the safety mode is off but checks were given: give mode 'log' or 'block'")
        if self.mode != "off" and not checks:
            raise RequestError(f"the safety mode is {self.mode!r} but nothing is checked: give a check, or mode 'off'")

    def of_prompts(self, texts: Sequence[Sequence[str]]) -> dict[int, Verdict]:
        """Judge each picture by its words before anything is computed; empty when the mode is off.

        Args:
            texts: for each picture, all words that it comes from.
        """
        if self.mode == "off":
            return {}
        return {index: self._verdict(index, "prompt", self.prompt, own) for index, own in enumerate(texts)}

    def of_pictures(self, images: Mapping[int, Image.Image], before: Mapping[int, Verdict]) -> dict[int, Verdict]:
        """Judge the pictures that were painted, and join it with what was found of their prompts.

        Args:
            images: by the number of the picture in its request.
            before: what `of_prompts` gave.
        """
        verdicts = dict(before)
        for index in images if self.mode != "off" else ():
            after = self._verdict(index, "picture", self.picture, [images[index]])
            earlier = verdicts[index]
            if isinstance(after, Passed) and isinstance(earlier, Passed):
                after = Passed(earlier.findings + after.findings)
            verdicts[index] = after
        return verdicts

    def _verdict(
        self, index: int, stage: Stage, check: Callable[[Any], str | None] | None, things: Sequence[Any]
    ) -> Verdict:
        reasons = [check(thing) for thing in things] if check is not None else []
        findings = tuple(Finding(stage, reason) for reason in dict.fromkeys(reasons) if reason is not None)
        for finding in findings:
            _log.warning("safety, picture %d, %s: %s (%s)", index + 1, stage, finding.reason, self.mode)
        return Blocked(findings[0]) if findings and self.mode == "block" else Passed(findings)


def standard_policy(mode: Mode, words: Path | str | None = None, limit: float = LIMIT) -> Policy:
    """The policy that comes with Hanmo: a list of words for prompts, OpenNSFW for pictures.

    Args:
        mode: off, log or block.
        words: a list of the caller's in the format of `prompt.load_words`; None takes ours.
        limit: score from which a picture is objected to.

    Raises:
        RequestError: an unknown mode, a list that cannot be read or would not be used, or the extra `safety` is
            not installed.
    """
    check_mode(mode)
    if mode == "off":
        if words is not None:
            raise RequestError(f"the safety list {words} has no effect with safety off: give 'log' or 'block'")
        return Policy()
    return Policy(mode, load_words(words), OpenNsfw(limit))


def check_mode(mode: str) -> None:
    """See that a mode is one.

    Raises:
        RequestError: it is none.
    """
    if mode not in get_args(Mode):
        raise RequestError(f"safety {mode!r} is not allowed: give off, log or block")
