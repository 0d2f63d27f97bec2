from dataclasses import replace
from hashlib import sha256
from math import isnan
from pathlib import Path

import pytest
from PIL import Image

from hanmo.data.ocr import OCR, Line
from hanmo.data.synthesize.cards import Card, draw, text_box
from hanmo.data.synthesize.grammar import TEXT
from hanmo.data.synthesize.held_out import held_out_skeletons, skeleton
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.textcraft import BoxReader, TextCraft
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges(ocr=Reader())


class Reader(OCR):
    """The package's reader, which says who it is."""

    def describe(self) -> dict[str, str]:
        return {"kind": "ocr", "name": self.name}


def prompt(part: str, card: Card, **more: object) -> Prompt:
    truth = {"card": vars(card)} | ({"source": vars(more["source"])} if "source" in more else {})
    groups = {"part": part, "script": card.script} | ({"kind": "text"} if part == "edits" else {})
    return Prompt("p", "", "edit" if part == "edits" else "generate", truth, groups, (card.width, card.height))


def judged(part: str, card: Card, picture: Image.Image, judges: Judges, **more: object) -> Score:
    return TextCraft().judge(prompt(part, card, **more), [picture], judges, NOWHERE)[0]


BLUE = Card("HANMO", "en", "blue", "white")
MOON = Card("月亮", "zh", "yellow", "black", place="left")


def test_the_suite_is_a_benchmark_with_the_prompts_of_its_first_version() -> None:
    suite = TextCraft()
    assert isinstance(suite, Benchmark)
    prompts = suite.load(NOWHERE)
    assert len(prompts) == len({prompt.id for prompt in prompts}) == 680
    digest = sha256("\n".join(f"{p.id} {p.text}" for p in prompts).encode()).hexdigest()
    assert digest[:16] == "32916f9376345760"


def test_no_prompt_of_the_suite_is_one_that_training_may_produce() -> None:
    known = held_out_skeletons()
    # The last occurrence is the text's own: a sentence may hold the same character earlier.
    texts = [TEXT.join(p.text.rsplit(p.truth["card"]["text"], 1)) for p in TextCraft(edits=0).load(NOWHERE)]
    outside = [text for text in texts if skeleton(text) not in known]
    assert outside == []


def test_each_part_asks_for_what_it_is_named_after() -> None:
    cards = [(p.groups["part"], Card(**p.truth["card"])) for p in TextCraft(edits=0).load(NOWHERE)]
    assert all(card.defaults for part, card in cards if part == "strings")
    assert all(not card.defaults for part, card in cards if part == "colours")
    assert all(card.place != "centre" for part, card in cards if part == "positions")


@pytest.mark.parametrize("part", ["strings", "colours", "positions", "edits"])
def test_the_drawn_truth_is_right_in_every_part(part: str, judges: Judges) -> None:
    source = replace(MOON, text="太阳")
    score = judged(part, MOON, draw(MOON), judges, source=source)
    assert score.values["right"] == score.values["ceiling"] == score.values["characters"] == 1.0
    assert score.values.get("pixels", 1.0) == 1.0


def test_one_wrong_letter_is_wrong_and_counts_in_the_characters(judges: Judges) -> None:
    score = judged("strings", BLUE, draw(replace(BLUE, text="HANTO")), judges)
    assert score.values["right"] == 0.0
    assert score.values["characters"] == pytest.approx(0.8)
    assert score.saw["seen"]["read"] == "HANTO"


def test_a_ground_or_letters_of_another_colour_are_wrong_colours_whatever_the_text(judges: Judges) -> None:
    for other in (replace(BLUE, background="purple"), replace(BLUE, color="yellow")):
        assert judged("colours", BLUE, draw(other), judges).values["right"] == 0.0
    assert judged("colours", BLUE, draw(replace(BLUE, text="OTHER")), judges).values["right"] == 1.0


@pytest.mark.parametrize("place", ["centre", "right", "top", "bottom"])
def test_a_text_elsewhere_is_in_a_wrong_position(place: str, judges: Judges) -> None:
    score = judged("positions", MOON, draw(replace(MOON, place=place)), judges)
    assert score.values["right"] == 0.0
    assert score.saw["seen"]["place"] == place


def test_an_edit_that_changes_what_was_to_stay_is_wrong(judges: Judges) -> None:
    source = replace(BLUE, text="WORLD")
    wrong = judged("edits", BLUE, draw(replace(BLUE, background="purple")), judges, source=source)
    assert wrong.values["right"] == 0.0
    assert wrong.values["pixels"] < 0.5


def test_an_edit_that_does_nothing_is_wrong(judges: Judges) -> None:
    source = replace(BLUE, text="WORLD")
    score = judged("edits", BLUE, draw(source), judges, source=source)
    assert score.values["right"] == 0.0
    assert 0.5 < score.values["pixels"] < 1.0


def test_a_picture_of_another_size_is_brought_to_the_cards(judges: Judges) -> None:
    large = draw(BLUE).resize((512, 256), Image.Resampling.BICUBIC)
    assert judged("strings", BLUE, large, judges).values["right"] == 1.0


def test_an_empty_picture_has_no_place_and_no_letters(judges: Judges) -> None:
    score = judged("positions", MOON, Image.new("RGB", (128, 64), "white"), judges)
    assert score.saw["seen"]["place"] is None
    assert score.saw["seen"]["letters"] is None
    assert score.values["right"] == 0.0


class Page:
    """A reader that only knows whole pages: a line in the card's box, and one far away."""

    def describe(self) -> dict[str, str]:
        return {"kind": "page"}

    def read(self, image: Image.Image) -> list[Line]:
        return [Line("MO", text_box(BLUE), 0.9), Line("far", (0, 0, 2, 2), 0.9)]


def test_of_a_reader_of_pages_only_the_lines_at_the_cards_box_count() -> None:
    assert not isinstance(Page(), BoxReader)
    score = judged("strings", BLUE, draw(BLUE), Judges(ocr=Page()))
    assert score.saw["seen"]["read"] == "MO"


def test_overall_is_the_mean_of_the_parts_that_were_judged() -> None:
    def result(part: str, right: float, **groups: str) -> Result:
        values = {"right": right, "characters": right, "ceiling": 1.0, "pixels": right}
        return Result(Prompt("p", "", groups={"part": part, "script": "en"} | groups), (0,), (Score(values),))

    results = [
        result("strings", 1.0), result("strings", 0.0), result("colours", 1.0), result("edits", 0.0, kind="text"),
    ]  # fmt: skip
    figures = TextCraft().summary(results)
    assert figures["overall"] == pytest.approx((0.5 + 1.0 + 0.0) / 3)
    assert isnan(figures["positions"])
    assert figures["edits, text"] == 0.0


def test_an_unjudged_picture_counts_nowhere() -> None:
    missing = Result(
        Prompt("p", "", groups={"part": "strings", "script": "en"}), (0,), (Score({}, unjudged="no answer"),)
    )
    assert isnan(TextCraft().summary([missing])["strings"])


@pytest.mark.parametrize("options", [{"strings": -1}, {"official_compat": True}, dict.fromkeys(
    ("strings", "colours", "positions", "edits"), 0)])  # fmt: skip
def test_a_suite_that_cannot_be_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(RequestError, match=r"(?i)textcraft"):
        TextCraft(**options)
