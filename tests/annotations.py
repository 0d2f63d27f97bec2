"""Pictures, and answers about them, for the tests of annotation. It knows nothing of our classes but `Item`."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image

from hanmo.data.annotate.one import Item

COLORS = {"red": (220, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 220), "white": (250, 250, 250)}


def file_of(color: str, size: tuple[int, int] = (32, 32), kind: str = "PNG") -> bytes:
    """A picture of one colour, as a file."""
    file = io.BytesIO()
    Image.new("RGB", size, COLORS[color]).save(file, kind)
    return file.getvalue()


def items(*colors: str) -> list[Item]:
    """One item for each colour, its id."""
    return [Item(color, file_of(color)) for color in colors]


def answer(caption: str = 'A red card with the text "OPEN 24h".', **changed: Any) -> str:
    """A good answer, or one with changed fields (underscores stand for spaces; None takes a field away)."""
    fields = {
        "Caption": caption,
        "Image Type": "photograph",
        "Image Style": "realistic",
        "Watermark List": [],
        "Abnormal Element": "no",
    } | {name.replace("_", " "): value for name, value in changed.items()}
    return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)


def seen_color(asked: dict[str, Any]) -> str:
    """The colour of the picture in a request to an endpoint, as a model there would see it."""
    url = asked["messages"][0]["content"][0]["image_url"]["url"]
    kind, _, data = url.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        pixel = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return min(COLORS, key=lambda name: sum(abs(a - b) for a, b in zip(pixel, COLORS[name], strict=True)))
