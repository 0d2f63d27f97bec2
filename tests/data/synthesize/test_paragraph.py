from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from hanmo.data.synthesize.coverage import FontFace, MissingGlyph, file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.grounds import PALETTES, READABLE
from hanmo.data.synthesize.layout import Design
from hanmo.data.synthesize.paragraph import NoRoom, Paragraph, draw_paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig, Style, can_stand, choose_style, upright
from hanmo.data.synthesize.passages import Passage, builtin, from_sentences
from hanmo.errors import ConfigError, RequestError

CONFIG = ParagraphConfig(width=256, height=192, smallest=9)


@pytest.fixture(scope="session")
def english() -> FontFace:
    return file_faces(font_path("en", "serif"))[0]


@pytest.fixture(scope="session")
def chinese() -> FontFace:
    return next(face for face in file_faces(font_path("zh", "sans")) if face.family == "Noto Sans CJK SC")


def style_of(face: FontFace, design: Design) -> Style:
    return Style(face, face, design, PALETTES[0], "plain", True, 9, 30, False, 1.0)


def sampled(script: str, faces: tuple[FontFace, ...], count: int) -> list[Paragraph]:
    outcomes = [sample_paragraph(random.Random(seed), builtin(script), faces, CONFIG) for seed in range(count)]
    assert all(isinstance(outcome, Paragraph) for outcome in outcomes)
    return [outcome for outcome in outcomes if isinstance(outcome, Paragraph)]


@pytest.mark.parametrize("script", ["en", "zh"])
def test_every_paragraph_keeps_its_margins_and_says_what_it_shows(
    script: str, english: FontFace, chinese: FontFace
) -> None:
    for one in sampled(script, (english, chinese), 6):
        design = one.style.design
        for line in one.lines:
            left, top, right, bottom = line.box
            assert min(left, top, 256 - right, 192 - bottom) >= design.margin
        shown = np.asarray(one.picture).copy()
        ground = shown[0, 0] if one.style.direction == "plain" else None
        if ground is not None and not design.rule:
            for left, top, right, bottom in (line.box for line in one.lines):
                assert (shown[top:bottom, left:right] != ground).any(), "each box holds ink"
                shown[top:bottom, left:right] = ground
            assert (shown == ground).all(), "nothing is drawn outside the boxes"
        joint = "" if script == "zh" else " "
        assert joint.join(line.text for line in one.lines if not line.title) == joint.join(one.body)
        assert joint.join(line.text for line in one.lines if line.title) == one.title
        for caption in (one.caption_en, one.caption_zh):
            assert all(part in caption for part in (*one.body, one.title))
        assert one.style.palette.ink.en in one.caption_en
        assert one.style.palette.ground.zh in one.caption_zh
        assert one.contrast >= READABLE


def test_the_same_generator_draws_the_same_paragraph(english: FontFace) -> None:
    first, second = (sample_paragraph(random.Random(4), builtin("en"), (english,), CONFIG) for _ in range(2))
    assert first == second
    assert sample_paragraph(random.Random(5), builtin("en"), (english,), CONFIG) != first


def test_one_missing_glyph_refuses_the_whole_paragraph(english: FontFace) -> None:
    corpus = from_sentences(["A plain line.", "The sign says 龙 and no more."], "en")
    outcome = sample_paragraph(random.Random(0), corpus, (english,), CONFIG)
    assert outcome == MissingGlyph("龙", english.name)


def test_a_text_that_does_not_fit_is_cut_at_a_sentence_end_and_the_caption_knows(english: FontFace) -> None:
    passage = Passage("en", tuple(f"Sentence number {number} goes on for a while." for number in range(9)))
    style = style_of(english, Design(width=256, height=192, margin=20))
    outcome = draw_paragraph(passage, style, smallest=14)
    assert isinstance(outcome, Paragraph)
    drawn = 9 - outcome.left_out
    assert 1 <= drawn < 9
    assert outcome.body == (" ".join(passage.sentences[:drawn]),)
    assert passage.sentences[drawn - 1] in outcome.caption_en
    assert passage.sentences[drawn] not in outcome.caption_en
    long = Passage("en", ("word " * 200,))
    assert isinstance(draw_paragraph(long, style, smallest=14), NoRoom)


def test_letters_shrink_before_anything_is_cut(english: FontFace) -> None:
    passage = Passage("en", tuple(f"Sentence {number} is short." for number in range(6)))
    style = style_of(english, Design(width=256, height=192, margin=20))
    outcome = draw_paragraph(passage, style, smallest=9)
    assert isinstance(outcome, Paragraph)
    assert (outcome.left_out, outcome.size < 30) == (0, True)


def test_marks_of_a_vertical_column_stand_in_the_upper_right(chinese: FontFace) -> None:
    design = Design(width=192, height=192, margin=20, vertical=True)
    style = style_of(chinese, design)
    outcome = draw_paragraph(Passage("zh", ("国。",)), style)
    assert isinstance(outcome, Paragraph)
    left, top, right, bottom = outcome.lines[0].box
    ink = np.abs(np.asarray(outcome.picture).astype(int) - np.array(PALETTES[0].ground.rgb)).sum(axis=2) > 200
    mark = np.argwhere(ink[top + outcome.size :, :])
    assert (bottom - top) < 1.7 * outcome.size, "the full stop ends in the upper half of its square"
    assert mark[:, 1].min() > (left + right) / 2, "and stands in the right half"


def test_quotation_marks_become_brackets_in_a_vertical_text_and_its_caption(chinese: FontFace) -> None:
    assert upright("他说：“好。”") == "他说：『好。』"
    assert can_stand("他说：“好。”")
    assert not can_stand("列车22:40发车")
    style = style_of(chinese, Design(width=192, height=192, margin=20, vertical=True))
    outcome = draw_paragraph(Passage("zh", ("他说：“好。”",)), style)
    assert isinstance(outcome, Paragraph)
    assert "".join(line.text for line in outcome.lines) == "他说：『好。』"
    assert "『好。』" in outcome.caption_en
    assert "in 2 vertical columns read from right to left" in outcome.caption_en
    assert "竖排" in outcome.caption_zh


def test_the_caption_quotes_with_marks_that_the_text_does_not_hold(english: FontFace) -> None:
    style = style_of(english, Design(width=256, height=192, margin=20))
    outcome = draw_paragraph(Passage("en", ('She said "yes" at once.',)), style)
    assert isinstance(outcome, Paragraph)
    assert outcome.caption_en.endswith('The text reads: “She said "yes" at once.”.')
    assert outcome.caption_zh.endswith('正文为：“She said "yes" at once.”。')


def test_poems_keep_their_lines(chinese: FontFace) -> None:
    poem = next(passage for passage in builtin("zh") if passage.title == "山居")
    style = choose_style(random.Random(3), poem, chinese, chinese, CONFIG)
    outcome = draw_paragraph(poem, style, 9)
    assert isinstance(outcome, Paragraph)
    assert tuple(line.text for line in outcome.lines if not line.title) == poem.sentences == outcome.body


def test_what_cannot_be_drawn_at_all_is_refused_in_one_line(english: FontFace) -> None:
    with pytest.raises(RequestError, match="there is no passage to draw"):
        sample_paragraph(random.Random(0), (), (english,))
    with pytest.raises(RequestError, match="none of the 1 fonts can set zh text"):
        sample_paragraph(random.Random(0), builtin("zh"), (english,))
    with pytest.raises(ConfigError, match=r"paragraphs\.vertical is 2\.0"):
        replace(CONFIG, vertical=2.0)
    with pytest.raises(ConfigError, match=r"paragraphs\.width is 16; it must lie between 128 and 4096"):
        replace(CONFIG, width=16)
