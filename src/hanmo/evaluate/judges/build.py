"""The judges that a run needs, from its settings; what is missing is named at once, before any picture is made.

Presence is checked here: an endpoint is asked for its list of models, weights must be on this machine (those on the
hub are fetched), packages must be installed. Networks are read at first use. This module knows no benchmark.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from hanmo.errors import RequestError
from hanmo.evaluate.judges.ocr import RapidReader, VLMReader
from hanmo.evaluate.judges.protocols import OCR, VLM, Detector, Embedder, Judges
from hanmo.evaluate.judges.replay import Recording, Replay
from hanmo.evaluate.judges.vlm import EndpointVLM, Patience
from hanmo.pipeline.chat import ChatError

T = TypeVar("T")

EMBEDDERS: Mapping[str, str] = {
    "clip": "openai/clip-vit-large-patch14",
    "siglip2": "google/siglip2-base-patch16-256",
    "chinese-clip": "OFA-Sys/chinese-clip-vit-base-patch16@refs/pr/1",
}
"""On the hub, for names of embedders that the settings do not mention. GenEval and CVTG-2K have the first."""

_CHECK_SECONDS = 5.0
_ONE_VLM = "give one of vlm_url (--vlm, with --vlm-model), vlm_local (--vlm-local), replay (--replay)"


@dataclass(frozen=True)
class JudgeConfig:
    """Who judges, and where.

    Attributes:
        vlm_url: base of an OpenAI-compatible endpoint, such as https://host/v1.
        vlm_model: name that the endpoint knows.
        vlm_key_env: environment variable that holds its key; unset sends none.
        vlm_local: folder or hub id of a Qwen2.5-VL that answers here.
        replay: file of recorded answers that are said again.
        record: file that answers are written to.
        ocr: who reads text: RapidOCR, or the VLM that answers, as LongText-Bench and OneIG-Bench have it.
        detector: folder or hub id of a Mask2Former; None takes `detector.MODEL`.
        embedders: folder or hub id by name; for other names see `EMBEDDERS`.
        device: where networks run.
        seconds: for one answer.
        threads: of the reader of text.

    Raises:
        RequestError: at construction: more than one who answers, or a number that cannot be.
    """

    vlm_url: str | None = None
    vlm_model: str | None = None
    vlm_key_env: str = "HANMO_VLM_KEY"
    vlm_local: str | None = None
    replay: Path | None = None
    record: Path | None = None
    ocr: Literal["rapidocr", "vlm"] = "rapidocr"
    detector: str | None = None
    embedders: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    seconds: float = 120.0
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the settings."""
        given = [name for name in ("vlm_url", "vlm_local", "replay") if getattr(self, name) is not None]
        if len(given) > 1:
            raise RequestError(f"{' and '.join(given)} were given, and one alone can answer: {_ONE_VLM}")
        if self.vlm_model is not None and self.vlm_url is None:
            raise RequestError(f"vlm_model {self.vlm_model!r} was given without vlm_url, where it answers: {_ONE_VLM}")
        if self.record is not None and self.replay is not None:
            raise RequestError("record was given with replay, whose answers are in a file already: leave one out")
        if self.ocr not in ("rapidocr", "vlm"):
            raise RequestError(f"nobody called {self.ocr!r} reads text: choose rapidocr or vlm")
        if not 0 < self.seconds < math.inf:
            raise RequestError(f"seconds = {self.seconds} is not allowed: give seconds above 0")
        if self.threads < 1:
            raise RequestError(f"threads = {self.threads} is not allowed: give 1 or more")


def build(needs: Sequence[str], config: JudgeConfig) -> Judges:
    """The judges of some roles.

    Args:
        needs: roles, see `protocols`; may name one twice.
        config: who they are.

    Returns:
        Those judges and no other.

    Raises:
        RequestError: roles that do not exist, or judges that cannot be had: all of them, and what to give.
    """
    for role in needs:
        Judges().get(role)
    missing: list[str] = []
    detector = _try("detector", needs, missing, partial(_detector, config))
    ocr = _try("ocr", needs, missing, partial(_ocr, config))
    vlm = _try("vlm", needs, missing, partial(_vlm, config))
    names = dict.fromkeys(role.partition(":")[2] for role in needs if role.startswith("embedder:"))
    tried = {name: _try(f"embedder:{name}", needs, missing, partial(_embedder, name, config)) for name in names}
    embedders = {name: made for name, made in tried.items() if made is not None}
    if missing:
        raise RequestError(f"{len(missing)} of the judges cannot be had: {'; '.join(missing)}")
    return Judges(detector, ocr, vlm, embedders)


def _try(role: str, needs: Sequence[str], missing: list[str], make: Callable[[], T]) -> T | None:
    """A judge that is needed; None, and a line in `missing`, where it cannot be had."""
    if role not in needs:
        return None
    try:
        return make()
    except RequestError as error:
        missing.append(f"{role} ({error})")
        return None


def _detector(config: JudgeConfig) -> Detector:
    from hanmo.evaluate.judges.detector import MODEL, Mask2FormerDetector

    return Mask2FormerDetector(config.detector or MODEL, config.device)


def _ocr(config: JudgeConfig) -> OCR:
    return VLMReader(_vlm(config)) if config.ocr == "vlm" else RapidReader(config.threads)


def _embedder(name: str, config: JudgeConfig) -> Embedder:
    from hanmo.evaluate.judges.embedder import open_embedder

    model = config.embedders.get(name) or EMBEDDERS.get(name)
    if model is None:
        raise RequestError(f"give embedders.{name}, a folder or hub id (--embedder {name}=MODEL)")
    return open_embedder(model, config.device)


def _vlm(config: JudgeConfig) -> VLM:
    vlm = _who_answers(config)
    return vlm if config.record is None else Recording(vlm, config.record)


def _who_answers(config: JudgeConfig) -> VLM:
    if config.replay is not None:
        return Replay(config.replay)
    if config.vlm_local is not None:
        from hanmo.evaluate.judges.local_vlm import LocalVLM

        return LocalVLM(config.vlm_local, config.device, config.seconds)
    if config.vlm_url is None:
        raise RequestError(f"nobody answers: {_ONE_VLM}")
    key, patience = os.environ.get(config.vlm_key_env), Patience(config.seconds)
    vlm = EndpointVLM(config.vlm_url, config.vlm_model or "", key, config.vlm_key_env, patience)
    place = vlm.describe()["settings"]["endpoint"]
    try:
        models = vlm.models(min(_CHECK_SECONDS, config.seconds))
    except ChatError as error:
        hint = f"set {config.vlm_key_env}" if error.status in (401, 403) else "check vlm_url"
        raise RequestError(f"{place}: {error}; {hint}") from None
    if not config.vlm_model:
        listed = f", one of {', '.join(models[:5])}" if models else ""
        raise RequestError(f"{place} needs the name of a model: give vlm_model{listed}")
    return vlm
