"""The detector against transformers' own post-processing of the same random network, in the same process."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from procedural import scene
from tiny_towers import save_mask2former
from transformers import Mask2FormerForUniversalSegmentation, Mask2FormerImageProcessorPil

from hanmo.errors import WeightsError
from hanmo.evaluate.benchmarks.geneval_objects import CLASSES
from hanmo.evaluate.judges.detector import Mask2FormerDetector, instances
from hanmo.evaluate.judges.protocols import Detector

NAMES = {0: "person", 1: "mouse", 2: "tvmonitor"}
# COCO's 80 names as its own annotations spell them, and as the labels published with some checkpoints do.
COCO = """person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,
parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,
handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,
surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,
broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,
laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,
scissors,teddy bear,hair drier,toothbrush""".replace("\n", "").split(",")
OTHERWISE = {"motorcycle": "motorbike", "airplane": "aeroplane", "couch": "sofa", "potted plant": "pottedplant"}
OTHERWISE |= {"dining table": "diningtable", "tv": "tvmonitor"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_mask2former(tmp_path_factory.mktemp("detector"), NAMES, seed=3)


def test_instances_are_those_of_transformers(folder: Path) -> None:
    picture = scene(5, 384, 384).convert("RGB")
    judge = Mask2FormerDetector(str(folder))
    assert isinstance(judge, Detector)
    found = judge.detect(picture)
    prepare = Mask2FormerImageProcessorPil.from_pretrained(folder)
    model = Mask2FormerForUniversalSegmentation.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(**prepare(images=picture, return_tensors="pt"))
    theirs = prepare.post_process_instance_segmentation(
        out, threshold=0.0, target_sizes=[(384, 384)], return_binary_maps=True
    )[0]
    expected = sorted(zip(theirs["segments_info"], theirs["segmentation"], strict=True), key=lambda x: -x[0]["score"])
    assert len(found) == len(expected) > 2
    for ours, (info, mask) in zip(found, expected, strict=True):
        assert ours.score == pytest.approx(info["score"], abs=2e-6)
        assert ours.label == NAMES[info["label_id"]]
        assert ours.mask is not None
        np.testing.assert_array_equal(ours.mask, mask.bool().numpy())
        rows, columns = np.nonzero(ours.mask)
        assert ours.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert len({each.label for each in found}) > 1


def test_shapes_classes_and_boxes_of_any_kind_agree_with_transformers() -> None:
    """Twenty random blobs and class scores, without a network."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn((1, 20, 5, 5), generator=generator) - 0.9
    masks = torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic")[0]
    classes = 2 * torch.randn((20, 4), generator=generator)
    out = SimpleNamespace(class_queries_logits=classes[None], masks_queries_logits=masks[None])
    theirs = Mask2FormerImageProcessorPil().post_process_instance_segmentation(
        out, threshold=0.0, target_sizes=[(384, 384)], return_binary_maps=True
    )[0]
    found = instances(classes, masks, (384, 384), NAMES)
    expected = sorted(zip(theirs["segments_info"], theirs["segmentation"], strict=True), key=lambda x: -x[0]["score"])
    assert len(found) == len(expected) > 10
    assert len({each.box for each in found}) > 5
    for ours, (info, mask) in zip(found, expected, strict=True):
        assert ours.score == pytest.approx(info["score"], abs=2e-6)
        assert ours.label == NAMES[info["label_id"]]
        np.testing.assert_array_equal(ours.mask, mask.bool().numpy())


def test_masks_have_the_size_of_the_picture(folder: Path) -> None:
    found = Mask2FormerDetector(str(folder)).detect(scene(6, 90, 50))
    assert found
    assert {each.mask.shape for each in found if each.mask is not None} == {(50, 90)}
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_an_instance_by_hand() -> None:
    """Query 0 draws the left half and may be two classes; query 1 draws nothing and is left out."""
    masks = torch.full((2, 2, 2), -1.0)
    masks[0, :, 0] = 3.0
    classes = torch.tensor([[2.0, 1.0, 0.0], [1.5, -9.0, 0.0]])
    found = instances(classes, masks, (2, 2), {0: "cat", 1: "sofa"})
    assert len(found) == 1
    expected = np.exp(2) / (np.exp(2) + np.exp(1) + 1) / (1 + np.exp(-3.0))
    assert found[0].score == pytest.approx(expected, rel=1e-5)
    assert (found[0].label, found[0].box) == ("cat", (0.0, 0.0, 1.0, 2.0))
    both = instances(classes, masks[:1].repeat(2, 1, 1), (2, 2), {0: "cat", 1: "sofa"})
    assert [each.label for each in both] == ["cat", "cat"]


@pytest.mark.parametrize("otherwise", [{}, OTHERWISE])
def test_the_names_are_those_that_geneval_asks_for(otherwise: dict[str, str], shared: Path) -> None:
    asked = (shared / "bench" / "geneval" / "object_names.txt").read_text("utf-8").split("\n")
    spelled = [otherwise.get(name, name) for name in COCO]
    assert [CLASSES.get(name, name) for name in spelled] == [name for name in asked if name]


def test_nobody_takes_it_for_the_official_one(folder: Path) -> None:
    said = Mask2FormerDetector(str(folder)).describe()
    assert said["kind"] == "GenEval detector (Hugging Face)"
    assert said["settings"]["weights"].startswith("sha256")


def test_what_is_no_detector_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "swin"}')
    with pytest.raises(WeightsError, match="is a swin; allowed here: mask2former"):
        Mask2FormerDetector(str(tmp_path))
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        Mask2FormerDetector(str(tmp_path)).detect(scene(5, 32, 32))
