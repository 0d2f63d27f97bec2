"""Where a model's name leads: the bundled folder, a folder on disk, or a repository on a hub.

Only the files that a picture needs are fetched. Hub clients are imported on use: a local folder needs
neither a network nor their start-up time. This module knows no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Literal

from hanmo.errors import HanmoError, WeightsError
from hanmo.weights.check import describe_foreign
from hanmo.weights.tensors import read_header

Source = Literal["huggingface", "modelscope"]
BUNDLED = "hanmo-tiny"
"""Name of the model in the wheel."""

PATTERNS = (
    "model_index.json",
    "hanmo.json",
    "transformer/*.json",
    "transformer/*.safetensors",
    "vae/*.json",
    "vae/*.safetensors",
    "text_encoder/*.json",
    "text_encoder/*.safetensors",
    "tokenizer/*",
    "processor/*",
    "scheduler/*.json",
)
"""Files of a repository that are fetched; pickles, pictures and other formats stay where they are."""

CONFIG_PATTERNS = tuple(pattern for pattern in PATTERNS if not pattern.endswith(".safetensors"))
"""The same without the tensors: enough to describe a checkpoint."""

CONTROLNET_PATTERNS = ("config.json", "diffusion_pytorch_model*.json", "diffusion_pytorch_model*.safetensors")
"""Files of a ControlNet's repository that are fetched."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_id(model: str) -> bool:
    """Whether `resolve` would look this name up on a hub."""
    path = Path(model).expanduser()
    return not path.exists() and _HUB_ID.fullmatch(model) is not None


def resolve(
    model: str | Path | None = None,
    source: Source = "huggingface",
    revision: str | None = None,
    patterns: Sequence[str] = PATTERNS,
) -> Path:
    """The folder of a model on this machine, fetched first when it is a hub id.

    Args:
        model: None or "hanmo-tiny" for the bundled model, a folder, or a hub id such as "Qwen/Qwen-Image".
        source: the hub that ids are looked up on.
        revision: branch, tag or commit on the hub; None takes its main branch.
        patterns: files of a repository that are fetched.

    Raises:
        WeightsError: no such folder or repository, no network and nothing cached, or a single file.
    """
    if source not in ("huggingface", "modelscope"):
        raise WeightsError(f"source {source!r} is not known: choose huggingface or modelscope")
    if model is None or (str(model) == BUNDLED and not Path(BUNDLED).exists()):
        _refuse_revision(revision, "the bundled model")
        return bundled()
    path = Path(model).expanduser()
    if path.is_dir():
        _refuse_revision(revision, f"the folder {path}")
        return path
    if path.is_file():
        raise WeightsError(_single_file(path))
    if isinstance(model, Path) or not _HUB_ID.fullmatch(model):
        raise WeightsError(
            f"the model {str(model)!r} is neither a folder here nor a hub id: give a checkpoint folder, "
            "an id such as Qwen/Qwen-Image, or nothing for the bundled model"
        )
    fetch = _fetch_huggingface if source == "huggingface" else _fetch_modelscope
    where = f"{model} at revision {revision}" if revision else model
    try:
        return Path(fetch(model, revision, list(patterns)))
    except HanmoError:
        raise
    except Exception as error:  # each client, and each HTTP library under it, has its own classes
        raise WeightsError(f"{where} could not be fetched from {source}: {_reason(error)}") from error


def resolve_controlnet(model: str, source: Source = "huggingface") -> Path:
    """The folder of a ControlNet on this machine, fetched first when it is a hub id.

    Args:
        model: a folder, or a hub id such as "InstantX/Qwen-Image-ControlNet-Union".
        source: the hub that ids are looked up on.

    Raises:
        WeightsError: as for `resolve`.
    """
    path = Path(model).expanduser()
    if not path.exists() and not is_hub_id(model):
        raise WeightsError(
            f"the ControlNet {model!r} is neither a folder here nor a hub id: give the folder of its config.json, "
            "or an id such as InstantX/Qwen-Image-ControlNet-Union"
        )
    return resolve(path if path.exists() else model, source, patterns=CONTROLNET_PATTERNS)


def bundled() -> Path:
    """The folder of the model in the wheel.

    Raises:
        HanmoError: this installation carries none.
    """
    folder = Path(str(resources.files("hanmo"))) / "assets" / BUNDLED
    if not (folder / "model_index.json").is_file():
        raise HanmoError(
            f"this installation has no bundled model ({folder} is missing): install the wheel again, or name a model"
        )
    return folder


def _fetch_huggingface(model: str, revision: str | None, patterns: list[str]) -> str:
    from huggingface_hub import snapshot_download

    return str(snapshot_download(model, revision=revision, allow_patterns=patterns))


def _fetch_modelscope(model: str, revision: str | None, patterns: list[str]) -> str:
    try:
        from modelscope import snapshot_download
    except ImportError:
        raise WeightsError(
            "ModelScope needs its client: pip install 'hanmo[modelscope]', or use --source huggingface"
        ) from None
    return str(snapshot_download(model, revision=revision, allow_patterns=patterns))


def _reason(error: Exception) -> str:
    names = {cls.__name__ for cls in type(error).__mro__}
    if "GatedRepoError" in names:
        return "access is restricted; accept its licence on the hub and log in"
    if "RevisionNotFoundError" in names:
        return "there is no such revision; name a branch, tag or commit of that repository"
    if names & {"RepositoryNotFoundError", "NotExistError"}:
        return "there is no such repository, or it is private; check the spelling, or log in"
    if "LocalEntryNotFoundError" in names or names & {
        "ConnectionError",
        "ConnectError",
        "OfflineModeIsEnabled",
        "TimeoutException",
    }:
        return "the hub cannot be reached and the files are not cached here; go online once, or give a folder"
    if isinstance(error, OSError) and error.errno is not None:
        return (
            f"{error.strerror}; free space, or set HF_HOME to another disk"
            if error.errno == 28
            else str(error.strerror)
        )
    return " ".join(str(error).split())[:200] or type(error).__name__


def _refuse_revision(revision: str | None, what: str) -> None:
    if revision is not None:
        raise WeightsError(f"revision {revision!r} was given with {what}, which has none: leave it out")


def _single_file(path: Path) -> str:
    advice = "give a folder of the published layout"
    if path.suffix != ".safetensors":
        return f"{path} is a single file, not a checkpoint: {advice}"
    try:
        foreign = describe_foreign(read_header(path))
    except WeightsError as error:
        return str(error)
    return f"{path} is a single file{f' ({foreign})' if foreign else ''}, not a checkpoint: {advice}"
