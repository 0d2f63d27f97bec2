"""Stage 5: what each measure says of a planted fault and of clean pictures, and that published networks are asked."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import planted_marks as planted
import pytest
import torch
import transformers
from PIL import Image, ImageDraw, ImageFont
from procedural import file_of, pixels, scene
from safetensors.torch import save_file

from hanmo.data.filters import stage5_beauty as stage5
from hanmo.data.filters.aesthetic_head import linear_head
from hanmo.data.filters.image_quality import measure_quality
from hanmo.data.filters.watermark import find_marks, signature, slope
from hanmo.data.ocr import Line
from hanmo.data.operator import Measured, Operator, measured, operator_key
from hanmo.data.record import Record, make_record
from hanmo.errors import ConfigError, WeightsError

SCENES = [scene(seed, 256, 192) for seed in range(12)]


def record_of(picture: Image.Image, format: str = "png", **options: object) -> Record:
    return make_record(file_of(picture, format, **options))


def found(operator: Operator, picture: Image.Image) -> Measured:
    answer = measured(operator, record_of(picture))
    assert not answer.failure
    return answer


# --- image quality and size -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "fault", "lowers"),
    [
        ("blocks", "compressed", False),
        ("noise", "noisy", False),
        ("sharpness", "soft", True),
        ("contrast", "hazy", True),
    ],
)
def test_a_threshold_parts_every_faulty_picture_from_every_clean_one(score: str, fault: str, lowers: bool) -> None:
    plant = planted.QUALITY[fault]
    clean = [getattr(measure_quality(pixels(picture)), score) for picture in SCENES]
    faulty = [
        getattr(measure_quality(pixels(plant(picture, np.random.default_rng(seed)))), score)
        for seed, picture in enumerate(SCENES)
    ]
    low, high = (faulty, clean) if lowers else (clean, faulty)
    assert max(low) < 0.8 * min(high)


@pytest.mark.parametrize("quality", [5, 30, 75, 95])
def test_the_quality_of_a_jpeg_is_read_from_its_tables(quality: int) -> None:
    operator = stage5.ImageQuality()
    answer = measured(operator, record_of(SCENES[0], "jpeg", quality=quality))
    assert answer.scores["jpeg"] == pytest.approx(quality, abs=8 if quality == 5 else 1)
    assert found(operator, SCENES[0]).scores["jpeg"] == 100


def test_blocks_are_seen_wherever_their_grid_begins_and_stripes_are_none() -> None:
    bad = planted.over_compressed(scene(3, 256, 192), np.random.default_rng(0))
    whole, cropped = (measure_quality(pixels(picture)).blocks for picture in (bad, bad.crop((3, 5, 250, 190))))
    assert whole > 0.05
    assert cropped == pytest.approx(whole, rel=0.2)
    stripes = np.zeros((96, 96, 3), dtype=np.uint8)
    stripes[:, np.arange(96) // 8 % 2 == 0] = 180
    assert measure_quality(stripes).blocks == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (40, 30)])
def test_one_colour_has_nothing_to_measure(size: tuple[int, int]) -> None:
    scores = measure_quality(pixels(Image.new("RGB", size, (120, 130, 140))))
    assert (scores.noise, scores.blocks, scores.contrast, scores.sharpness) == (0, 0, 0, 0)


# --- codes ------------------------------------------------------------------------------------------


def test_codes_are_found_and_clean_pictures_have_none() -> None:
    operator = stage5.Codes()
    clean = [*SCENES, *(striped(seed) for seed in range(4)), *(poster(seed) for seed in range(4))]
    with_codes = [
        planted.matrix_code(picture, np.random.default_rng(seed), planted.MATRIX_FORMATS[seed % 2 * 2])
        if seed % 3
        else planted.bar_code(picture, np.random.default_rng(seed), planted.BAR_FORMATS[seed % 2])
        for seed, picture in enumerate(SCENES + [scene(50 + seed, 256, 192) for seed in range(12)])
    ]
    alarms = sum(found(operator, picture).scores["count"] > 0 for picture in clean)
    hits = sum(found(operator, picture).scores["count"] > 0 for picture in with_codes)
    assert hits / len(with_codes) >= 0.95
    assert hits / (hits + alarms) >= 0.95


def test_a_code_tells_format_and_area_but_not_what_it_says() -> None:
    picture = Image.new("RGB", (200, 200), "grey")
    picture.paste(planted.code_label("HTTP://SECRET.NET", "QRCode", 3), (30, 40))
    answer = found(stage5.Codes(), picture)
    (code,) = answer.metadata["codes"]
    assert code["format"] == "QR Code"
    assert answer.scores == {"count": 1, "share": pytest.approx((21 * 3) ** 2 / 200**2, rel=0.05)}
    assert "SECRET" not in repr(answer)


def test_only_the_formats_that_are_asked_for_are_looked_for() -> None:
    picture = planted.bar_code(SCENES[0], np.random.default_rng(1))
    assert found(stage5.Codes(stage5.CodesConfig(("EAN13",))), picture).scores["count"] == 1
    assert found(stage5.Codes(stage5.CodesConfig(("QRCode",))), picture).scores["count"] == 0
    with pytest.raises(ConfigError, match="no code named 'Roman'"):
        stage5.CodesConfig(("Roman",))


# --- watermarks -------------------------------------------------------------------------------------


def test_a_line_aslant_is_told_by_the_box_of_its_letters() -> None:
    assert slope(Line("SAMPLE", (0, 0, 99, 31), 1.0)) < 10  # level
    assert slope(Line("春节快乐", (0, 0, 120, 40), 1.0)) < 10
    assert slope(Line("老桥重开", (0, 0, 32, 128), 1.0)) > 80  # written downwards
    angle = np.radians(30)
    wide, high = (4.4 * np.cos(angle) + np.sin(angle)) * 40, (4.4 * np.sin(angle) + np.cos(angle)) * 40
    assert slope(Line("TILEMARK", (0, 0, round(wide), round(high)), 1.0)) == pytest.approx(30, abs=1)


def test_lines_of_a_preview_count_as_repeated_even_where_the_frame_cuts_them() -> None:
    lines = [Line(text, (40 * x, 40, 40 * x + 38, 52), 0.9) for x, text in enumerate(("PREVIEW", "EVIEW", "PREVIEV"))]
    page = [Line(text, (0, 20 * y, 90, 20 * y + 14), 0.9) for y, text in enumerate(("one word", "another", "a third"))]
    ground = pixels(SCENES[0])
    assert find_marks(ground, lines).repeated == 3
    assert find_marks(ground, page).repeated == 1
    assert find_marks(ground, []).texts == ()


def test_a_signature_is_small_near_a_corner_and_says_whose_it_is() -> None:
    strengths = [
        signature(Line(text, box, 1.0), 400, 300)
        for text, box in (
            (
                "© J. Miller",
                (300, 280, 396, 296),
            ),
            ("City Library", (290, 275, 380, 290)),
            ("www.example.com", (150, 140, 250, 155)),
            ("City Library", (150, 140, 250, 155)),
            ("WWW.HUGE.COM", (10, 200, 390, 290)),
        )
    ]
    assert strengths[0] > 0.9
    assert strengths[0] > strengths[1] > strengths[3] == 0
    assert strengths[2] == 0.5
    assert strengths[4] == 0


def test_a_planted_signature_is_read_and_a_picture_with_text_of_its_own_passes() -> None:
    operator = stage5.Watermark()
    signed = planted.corner_mark(scene(209, 384, 288), np.random.default_rng(9))
    clean, marked = found(operator, poster(0)), found(operator, signed)
    assert clean.scores["signed"] < 0.3 < 0.8 < marked.scores["signed"]
    assert max(clean.scores[name] for name in ("aslant", "across")) == 0
    assert any("J. Miller" in text for text in marked.metadata["texts"])


# --- published networks -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of the published architecture, tiny and random."""
    torch.manual_seed(0)
    side = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPConfig(
        text_config={**side, "vocab_size": 32, "max_position_embeddings": 8},
        vision_config={**side, "image_size": 16, "patch_size": 8},
        projection_dim=12,
    )
    folder = tmp_path_factory.mktemp("clip")
    transformers.CLIPModel(config).save_pretrained(folder)
    processor(folder)
    return folder


def processor(folder: Path) -> None:
    made = transformers.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    made.save_pretrained(folder)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_the_aesthetic_score_is_the_head_of_the_unit_embedding(clip: Path, tmp_path: Path, suffix: str) -> None:
    layer = {"weight": torch.randn(1, 12), "bias": torch.tensor([5.0])}
    head = tmp_path / f"head{suffix}"
    save_file(layer, head) if suffix == ".safetensors" else torch.save(layer, head)
    picture = SCENES[1]
    operator = stage5.Aesthetics(stage5.AestheticsConfig(head, str(clip)))
    network = transformers.CLIPModel.from_pretrained(clip).eval()
    seen = transformers.CLIPImageProcessorPil.from_pretrained(clip)(images=picture, return_tensors="pt")
    with torch.no_grad():
        embedding = network.visual_projection(network.vision_model(**seen).pooler_output)[0]
    wanted = float(layer["weight"][0] @ (embedding / embedding.norm())) + 5
    assert found(operator, picture).scores["score"] == pytest.approx(wanted, abs=1e-5)


def test_a_head_that_fits_no_embedder_or_would_run_code_is_refused(clip: Path, tmp_path: Path) -> None:
    wide = tmp_path / "wide.safetensors"
    save_file({"head.weight": torch.zeros(1, 768), "head.bias": torch.zeros(1)}, wide)
    answer = measured(stage5.Aesthetics(stage5.AestheticsConfig(wide, str(clip))), record_of(SCENES[0]))
    assert "takes 768 dimensions" in answer.failure
    deep = tmp_path / "deep.safetensors"
    save_file({"weight": torch.zeros(4, 12), "bias": torch.zeros(4)}, deep)
    with pytest.raises(WeightsError, match="not one linear layer"):
        linear_head(deep)
    trap = tmp_path / "trap.pth"
    trap.write_bytes(pickle.dumps(print))
    with pytest.raises(WeightsError, match="cannot be read as tensors"):
        linear_head(trap)
    with pytest.raises(WeightsError, match="there is no aesthetic head"):
        linear_head(tmp_path / "none.pth")


def test_a_published_detector_gives_the_probability_of_its_label(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        id2label={0: "clean", 1: "watermark"},
    )
    network = transformers.ViTForImageClassification(config).eval()
    network.save_pretrained(tmp_path)
    processor(tmp_path)
    operator = stage5.WatermarkClassifier(stage5.WatermarkClassifierConfig(str(tmp_path)))
    seen = transformers.CLIPImageProcessorPil.from_pretrained(tmp_path)(images=SCENES[2], return_tensors="pt")
    with torch.no_grad():
        wanted = float(network(**seen).logits.softmax(-1)[0, 1])
    assert found(operator, SCENES[2]).scores["probability"] == pytest.approx(wanted, abs=1e-6)
    other = stage5.WatermarkClassifier(stage5.WatermarkClassifierConfig(str(tmp_path), "logo"))
    assert "it has clean, watermark" in measured(other, record_of(SCENES[2])).failure


def test_a_missing_network_is_one_clear_line(tmp_path: Path) -> None:
    operator = stage5.WatermarkClassifier(stage5.WatermarkClassifierConfig(str(tmp_path / "nothing")))
    answer = measured(operator, record_of(SCENES[0]))
    assert "cannot be loaded: give a folder or a hub id" in answer.failure


def test_operators_pickle_and_their_configs_name_their_results(tmp_path: Path) -> None:
    for name, kind in stage5.OPERATORS.items():
        operator = kind(stage5.AestheticsConfig(tmp_path)) if name == "aesthetics" else kind()
        assert operator.name == name
        assert operator_key(pickle.loads(pickle.dumps(operator))) == operator_key(operator)


# --- pictures ---------------------------------------------------------------------------------------


def striped(seed: int) -> Image.Image:
    """Bars of random width, which are no bar code."""
    widths = np.random.default_rng(seed).integers(1, 7, 60)
    row = np.repeat(np.arange(60) % 2 * 255, widths).astype(np.uint8)
    return Image.fromarray(np.tile(row[None, :, None], (120, 1, 3)))


def poster(seed: int) -> Image.Image:
    """A scene with a title, a line and a footer of its own."""
    picture = scene(seed, 384, 288)
    pen = ImageDraw.Draw(picture)
    for top, size, text in ((40, 40, "OPEN HOUSE"), (95, 24, "Saturday 8 pm"), (255, 20, "Main Street 12")):
        pen.rectangle((30, top - 4, 354, top + size + 8), fill=(245, 240, 220))
        pen.text((192, top + size // 2), text, (30, 30, 40), ImageFont.truetype("DejaVuSans.ttf", size), anchor="mm")
    return picture
