"""The picture of a record, decoded once for all operators of a stage (report section 3.2).

A worker asks every operator about one record before it turns to the next, so the newest picture is kept and no other.
It is a function of the bytes and the limits alone: an operator that calls `picture_of` gets what it would have decoded
by itself. It does not know scores or thresholds.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8

from hanmo.data.decode import Decoded, DecodeLimits, Undecodable, decode
from hanmo.data.record import Record
from hanmo.errors import HanmoError

Pixels = UInt8[np.ndarray, "H W 3"]


def looked_at(record: Record, limits: DecodeLimits | None = None) -> Decoded | Undecodable:
    """What `decode` says of a record's bytes, with its own format declared. Do not write into the picture."""
    return _newest(record.image, record.format, limits or DecodeLimits())


def decoded_of(record: Record, limits: DecodeLimits | None = None) -> Decoded:
    """What `looked_at` gives where there is a picture.

    Raises:
        HanmoError: there is none; `measured` makes the verdict "failed" of it.
    """
    return _whole(looked_at(record, limits))


def picture_of(record: Record, limits: DecodeLimits | None = None) -> Pixels:
    """A record's picture: upright, RGB, 0-255. It cannot be written to.

    Raises:
        HanmoError: there is none; `measured` makes the verdict "failed" of it.
    """
    return pixels_in(record.image, record.format, limits or DecodeLimits())


@lru_cache(maxsize=1)
def _newest(image: bytes, kind: str, limits: DecodeLimits) -> Decoded | Undecodable:
    return decode(image, kind, limits)


@lru_cache(maxsize=1)
def pixels_in(image: bytes, kind: str, limits: DecodeLimits) -> Pixels:
    """`picture_of` of a record with these bytes of this format."""
    pixels = np.asarray(_whole(_newest(image, kind, limits)).image)
    pixels.flags.writeable = False
    return pixels


def _whole(found: Decoded | Undecodable) -> Decoded:
    if isinstance(found, Undecodable):
        raise HanmoError(f"no picture: {found.reason.value} ({found.detail})")
    return found
