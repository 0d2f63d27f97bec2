"""Whether a picture has all that its prompt names, and nothing that it forbids: the rules of GenEval.

Every named class must be there as often as asked, in the colour asked, at the place asked; only the surest objects of a
class are looked at, as many as are asked for. A prompt that asks for four forbids five. One fault is enough.

This module does not know detectors, CLIP or geometry: it is given objects, a namer of colours and a rule of places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hanmo.evaluate.benchmarks.geneval_position import Rule
from hanmo.evaluate.judges.protocols import Detection
from hanmo.evaluate.types import Json

Namer: TypeAlias = Callable[[Sequence[Detection], str], list[str]]
"""Colours of objects of one class, whose name comes second."""


@dataclass(frozen=True)
class Verdict:
    """What the rules say of a picture.

    Attributes:
        faults: in words, the first first; none where the picture is right.
        colours: by class, of the objects whose colour was asked for, the surest first.
    """

    faults: tuple[str, ...]
    colours: Mapping[str, tuple[str, ...]]


def verdict(
    objects: Mapping[str, Sequence[Detection]], truth: Mapping[str, Json], colours: Namer, place: Rule
) -> Verdict:
    """Judge one picture.

    Args:
        objects: by class, the surest first.
        truth: `include`, a list of {class, count, color?, position?: [direction, index of the one it is seen from]},
            and `exclude`, a list of {class, count}; as in the official file.
        colours: names the colours of objects.
        place: how one box lies from another.
    """
    faults: list[str] = []
    named: dict[str, tuple[str, ...]] = {}
    matched: list[Sequence[Detection] | None] = []
    for wanted in truth["include"]:
        name, count = wanted["class"], wanted["count"]
        found = objects.get(name, ())[:count]
        before = len(faults)
        if len(found) < count:
            faults.append(f"{name}: {count} asked for, {len(found)} found")
        elif "color" in wanted:
            named[name] = tuple(colours(found, name))
            right = named[name].count(wanted["color"])
            if right < count:
                faults.append(f"{name}: {count} {wanted['color']} asked for, but they are {', '.join(named[name])}")
        if "position" in wanted and len(faults) == before:
            direction, target = wanted["position"]
            faults.extend(_misplaced(name, found, direction, matched[target], place))
        matched.append(found if len(faults) == before else None)
    for unwanted in truth.get("exclude", ()):
        seen = len(objects.get(unwanted["class"], ()))
        if seen >= unwanted["count"]:
            faults.append(f"{unwanted['class']}: fewer than {unwanted['count']} asked for, {seen} found")
    return Verdict(tuple(faults), named)


def _misplaced(
    name: str, found: Sequence[Detection], direction: str, targets: Sequence[Detection] | None, place: Rule
) -> list[str]:
    """The first pair that lies otherwise than asked, if there is one."""
    if targets is None:
        return [f"{name}: {direction} something that was not found as asked"]
    for one in found:
        for target in targets:
            directions = place(one.box, target.box)
            if direction not in directions:
                seen = " and ".join(sorted(directions)) or "at no clear side of"
                return [f"{name}: {direction} {target.label} asked for, it is {seen} it"]
    return []
