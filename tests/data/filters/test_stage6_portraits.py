"""Stage 6: faces that were made unrecognisable, the category of a picture, what captions say of people."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import planted_marks as planted
import pytest
from drawn_portrait import portrait
from PIL import Image
from procedural import file_of, pixels, scene
from tiny_pictures import png
from tiny_yunet import write_yunet

from hanmo.data.filters import stage6_portraits as stage6
from hanmo.data.filters.category import CategoryConfig, Known, category_of, describes_person
from hanmo.data.filters.faces import find_faces, mosaic, sharpness_ratio, yunet_file
from hanmo.data.filters.quality import to_grey
from hanmo.data.operator import measured, operator_key
from hanmo.data.record import Caption, Record, make_record
from hanmo.errors import ConfigError, WeightsError

PORTRAITS = [portrait(seed) for seed in range(12)]
BOXES = [(72, 72, 184, 200), (80, 70, 190, 190), planted.middle_of(PORTRAITS[0])]


def grey(picture: Image.Image) -> np.ndarray:
    return to_grey(pixels(picture))


def captioned(*texts: str, **scores: float) -> Record:
    named = {name.replace("__", "."): value for name, value in scores.items()}
    return replace(make_record(png(90), tuple(Caption(text) for text in texts)), scores=named)


# --- what was done to a face ------------------------------------------------------------------------


@pytest.mark.parametrize("box", BOXES)
def test_a_threshold_parts_every_planted_mosaic_from_every_clean_face(box: planted.Box) -> None:
    clean = [mosaic(grey(picture), box) for picture in PORTRAITS]
    faulty = [
        mosaic(grey(planted.mosaic(picture, np.random.default_rng(seed), box)), box)
        for seed, picture in enumerate(PORTRAITS)
    ]
    assert max(clean) < 0.8 * min(faulty)


@pytest.mark.parametrize("box", BOXES)
def test_a_threshold_parts_every_planted_blur_from_every_clean_face(box: planted.Box) -> None:
    clean = [sharpness_ratio(grey(picture), box) for picture in PORTRAITS]
    faulty = [
        sharpness_ratio(grey(planted.blurred_box(picture, np.random.default_rng(seed), box)), box)
        for seed, picture in enumerate(PORTRAITS)
    ]
    assert max(faulty) < 0.8 * min(clean)


def test_a_mosaic_is_seen_after_the_picture_was_resized_and_compressed() -> None:
    box = (70, 70, 182, 182)
    for seed, picture in enumerate(PORTRAITS[:4]):
        censored = planted.mosaic(picture, np.random.default_rng(seed), box).resize(
            (230, 230), Image.Resampling.BICUBIC
        )
        again = Image.open(BytesIO(file_of(censored, "jpeg", quality=85)))
        smaller = tuple(round(side * 230 / 256) for side in box)
        assert mosaic(grey(again), smaller) > 1.3 * mosaic(grey(picture), box)


@pytest.mark.parametrize("box", [(0, 0, 4, 4), (0, 0, 40, 40), (3, 3, 4, 30)])
def test_a_flat_or_tiny_box_is_neither_mosaic_nor_blurred(box: planted.Box) -> None:
    flat = np.full((40, 40), 130, dtype=np.uint8)
    assert mosaic(flat, box) == 0
    assert sharpness_ratio(flat, box) == 1


# --- faces ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def yunet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_yunet(tmp_path_factory.mktemp("yunet") / "yunet.onnx")


def red_square(left: int, top: int, side: int = 32) -> Image.Image:
    picture = Image.new("RGB", (256, 192), (90, 90, 90))
    picture.paste((230, 30, 30), (left, top, left + side, top + side))
    return picture


def test_boxes_are_in_pixels_of_the_picture_however_small_it_was_looked_at(yunet: Path) -> None:
    assert [face.box for face in find_faces(pixels(red_square(96, 64)), str(yunet), 0.7, 640)] == [(80, 48, 144, 112)]
    large = red_square(96, 64).resize((1024, 768), Image.Resampling.NEAREST)
    assert [face.box for face in find_faces(pixels(large), str(yunet), 0.7, 256)] == [(320, 192, 576, 448)]


def test_boxes_end_where_the_picture_ends(yunet: Path) -> None:
    assert [face.box for face in find_faces(pixels(red_square(0, 160)), str(yunet), 0.7, 640)] == [(0, 144, 48, 192)]


def test_the_operator_counts_faces_and_judges_the_largest(yunet: Path) -> None:
    operator = stage6.Faces(stage6.FacesConfig(str(yunet)))
    two = red_square(96, 64)
    two.paste((230, 30, 30), (192, 160, 224, 192))
    answer = measured(operator, make_record(file_of(two)))
    assert answer.scores["count"] == 2
    assert answer.scores["largest"] == pytest.approx(64 * 64 / (256 * 192))
    assert answer.metadata["boxes"][0] == [80, 48, 144, 112]
    nobody = measured(operator, make_record(file_of(Image.new("RGB", (256, 192), "grey"))))
    assert nobody.scores == {"count": 0, "largest": 0, "sharpness": 1, "mosaic": 0}


def test_a_censored_face_is_seen_by_the_operator(yunet: Path) -> None:
    operator = stage6.Faces(stage6.FacesConfig(str(yunet)))
    rng = np.random.default_rng(0)
    ground = scene(1, 256, 192)
    face = np.asarray(portrait(1, 64, 64), dtype=np.float64) * 0.15
    ground.paste(Image.fromarray((face + np.array([225, 15, 15])).clip(0, 255).astype(np.uint8)), (80, 48))
    clean = measured(operator, make_record(file_of(ground))).scores
    box = find_faces(pixels(ground), str(yunet), 0.7, 640)[0].box
    square = measured(operator, make_record(file_of(planted.mosaic(ground, rng, box)))).scores
    soft = measured(operator, make_record(file_of(planted.blurred_box(ground, rng, box)))).scores
    assert square["mosaic"] > 0.5 > 0.3 > clean["mosaic"]
    assert soft["sharpness"] < 0.6 < 0.8 < clean["sharpness"]


def test_a_missing_or_wrong_detector_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no face detector"):
        yunet_file(str(tmp_path / "none.onnx"))
    with pytest.raises(WeightsError, match=r"holds no \.onnx file"):
        yunet_file(str(tmp_path))
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"not a network")
    answer = measured(stage6.Faces(stage6.FacesConfig(str(wrong))), make_record(file_of(PORTRAITS[0])))
    assert "cannot use" in answer.failure
    with pytest.raises(ConfigError, match="must lie between 0 and 1"):
        stage6.FacesConfig(score=1.5)


@pytest.mark.skipif("HANMO_YUNET" not in os.environ, reason="needs YuNet's file, named by HANMO_YUNET")
def test_yunet_itself_finds_drawn_faces_and_what_was_done_to_them() -> None:
    operator = stage6.Faces(stage6.FacesConfig(os.environ["HANMO_YUNET"]))
    assert measured(operator, make_record(file_of(scene(5, 256, 256)))).scores["count"] == 0
    for seed, picture in enumerate(PORTRAITS):
        clean = measured(operator, make_record(file_of(picture)))
        assert clean.scores["count"] == 1
        assert clean.scores["mosaic"] < 0.3
        box = tuple(clean.metadata["boxes"][0])
        for name, plant in planted.FACES.items():
            faulty = measured(operator, make_record(file_of(plant(picture, np.random.default_rng(seed), box)))).scores
            hidden = faulty["mosaic"] > 0.3 if name == "mosaic" else faulty["sharpness"] < 0.7
            assert hidden or faulty["count"] == 0


# --- categories and captions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (captioned("a hill", faces__largest=0.2, intensive_text__area=0.0), Known("portrait", "face")),
        (captioned("a hill", faces__largest=0.001, intensive_text__area=0.0), Known("general", "nothing")),
        (captioned("a face", faces__largest=0.2, intensive_text__area=0.3), Known("text", "text")),
        (captioned("Portrait of an old fisherman"), Known("portrait", "caption")),
        (captioned("portrait of a dog", faces__largest=0.0), Known("general", "nothing")),
        (captioned("木牌上写着“小心”"), Known("text", "caption")),
        (captioned("一位老人的肖像"), Known("portrait", "caption")),
        (captioned("A sign that reads “OPEN”", intensive_text__area=0.0), Known("general", "nothing")),
        (captioned(), Known("general", "nothing")),
    ],
)
def test_what_was_measured_decides_and_captions_where_nothing_was(record: Record, known: Known) -> None:
    assert category_of(record) == known
    answer = measured(stage6.Categories(), record)
    assert answer.scores[known.category] == 1 == sum(answer.scores.values())
    assert answer.metadata == {"category": known.category, "by": known.by}


def test_a_bound_that_is_no_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="face_share is 3"):
        CategoryConfig(face_share=3.0)


def test_a_caption_that_describes_the_person_scores_higher() -> None:
    full = "A smiling young woman with long hair, wearing a red coat, stands by a window"
    chinese = "一位年轻女子，长发，身穿红色外套，微笑着站在窗边"
    assert describes_person(full) == describes_person(chinese) == 1
    assert describes_person("a woman") == pytest.approx(1 / 6)
    assert describes_person("a smiling sun over a man-made lake") == 0
    assert describes_person("a 30-year-old man's beard") == pytest.approx(3 / 6)


def test_only_portraits_need_captions_of_people() -> None:
    operator = stage6.PortraitCaption()
    assert measured(operator, captioned("a hill", faces__largest=0.0)).scores["described"] == 1
    assert measured(operator, captioned("image 1", "a man", faces__largest=0.3)).scores["described"] == pytest.approx(
        1 / 6
    )
    assert measured(operator, captioned(faces__largest=0.3)).scores["described"] == 0


def test_operators_pickle_and_their_configs_name_their_results() -> None:
    for name, kind in stage6.OPERATORS.items():
        operator = kind()
        assert operator.name == name
        assert operator_key(pickle.loads(pickle.dumps(operator))) == operator_key(operator)
