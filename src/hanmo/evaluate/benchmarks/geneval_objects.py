"""Which objects of a picture GenEval believes in: those the detector is sure of, in the names of its prompts.

An object counts when its score is above a threshold (0.3; 0.9 where objects are counted); of one class, the 16 surest.
Boxes that overlap both count: the official script can suppress the less sure one, but has that switched off.

This module does not know prompts, colours or places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hanmo.evaluate.judges.protocols import Detection

THRESHOLD = 0.3
COUNTING_THRESHOLD = 0.9
MOST = 16

CLASSES = {
    "mouse": "computer mouse",
    "remote": "tv remote",
    "keyboard": "computer keyboard",
    "motorbike": "motorcycle",
    "aeroplane": "airplane",
    "sofa": "couch",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "tvmonitor": "tv",
    "hair dryer": "hair drier",
    "doughnut": "donut",
}
"""COCO's names, old and new, where GenEval's prompts call the class otherwise. All others are COCO's own."""


def believed(detections: Sequence[Detection], threshold: float) -> Mapping[str, list[Detection]]:
    """Objects by class, the surest first.

    Args:
        detections: all that the detector found, in any order. Classes that no prompt names do no harm.
        threshold: an object's score must be above it, 0-1.

    Returns:
        At most `MOST` objects a class; classes of which nothing is believed are missing.
    """
    objects: dict[str, list[Detection]] = {}
    for found in sorted(detections, key=lambda detection: -detection.score):
        if found.score > threshold:
            objects.setdefault(CLASSES.get(found.label, found.label), []).append(found)
    return {name: group[:MOST] for name, group in objects.items()}
