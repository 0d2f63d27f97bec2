"""Networks that place pictures, and texts, in one space (report section 5: CLIPScore, style, diversity, colour).

    TowersEmbedder   CLIP, SigLIP, SigLIP 2 and Chinese-CLIP: pictures and texts
    VisionEmbedder   any vision network of the transformers library (DINOv2, ViT, CLIP's own vision tower): pictures

Both read a folder or a hub id. A style network such as CSD is one of the second kind once its weights are in a folder
of transformers' layout (CSD: a `CLIPVisionModelWithProjection`); nothing here turns an untrained head into a row.
Pictures go through transformers' processors for PIL. Each picture and text is looked at alone, so no row depends on
its neighbours. Weights in open_clip's format are not read: its package needs torchvision; OpenAI's CLIP is published
in both. Letters: N pictures or texts, D width of the space.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModel, CLIPVisionModelWithProjection

from hanmo.data.filters.image_text import Family, Towers, TowersConfig
from hanmo.errors import RequestError, WeightsError
from hanmo.evaluate.judges.protocols import Embedder
from hanmo.evaluate.judges.weights import Found, Once, find
from hanmo.evaluate.types import Json
from hanmo.weights.fill import parse_device

TOKENS: Mapping[str, int] = {"clip": 77, "siglip": 64, "siglip2": 64, "chinese_clip": 52}
"""Longest text that each family was trained with; what comes after is cut off."""

Pooling = Literal["projection", "cls", "pooled"]
"""What stands for the whole picture: the projected vector, the first token's, or the network's own pooling."""

_CLS = ("vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit")


def open_embedder(model: str, device: str = "cpu") -> Embedder:
    """The embedder of a folder or hub id: of two towers where the network has them, else of pictures alone.

    Raises:
        WeightsError: it is not there.
    """
    found = find(model)
    return TowersEmbedder(model, device) if found.kind in get_args(Family) else VisionEmbedder(model, device)


class TowersEmbedder:
    """A network of two towers, read at first use.

    Args:
        model: a folder, or an id on the hub (with @revision, if need be).
        device: where it runs, in float32.

    Raises:
        WeightsError: it is not there, or is another kind of network.
    """

    def __init__(self, model: str, device: str = "cpu") -> None:
        self._found = find(model, get_args(Family))
        config = TowersConfig(
            str(self._found.folder), tokens=TOKENS[self._found.kind], device=str(parse_device(device))
        )
        self._towers = Once(lambda: Towers(config))
        self._turn = threading.Lock()

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        return _described(self._found, "embedder of two towers", {"tokens": TOKENS[self._found.kind]})

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        """See `Embedder`.

        Raises:
            WeightsError: at first use: the weights are damaged.
        """
        towers = self._towers()
        with self._turn:
            rows = [towers.see(np.asarray(image.convert("RGB"), dtype=np.uint8)) for image in images]
        return _rows(rows)

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        """See `Embedder`."""
        towers = self._towers()
        with self._turn:
            rows = [towers.read(text) for text in texts]
        return _rows(rows)


class VisionEmbedder:
    """A network that sees and does not read, read at first use.

    Args:
        model: a folder, or an id on the hub (with @revision, if need be).
        device: where it runs, in float32.
        pooling: None takes what the network is made for, see `Pooling`.

    Raises:
        WeightsError: it is not there.
    """

    def __init__(self, model: str, device: str = "cpu", pooling: Pooling | None = None) -> None:
        self._found = find(model)
        self._pooling = pooling or _usual_pooling(self._found)
        self._device = parse_device(device)
        self._network = Once(self._read)
        self._turn = threading.Lock()

    def describe(self) -> Mapping[str, Json]:
        """See `Judge`."""
        return _described(self._found, "embedder of pictures", {"architecture": self._found.kind, "row": self._pooling})

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        """See `Embedder`.

        Raises:
            WeightsError: at first use: the weights are damaged, or do not have the row that was asked for.
        """
        prepare, model = self._network()
        rows = []
        with self._turn, torch.inference_mode():
            for image in images:
                inputs = prepare(images=image.convert("RGB"), return_tensors="pt").to(self._device)
                rows.append(F.normalize(self._pooled(model(**inputs)), dim=-1))
        return _rows(rows)

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        """Refuse.

        Raises:
            RequestError: always.
        """
        raise RequestError(f"{self._found.name} sees pictures and reads no texts: give a network of two towers (CLIP)")

    def _pooled(self, out: Any) -> Float[torch.Tensor, "1 D"]:
        rows: dict[Pooling, Any] = {"projection": getattr(out, "image_embeds", None)}
        rows["pooled"] = getattr(out, "pooler_output", None)
        rows["cls"] = out.last_hidden_state[:, 0] if out.last_hidden_state.ndim == 3 else None
        row = rows[self._pooling]
        if row is None:
            raise WeightsError(f"{self._found.name} has no {self._pooling} row: name another network")
        flat: Float[torch.Tensor, "1 D"] = row.flatten(1)
        return flat

    def _read(self) -> tuple[Any, Any]:
        kind: Any = CLIPVisionModelWithProjection if self._pooling == "projection" else AutoModel
        try:
            prepare: Any = AutoImageProcessor.from_pretrained(self._found.folder, local_files_only=True, backend="pil")
            model, loaded = kind.from_pretrained(
                self._found.folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            why = " ".join(str(error).split())[:200]
            raise WeightsError(f"the network {self._found.name} cannot be loaded ({why}): download it again") from None
        missing = sorted(name for name in loaded["missing_keys"] if self._pooling != "cls" or "pooler" not in name)
        if missing:
            raise WeightsError(f"the network {self._found.name} lacks {missing[0]!r}: download it again")
        return prepare, model.to(self._device).eval()


def _usual_pooling(found: Found) -> Pooling:
    made = json.loads((found.folder / "config.json").read_text("utf-8")).get("architectures") or []
    if "CLIPVisionModelWithProjection" in made:
        return "projection"
    return "cls" if found.kind in _CLS else "pooled"


def _described(found: Found, kind: str, settings: Mapping[str, Json]) -> Mapping[str, Json]:
    package = f"transformers {version('transformers')}"
    known = {"weights": found.digest, "dtype": "float32", **settings}
    return {"kind": kind, "name": found.name, "version": package, "settings": known}


def _rows(rows: Sequence[Float[torch.Tensor, "1 D"]]) -> Float[np.ndarray, "N D"]:
    made: Float[np.ndarray, "N D"] = torch.cat(list(rows)).float().cpu().numpy() if rows else np.zeros((0, 0))
    return made
