"""Published networks that look at one picture: embeddings and classifications, through transformers (report 3.2).

Two kinds serve stages 5 and 6: the picture's half of CLIP and its kin, whose embedding an aesthetic head scores and a
search compares, and picture classifiers, such as detectors of watermarks. Any folder or hub id that transformers can
load will do; how pictures are prepared comes from the checkpoint's own preprocessor config. A network is loaded on
first use and kept, one per process and name, on the CPU or on the device that is named. Nothing here knows records,
scores or thresholds. Letters: H W pixels, D dimensions.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from hanmo.data.look import Pixels
from hanmo.errors import WeightsError


@cache
def _loaded(model: str, revision: str, device: str, kind: str) -> tuple[Any, Any]:
    """A network in evaluation mode, and what prepares pictures for it."""
    from transformers import AutoImageProcessor, AutoModel, AutoModelForImageClassification

    family: Any = AutoModel if kind == "embedder" else AutoModelForImageClassification
    try:
        network = family.from_pretrained(model, revision=revision or None, dtype=torch.float32)
        processor = AutoImageProcessor.from_pretrained(model, revision=revision or None)
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"the {kind} {model!r} cannot be loaded: give a folder or a hub id with config.json, weights and "
            f"preprocessor_config.json that transformers knows ({reason})"
        ) from error
    return network.eval().requires_grad_(False).to(device), processor


def embed(picture: Pixels, model: str, revision: str = "", device: str = "cpu") -> Float32[np.ndarray, " D"]:
    """The embedding of a picture, of length 1.

    Args:
        picture: sRGB, 0-255.
        model: a folder or hub id of CLIP, Chinese-CLIP, SigLIP or another network with `get_image_features`.
        revision: branch, tag or commit on the hub; "" takes its main branch.
        device: where torch computes.

    Raises:
        WeightsError: there is no such network, or it embeds no pictures.
    """
    network, processor = _loaded(model, revision, device, "embedder")
    if not hasattr(network, "get_image_features"):
        raise WeightsError(
            f"{model!r} is a {type(network).__name__}, which embeds no pictures: give CLIP, Chinese-CLIP or SigLIP"
        )
    with torch.inference_mode():
        found = network.get_image_features(**_prepared(processor, picture, device))
        # transformers 5 hands on the whole output, whose pooled part is the projected embedding.
        features = found if isinstance(found, torch.Tensor) else found.pooler_output
        unit = torch.nn.functional.normalize(features[0].float(), dim=-1)
    vector: Float32[np.ndarray, " D"] = unit.cpu().numpy()
    return vector


def classify(picture: Pixels, model: str, revision: str = "", device: str = "cpu") -> dict[str, float]:
    """Label -> probability, 0 to 1, adding up to 1, of a picture classifier.

    Raises:
        WeightsError: there is no such classifier.
    """
    network, processor = _loaded(model, revision, device, "classifier")
    with torch.inference_mode():
        logits = network(**_prepared(processor, picture, device)).logits[0].float()
        shares = torch.softmax(logits, dim=-1).tolist()
    return {str(network.config.id2label[number]): float(share) for number, share in enumerate(shares)}


def labels_of(model: str, revision: str = "", device: str = "cpu") -> tuple[str, ...]:
    """What a classifier can say.

    Raises:
        WeightsError: there is no such classifier.
    """
    network, _ = _loaded(model, revision, device, "classifier")
    return tuple(str(network.config.id2label[number]) for number in range(network.config.num_labels))


def _prepared(processor: Any, picture: Pixels, device: str) -> dict[str, torch.Tensor]:
    # A copy: records' pictures cannot be written to, and torch warns of such arrays.
    prepared = processor(images=[np.array(picture)], return_tensors="pt", input_data_format="channels_last")
    return {"pixel_values": prepared["pixel_values"].to(device)}
