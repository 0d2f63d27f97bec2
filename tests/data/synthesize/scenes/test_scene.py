from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from PIL import Image

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.paragraph import NoRoom
from hanmo.data.synthesize.passages import Passage, signs
from hanmo.data.synthesize.scenes import staging
from hanmo.data.synthesize.scenes.measure import Quad
from hanmo.data.synthesize.scenes.places import TABLES
from hanmo.data.synthesize.scenes.scene import Illegible, Outcome, Scene, draw_scene, sample_scene
from hanmo.data.synthesize.scenes.stock import CARRIERS
from hanmo.data.synthesize.scenes.style import SceneConfig, SceneStyle, choose_scene
from hanmo.errors import ConfigError, RequestError

CONFIG = SceneConfig(width=256, height=256)
HELLO = Passage("en", ("HELLO",))


@pytest.fixture(scope="module")
def english() -> FontFace:
    return file_faces(font_path("en", "serif"))[0]


@pytest.fixture(scope="module")
def chinese() -> FontFace:
    return next(face for face in file_faces(font_path("zh", "sans")) if face.family == "Noto Sans CJK SC")


@cache
def style_for(face: FontFace, carrier: str, script: str = "en") -> SceneStyle:
    """A look with that thing, without props, of the first seed that chooses it."""
    passage = HELLO if script == "en" else Passage("zh", ("小心台阶",))
    for seed in range(2000):
        style = choose_scene(random.Random(seed), passage, (face,), replace(CONFIG, props=0.0))
        if style.carrier == carrier and style.mood not in ("lamp", "blinds", "leaves", "window"):
            return style
    raise AssertionError(carrier)


def drawn(passage: Passage, style: SceneStyle, config: SceneConfig = CONFIG) -> Scene:
    outcome = draw_scene(passage, style, config)
    assert isinstance(outcome, Scene), str(outcome)
    return outcome


def grown(quad: Quad, pixels: float) -> np.ndarray:
    corners = np.array(quad, np.float32)
    middle = corners.mean(axis=0)
    away = corners - middle
    return middle + away * (1.0 + pixels / np.linalg.norm(away, axis=1, keepdims=True))


def mask(quads: list[Quad], pixels: float) -> np.ndarray:
    canvas = np.zeros((CONFIG.height, CONFIG.width), np.uint8)
    for quad in quads:
        cv2.fillConvexPoly(canvas, np.round(grown(quad, pixels)).astype(np.int32), 1)
    return canvas > 0


def test_the_same_generator_draws_the_same_scene(english: FontFace) -> None:
    first, second, other = (sample_scene(random.Random(seed), signs("en"), (english,), CONFIG) for seed in (1, 1, 2))
    assert isinstance(first, Scene)
    assert isinstance(second, Scene)
    assert isinstance(other, Scene)
    assert first == second
    assert first.picture.tobytes() != other.picture.tobytes()


@pytest.mark.parametrize("carrier", sorted(CARRIERS))
def test_every_thing_carries_its_text_inside_the_picture_and_the_caption_quotes_it(
    carrier: str, english: FontFace
) -> None:
    scene = drawn(HELLO, style_for(english, carrier), replace(CONFIG, readable=1.2))
    assert scene.picture.size == (256, 256)
    assert all(0 <= x <= 256 and 0 <= y <= 256 for x, y in scene.quad)
    text = "".join(line.text for line in scene.lines)
    assert text == "HELLO"
    for caption, name in ((scene.caption_en, scene.style.ink.en), (scene.caption_zh, scene.style.ink.zh)):
        assert "HELLO" in caption
        assert name in caption
    assert scene.where_en.lower() in scene.caption_en.lower()
    assert scene.where_zh in scene.caption_zh
    assert scene.contrast >= 1.2


@pytest.mark.parametrize("carrier", ["paper", "sign", "enamel", "screen"])
def test_two_texts_differ_only_within_their_quads_and_what_they_shade(carrier: str, english: FontFace) -> None:
    """Nothing outside knows what is written: not the exposure, not the grain, not the thing's own wear."""
    style = replace(style_for(english, carrier), border=False)
    one, two = (drawn(Passage("en", (text,)), style, replace(CONFIG, readable=1.2)) for text in ("HELLO", "WORLD"))
    changed = np.abs(np.asarray(one.picture, int) - np.asarray(two.picture, int)).max(axis=2)
    inside, around = mask([one.quad, two.quad], 2.0), mask([one.quad, two.quad], 26.0)
    assert (changed[inside] > 24).mean() > 0.03, "the letters are inside"
    assert (changed[~inside] > 24).mean() < 0.001, "and nearly nothing of them is outside"
    assert changed[~around].max() <= 2, "farther away there is no trace"


def test_light_of_letters_reaches_beyond_the_quad_but_their_shape_does_not(english: FontFace) -> None:
    scene = drawn(HELLO, style_for(english, "neon"), replace(CONFIG, readable=1.2))
    shine = np.asarray(scene.picture, int).max(axis=2)
    inside, around = mask([scene.quad], 0.0), mask([scene.quad], 14.0)
    assert shine[inside].max() > 220
    assert shine[around & ~inside].mean() > 1.1 * np.median(shine[~around])


def test_a_text_with_a_glyph_that_the_font_lacks_is_refused_whole(english: FontFace) -> None:
    outcome = sample_scene(random.Random(0), [Passage("en", ("Tea 茶",))], (english,), CONFIG)
    assert outcome == MissingGlyph("茶", english.name)


def test_a_text_that_does_not_fit_is_refused(english: FontFace) -> None:
    style = replace(style_for(english, "enamel"), stacked=True)
    outcome = draw_scene(Passage("en", ("many words " * 40,)), style, CONFIG)
    assert isinstance(outcome, NoRoom)


def test_a_text_that_does_not_stand_out_is_refused_with_the_reason(english: FontFace) -> None:
    style = style_for(english, "card")
    near = replace(style, ink=replace(style.tint, en="the same"))
    outcome = draw_scene(HELLO, near, CONFIG)
    assert isinstance(outcome, Illegible)
    assert outcome.contrast < CONFIG.readable
    assert "HELLO" in str(outcome)
    assert "less than 1.8" in str(outcome)


def test_props_hide_no_more_of_a_letter_than_is_allowed_and_it_is_recorded(english: FontFace) -> None:
    style = replace(style_for(english, "paper"), props=("leaves", "cable"), margin=0.01, ratio=1.0)
    full = Passage("en", ("HELLO", "THERE", "AGAIN"))  # fills the sheet to its corners
    shares: dict[float, list[Outcome]] = {}
    for hide in (0.0, 1.0):
        config = replace(CONFIG, hide=hide, readable=1.2)
        shares[hide] = [draw_scene(full, replace(style, seed=seed), config) for seed in range(3)]
    strict = [one.hidden for one in shares[0.0] if isinstance(one, Scene)]
    loose = [one.hidden for one in shares[1.0] if isinstance(one, Scene)]
    assert strict == [0.0] * 3
    assert max(loose) > 0.0
    for one in (one for one in shares[1.0] if isinstance(one, Scene)):
        assert ("hiding a part" in one.caption_en) == (one.hidden > 0.02)


def test_the_caption_tells_of_a_prop_only_where_the_picture_shows_it(english: FontFace) -> None:
    style = replace(style_for(english, "card"), place="table", ground=TABLES[0], ground_tint=TABLES[0].tints[0])
    style = replace(style, backdrop="", cover=0.98, ratio=1.0)
    told = []
    for seed in range(6):
        bare, with_coin = (drawn(HELLO, replace(style, seed=seed, props=props)) for props in ((), ("coin",)))
        changed = np.abs(np.asarray(bare.picture, int) - np.asarray(with_coin.picture, int)).max(axis=2) > 24
        told.append("a coin" in with_coin.caption_en.lower())
        assert told[-1] == ("一枚硬币" in with_coin.caption_zh)
        assert changed.mean() > 0.002 if told[-1] else changed.mean() < 0.01
    assert len(set(told)) == 2, "some lie within the picture, some beside it"


def test_a_chinese_text_stands_in_columns_where_it_can(chinese: FontFace) -> None:
    style = replace(style_for(chinese, "paper", "zh"), vertical=True, ratio=0.8)
    scene = drawn(Passage("zh", ("天涯共此时", "海上生明月")), style)
    assert [line.text for line in scene.lines] == ["天涯共此时", "海上生明月"]
    assert scene.lines[0].quad[0][0] > scene.lines[1].quad[0][0], "the first column is on the right"
    assert "2 vertical columns" in scene.caption_en
    assert "竖排" in scene.caption_zh


def test_a_slanting_view_makes_the_near_side_larger(english: FontFace) -> None:
    style = replace(style_for(english, "card"), place="table", yaw=0.0, pitch=34.0, roll=0.0, turn=0.0, props=())
    (left, _), (right, _), (lower_right, _), (lower_left, _) = drawn(HELLO, style).quad
    assert lower_right - lower_left > 1.01 * (right - left)


def test_the_picture_has_the_size_that_was_asked_for_and_the_text_stays_inside(english: FontFace) -> None:
    scene = drawn(HELLO, style_for(english, "card"), SceneConfig(width=400, height=256))
    assert scene.picture.size == (400, 256)
    assert all(0 <= x <= 400 and 0 <= y <= 256 for line in scene.lines for x, y in line.quad)


def test_the_thing_is_made_smaller_until_the_picture_holds_it(english: FontFace) -> None:
    style = replace(style_for(english, "sign"), cover=3.0)
    camera, plane = staging.camera_and_plane(style, 256, 256)
    corners = np.array([[0, 0], [plane.width, plane.height]], np.float32) * np.float32(plane.unit)
    seen = camera.project(plane.points(corners))
    assert seen.min() >= 0
    assert seen.max() <= 256


def test_a_large_text_is_read_exactly(english: FontFace, chinese: FontFace) -> None:
    pytest.importorskip("rapidocr")
    from hanmo.data.ocr import OCR

    ocr = OCR(threads=1)
    for face, script, text in ((english, "en", "HELLO"), (chinese, "zh", "小心台阶")):
        style = replace(style_for(face, "sign", script), yaw=18.0, vertical=False, align="centre")
        scene = drawn(Passage(script, (text,)), style)
        found = "".join(line.text for line in ocr.read(scene.picture.resize((512, 512), Image.Resampling.BICUBIC)))
        assert found == text


@pytest.mark.parametrize(
    ("key", "value"),
    [("width", 255), ("height", 1329), ("slant", 60.0), ("hide", 1.5), ("readable", 1.0), ("tries", 0)],
)
def test_a_config_outside_its_range_is_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"scenes.{key} is {value}; it must lie between"):
        SceneConfig(**{key: value})


def test_without_a_passage_there_is_no_scene(english: FontFace) -> None:
    with pytest.raises(RequestError, match="there is no passage"):
        sample_scene(random.Random(0), [], (english,), CONFIG)
