"""A body of multipart/form-data (RFC 7578), as forms with files send it. It knows nothing of what is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One field.

    Attributes:
        name: of the field; ASCII without quotes.
        data: its bytes.
        filename: of a file; None for a plain field.
        kind: media type of a file.
    """

    name: str
    data: bytes
    filename: str | None = None
    kind: str = "application/octet-stream"


def multipart(parts: Sequence[Part]) -> tuple[str, bytes]:
    """The value of Content-Type, and the body.

    The boundary is a hash of all parts, so the same parts make the same bytes, and it cannot stand in them.
    """
    found = hashlib.sha256()
    for part in parts:
        found.update(part.data)
    boundary = f"hanmo-{found.hexdigest()}"
    lines: list[bytes] = []
    for part in parts:
        disposition = f'form-data; name="{part.name}"'
        kind = ""
        if part.filename is not None:
            disposition, kind = f'{disposition}; filename="{part.filename}"', f"Content-Type: {part.kind}\r\n"
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{kind}\r\n"
        lines += [head.encode(), part.data, b"\r\n"]
    return f"multipart/form-data; boundary={boundary}", b"".join([*lines, f"--{boundary}--\r\n".encode()])
