"""Mask2Former (arXiv 2112.01527) of the transformers library, the detector that GenEval's figures are asked of here.

GenEval's own script runs the same architecture, Swin-small trained on COCO, from another library with other weights
and another preparation of the picture, which no longer installs. So figures of this detector are close to published
ones and not the same, and `describe` names it: "GenEval detector (Hugging Face)".

Each of the best pairs of query and class is an instance. Its mask is where the query's logits, enlarged to the
picture, are above 0; its score is the class's probability times the mean probability inside the mask; its box is
drawn around the mask. (transformers' own post-processing cuts the mask out at 384x384 and enlarges it then; at that
size both are the same.) Thresholds, and how many objects count, are the benchmark's.
Letters: Q queries, K classes with "no object", h w the network's mask, H W the picture, N instances.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation

from hanmo.errors import WeightsError
from hanmo.evaluate.judges.protocols import Detection
from hanmo.evaluate.judges.weights import Once, find
from hanmo.evaluate.types import Json
from hanmo.weights.fill import parse_device

MODEL = "facebook/mask2former-swin-small-coco-instance"
"""On the hub; its licence is listed there as "other"."""


class Mask2FormerDetector:
    """A loaded detector; its network is read at first use, and looks at one picture at a time.

    Args:
        model: a folder, or an id on the hub (with @revision, if need be), of a Mask2Former for instances.
        device: where it runs, in float32.

    Raises:
        WeightsError: it is not there, or is another kind of model.
    """

    def __init__(self, model: str = MODEL, device: str = "cpu") -> None:
        self._found = find(model, ["mask2former"])
        self._device = parse_device(device)
        self._network = Once(self._read)
        self._turn = threading.Lock()

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        return {
            "kind": "GenEval detector (Hugging Face)",
            "name": self._found.name,
            "version": f"transformers {version('transformers')}",
            "settings": {"weights": self._found.digest, "dtype": "float32", "masks": "logits enlarged, above 0"},
        }

    def detect(self, image: Image.Image) -> list[Detection]:
        """See `Detector`; instances without any pixel are left out.

        Raises:
            WeightsError: at first use: the weights are damaged.
        """
        prepare, model = self._network()
        seen = image.convert("RGB")
        with self._turn, torch.inference_mode():
            inputs = prepare(images=seen, return_tensors="pt")
            out = model(pixel_values=inputs["pixel_values"].to(self._device))
            return instances(
                out.class_queries_logits[0].float().cpu(),
                out.masks_queries_logits[0].float().cpu(),
                (seen.width, seen.height),
                model.config.id2label,
            )

    def _read(self) -> tuple[Any, Any]:
        folder = self._found.folder
        try:
            prepare: Any = AutoImageProcessor.from_pretrained(folder, local_files_only=True, backend="pil")
            model: Any = Mask2FormerForUniversalSegmentation.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"the detector {self._found.name} cannot be loaded ({why}): download it again") from None
        return prepare, model.to(self._device).eval()


def instances(
    classes: Float[Tensor, "Q K"],
    masks: Float[Tensor, "Q h w"],
    size: tuple[int, int],
    names: Mapping[int, str],
) -> list[Detection]:
    """What a Mask2Former's outputs for one picture say: at most Q instances, the surest first.

    Args:
        classes: logits; the last class is "no object".
        masks: logits.
        size: (width, height) of the picture in pixels.
        names: of the classes.
    """
    likely = classes.softmax(-1)[:, :-1]
    best, places = likely.flatten().topk(min(len(classes), likely.numel()))
    drawn: dict[int, tuple[float, tuple[float, float, float, float], np.ndarray]] = {}
    found = []
    for sure, place in zip(best.tolist(), places.tolist(), strict=True):
        query, label = divmod(place, likely.shape[1])
        if query not in drawn:
            drawn[query] = _drawn(masks[query], size)
        inside, box, mask = drawn[query]
        if mask.any():
            name = names[label]
            found.append(Detection(name, box, sure * inside, mask))
    return sorted(found, key=lambda each: -each.score)


def _drawn(
    logits: Float[Tensor, "h w"], size: tuple[int, int]
) -> tuple[float, tuple[float, float, float, float], np.ndarray]:
    """A query's mean probability inside its mask, the box around it, and the mask."""
    large = F.interpolate(logits[None, None], size=(size[1], size[0]), mode="bilinear", align_corners=False)[0, 0]
    mask = large > 0
    inside = float((large.sigmoid() * mask).sum() / (mask.sum() + 1e-6))
    rows, columns = mask.any(1).nonzero()[:, 0].tolist(), mask.any(0).nonzero()[:, 0].tolist()
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if rows else (0, 0, 0, 0)
    left, top, right, bottom = (float(side) for side in box)
    return inside, (left, top, right, bottom), mask.numpy()
