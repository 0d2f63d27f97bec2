"""What a picture says about its own making: the request, in the metadata of its file.

PNG has two text chunks: `hanmo` holds JSON that `read_request` gives back; `parameters` is the text of prompt
and settings that other tools show. JPEG and WebP have an XMP packet with both. Nothing here knows the pipeline:
a request is anything that has `record`.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hanmo import __version__
from hanmo.errors import OutputError, RequestError
from hanmo.safety.xmp import EDITED_BY_ALGORITHM, MADE_BY_ALGORITHM, request_in, xmp_packet

KEY = "hanmo"

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Endings of the files that keep a request, and what PIL calls their format."""

_SAMPLERS = {"euler": "Euler", "heun": "Heun"}


@runtime_checkable
class Recorded(Protocol):
    """A request as this module sees it."""

    def record(self, index: int = 0) -> dict[str, Any]:
        """What describes picture number `index`, ready for JSON."""


def picture_record(request: Recorded, index: int = 0, model: str | None = None, **run: str) -> dict[str, Any]:
    """What a file keeps of one picture.

    Args:
        request: a resolved request, as `Result.request` is.
        index: which of its pictures.
        model: name of the checkpoint.
        run: how it was computed, such as the dtype: what changes pixels, though nobody asked for it.
    """
    named = {} if model is None else {"model": model}
    return request.record(index) | {"version": __version__} | named | run


def png_metadata(request: Recorded, index: int = 0, model: str | None = None) -> PngInfo:
    """The text chunks of one picture, for PIL's `save(..., pnginfo=...)`; arguments as for `picture_record`."""
    return _chunks(picture_record(request, index, model))


def encode(image: Image.Image, ending: str, record: Mapping[str, Any]) -> bytes:
    """The bytes of a picture's file, with its request inside.

    Args:
        image: RGB.
        ending: of the file's name: one of `FORMATS`. PNG and WebP keep every pixel, JPEG does not.
        record: of `picture_record`.

    Raises:
        OutputError: another ending, or a request too long for the format.
    """
    kind = FORMATS.get(ending.lower())
    file = io.BytesIO()
    packet = xmp_packet(_json(record), parameters(record), source_type(record))
    try:
        match kind:
            case "PNG":
                image.save(file, "PNG", pnginfo=_chunks(record))
            case "JPEG":
                image.save(file, "JPEG", quality=95, subsampling=0, xmp=packet)
            case "WEBP":
                image.save(file, "WEBP", lossless=True, xmp=packet)
            case _:
                raise OutputError(f"{ending!r} is no ending of a picture's file here: give {', '.join(FORMATS)}")
    except ValueError as error:
        if isinstance(error, OutputError) or kind != "JPEG":
            raise
        raise OutputError(f"the request is too long for a JPEG file ({error}): write a PNG or WebP file") from None
    return file.getvalue()


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
    if "solver" in shown:
        shown["solver"] = _SAMPLERS.get(shown["solver"], shown["solver"])
    if "version" in shown:
        shown["version"] = f"hanmo {shown['version']}"
    lines = [str(record["prompt"])]
    if record.get("negative", "").strip():
        lines.append(f"Negative prompt: {record['negative']}")
    lines.append(", ".join(f"{label}: {_setting(shown[key])}" for key, label in names.items() if key in shown))
    return "\n".join(lines)


def source_type(record: Mapping[str, Any]) -> str:
    """The IPTC's word for how such a picture came about: from words, or from a picture too."""
    return EDITED_BY_ALGORITHM if record.get("images") else MADE_BY_ALGORITHM


def read_request(path: Path | str) -> dict[str, Any]:
    """The record that `encode` or `png_metadata` put into a file.

    Raises:
        RequestError: the file is missing, is no picture, or carries no such record.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            text = getattr(picture, "text", {}).get(KEY) or request_in(picture.info.get("xmp", b""))
    except FileNotFoundError:
        raise RequestError(f"the picture {path} does not exist: give the path of a picture that Hanmo saved") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(f"the picture {path} cannot be read ({error}): give a PNG, JPEG or WebP file") from None
    if text is None:
        raise RequestError(f"{path} carries no request: only pictures that Hanmo saved do")
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise RequestError(f"the request in {path} is damaged: it is no JSON object")
    return record


def _chunks(record: Mapping[str, Any]) -> PngInfo:
    info = PngInfo()
    info.add_itxt(KEY, _json(record))
    info.add_itxt("parameters", parameters(record))
    return info


def _json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)


def _setting(value: object) -> str:
    """A value as those tools parse it: in quotes where it holds what divides settings."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,:\n]", text) else text
