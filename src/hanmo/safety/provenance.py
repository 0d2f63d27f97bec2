"""What a picture says about its own making: the request, in the metadata of its PNG file.

Two text chunks: `hanmo` holds JSON that `read_request` gives back; `parameters` is the text of prompt and
settings that other tools show. Nothing here knows the pipeline: a request is anything that has `record`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo import __version__
from hanmo.errors import RequestError

KEY = "hanmo"


@runtime_checkable
class Recorded(Protocol):
    """A request as this module sees it."""

    def record(self, index: int = 0) -> dict[str, Any]:
        """What describes picture number `index`, ready for JSON."""


def png_metadata(request: Recorded, index: int = 0, model: str | None = None) -> PngInfo:
    """The text chunks of one picture, for PIL's `save(..., pnginfo=...)`.

    Args:
        request: a resolved request, as `Result.request` is.
        index: which of its pictures.
        model: name of the checkpoint.
    """
    record = request.record(index) | {"version": __version__}
    if model is not None:
        record["model"] = model
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(record, ensure_ascii=False))
    info.add_itxt("parameters", parameters(record))
    return info


def parameters(record: Mapping[str, Any]) -> str:
    """The record as the lines that image browsers show: prompt, negative prompt, settings."""
    names = {
        "steps": "Steps",
        "solver": "Sampler",
        "cfg_scale": "CFG scale",
        "seed": "Seed",
        "size": "Size",
        "strength": "Denoising strength",
        "preset": "Preset",
        "shift": "Shift",
        "loras": "LoRA",
        "model": "Model",
        "version": "Version",
    }
    shown = dict(record)
    if "size" in shown:
        shown["size"] = "x".join(str(side) for side in shown["size"])
    if "loras" in shown:
        shown["loras"] = " + ".join(f"{name}:{weight:g}" for name, weight in shown["loras"])
    if "version" in shown:
        shown["version"] = f"hanmo {shown['version']}"
    lines = [str(record["prompt"])]
    if record.get("negative", "").strip():
        lines.append(f"Negative prompt: {record['negative']}")
    lines.append(", ".join(f"{label}: {shown[key]}" for key, label in names.items() if key in shown))
    return "\n".join(lines)


def read_request(path: Path | str) -> dict[str, Any]:
    """The record that `png_metadata` wrote.

    Raises:
        RequestError: the file is missing, is no picture, or carries no such record.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            text = getattr(picture, "text", {}).get(KEY)
    except FileNotFoundError:
        raise RequestError(f"the picture {path} does not exist: give the path of a PNG file") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise RequestError(f"the picture {path} cannot be read ({error}): give a PNG file") from None
    if text is None:
        raise RequestError(f"{path} carries no request: only PNG files that Hanmo saved do")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RequestError(f"the request in {path} is damaged: it is no JSON object")
    return record
