"""Where one object lies from another, by their boxes: the two rules of GenEval.

With the offset d of the centres, along each axis, and the two boxes' extents w1 and w2 along it:

    apart    the paper's (appendix C.3): to the right when d > 0.1 (w1 + w2); each axis by itself. The inequality for
             "above" is printed there with the wrong sign; the meaning is plain.
    leaning  the official script's: d is first brought nearer to zero by 0.1 (w1 + w2), not beyond zero, then divided by
             the length of the offset that it was BEFORE; to the right when more than 0.5 is left.

So the script asks for more: an object far below and a little to the right is "below", for the paper also "right of".
Both give two directions on a diagonal, and none where boxes lie upon each other. Boxes are (left, top, right, bottom)
in pixels; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from hanmo.evaluate.judges.protocols import FloatBox

Rule: TypeAlias = Callable[[FloatBox, FloatBox], frozenset[str]]

MARGIN = 0.1
LEAST = 0.5
_NOTHING = 1e-3


def apart(box: FloatBox, other: FloatBox) -> frozenset[str]:
    """How `box` lies from `other` by the paper's rule: any of "left of", "right of", "above", "below"."""
    (dx, near_x), (dy, near_y) = _offset(box, other, 0), _offset(box, other, 1)
    return _named(dx if abs(dx) > near_x else 0.0, dy if abs(dy) > near_y else 0.0)


def leaning(box: FloatBox, other: FloatBox) -> frozenset[str]:
    """How `box` lies from `other` by the official script's rule: any of "left of", "right of", "above", "below"."""
    (dx, near_x), (dy, near_y) = _offset(box, other, 0), _offset(box, other, 1)
    left_x, left_y = max(abs(dx) - near_x, 0.0), max(abs(dy) - near_y, 0.0)
    if left_x < _NOTHING and left_y < _NOTHING:
        return frozenset()
    length = math.hypot(dx, dy)
    return _named(dx if left_x / length > LEAST else 0.0, dy if left_y / length > LEAST else 0.0)


def _offset(box: FloatBox, other: FloatBox, axis: int) -> tuple[float, float]:
    """From the other's centre to this one's along an axis, and what is too near to count; both in pixels."""
    offset = (box[axis] + box[axis + 2] - other[axis] - other[axis + 2]) / 2
    return offset, MARGIN * (abs(box[axis + 2] - box[axis]) + abs(other[axis + 2] - other[axis]))


def _named(x: float, y: float) -> frozenset[str]:
    """The directions of an offset of which 0 means none."""
    names = {"left of": x < 0, "right of": x > 0, "above": y < 0, "below": y > 0}
    return frozenset(name for name, true in names.items() if true)
