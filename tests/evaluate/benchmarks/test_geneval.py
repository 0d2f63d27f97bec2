"""GenEval with canned detections. `right` of each case is what the official script's evaluate_image says of the same
picture and detections (djghosh13/geneval, commit af4902f, run apart from this repository with the embedder below in the
place of CLIP); `paper` is given where the paper's rule of places says otherwise, worked out by hand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float
from PIL import Image, ImageDraw

from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks import geneval_colour
from hanmo.evaluate.benchmarks.geneval import TAGS, GenEval
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.protocols import Detection, FloatBox, Judges, Unjudged
from hanmo.evaluate.types import Json, Prompt, Result, Score

PALETTE = {
    "red": (255, 0, 0),
    "orange": (255, 140, 0),
    "yellow": (255, 255, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "purple": (140, 0, 160),
    "pink": (255, 130, 190),
    "brown": (120, 60, 20),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}


def seen(image: Image.Image) -> Float[np.ndarray, " D"]:
    """The mean colour of a picture from grey (#999), which the mask paints; the last is never zero."""
    return np.append(np.asarray(image, dtype=np.float64).mean(axis=(0, 1)) / 255 - 0.6, 0.01)


def said(text: str) -> Float[np.ndarray, " D"]:
    """The colour that a text names, from grey, a little off in a way that depends on every letter; of any length."""
    words = text.replace("-colored", "").split()
    colour = next(np.array(PALETTE[word]) / 255 - 0.6 for word in words if word in PALETTE)
    noise = np.frombuffer(hashlib.sha256(text.encode()).digest()[:3], dtype=np.uint8) / 255 - 0.5
    return np.append(colour + 0.2 * noise, 0.01) * (1 + len(text))


@dataclass(frozen=True)
class Palette:
    """An embedder whose space is that of mean colours."""

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "palette"}

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        rows = np.stack([seen(image) for image in images])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        rows = np.stack([said(text) for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@dataclass(frozen=True)
class Canned:
    """A detector that finds what it was told."""

    found: Sequence[Detection]

    def describe(self) -> Mapping[str, Json]:
        return {"kind": "canned"}

    def detect(self, image: Image.Image) -> list[Detection]:
        return list(self.found)


def thing(label: str, box: FloatBox, score: float = 0.95, inset: int | None = None) -> Detection:
    """A detection; its mask, if it has one, leaves out the outermost `inset` pixels of its box."""
    mask = None
    if inset is not None:
        mask = np.zeros((64, 96), dtype=bool)
        left, top, right, bottom = (round(edge) for edge in box)
        mask[top + inset : bottom - inset, left + inset : right - inset] = True
    return Detection(label, box, score, mask)


@dataclass(frozen=True)
class Case:
    """One picture: what is asked, what is painted (colour and box), what is detected, whether it is right."""

    name: str
    tag: str
    include: list[dict[str, Json]]
    found: list[Detection]
    right: bool
    exclude: tuple[dict[str, Json], ...] = ()
    painted: tuple[tuple[str, FloatBox], ...] = ()
    paper: bool | None = None

    def picture(self) -> Image.Image:
        image = Image.new("RGB", (96, 64), (40, 90, 60))
        for colour, box in self.painted:
            ImageDraw.Draw(image).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=PALETTE[colour])
        return image

    def prompt(self) -> Prompt:
        truth = {"include": self.include, "exclude": list(self.exclude)}
        return Prompt("00000", self.name, truth=truth, groups={"tag": self.tag})


LEFT: FloatBox = (4.0, 20.0, 24.0, 40.0)
RIGHT: FloatBox = (60.0, 20.0, 80.0, 40.0)
LOW: FloatBox = (34.0, 42.0, 54.0, 62.0)
ROW: list[FloatBox] = [(4.0 + 10 * i, 4.0, 12.0 + 10 * i, 12.0) for i in range(9)]
CAT = {"class": "cat", "count": 1}
FOUR, FIVE = {"class": "cup", "count": 4}, {"class": "cup", "count": 5}
CUPS = [thing("cup", box) for box in ROW]
RED_CAT, BLUE_DOG = {**CAT, "color": "red"}, {"class": "dog", "count": 1, "color": "blue"}
COLOURED = (("red", LEFT), ("blue", RIGHT))


def beside(direction: str) -> list[dict[str, Json]]:
    return [CAT, {"class": "dog", "count": 1, "position": [direction, 0]}]


CASES = [
    Case("one is there", "single_object", [CAT], [thing("cat", LEFT, 0.31)], True),
    Case("none is there", "single_object", [CAT], [thing("dog", LEFT)], False),
    Case("too unsure", "single_object", [CAT], [thing("cat", LEFT, 0.29)], False),
    Case("more than asked", "single_object", [CAT], [thing("cat", LEFT), thing("cat", RIGHT)], True),
    Case("both", "two_object", [CAT, {"class": "dog", "count": 1}], [thing("cat", LEFT), thing("dog", LEFT)], True),
    Case("one of two", "two_object", [CAT, {"class": "dog", "count": 1}], [thing("cat", LEFT)], False),
    Case("four of four", "counting", [FOUR], CUPS[:4], True, (FIVE,)),
    Case("three of four", "counting", [FOUR], CUPS[:3], False, (FIVE,)),
    Case("five for four", "counting", [FOUR], CUPS[:5], False, (FIVE,)),
    Case("an unsure fifth", "counting", [FOUR], [*CUPS[:4], thing("cup", LOW, 0.89)], True, (FIVE,)),
    Case("an unsure fourth", "counting", [FOUR], [*CUPS[:3], thing("cup", LOW, 0.89)], False, (FIVE,)),
    Case("the same box four times", "counting", [FOUR], [CUPS[0]] * 4, True, (FIVE,)),
    Case("seventeen are sixteen", "counting", [{"class": "cup", "count": 17}], [CUPS[0]] * 17, False),
    Case("red", "colors", [RED_CAT], [thing("cat", LEFT)], True, painted=COLOURED),
    Case("blue for red", "colors", [RED_CAT], [thing("cat", RIGHT)], False, painted=COLOURED),
    Case("the surest is blue", "colors", [RED_CAT], [thing("cat", LEFT, 0.8), thing("cat", RIGHT)], False,
         painted=COLOURED),
    Case("the surest is red", "colors", [RED_CAT], [thing("cat", LEFT), thing("cat", RIGHT, 0.8)], True,
         painted=COLOURED),
    Case("red on blue without a mask", "colors", [RED_CAT], [thing("cat", RIGHT)], False,
         painted=(("blue", RIGHT), ("red", (66, 26, 74, 34)))),
    Case("red on blue with a mask", "colors", [RED_CAT], [thing("cat", RIGHT, inset=6)], True,
         painted=(("blue", RIGHT), ("red", (66, 26, 74, 34)))),
    Case("an edge between pixels", "colors", [RED_CAT], [thing("cat", (3.6, 19.7, 24.4, 40.2))], True,
         painted=COLOURED),
    Case("two red of two", "colors", [{**RED_CAT, "count": 2}], [thing("cat", LEFT), thing("cat", RIGHT, 0.8)], True,
         painted=(("red", LEFT), ("red", RIGHT))),
    Case("one red of two", "colors", [{**RED_CAT, "count": 2}], [thing("cat", LEFT), thing("cat", RIGHT, 0.8)], False,
         painted=COLOURED),
    Case("both coloured", "color_attr", [RED_CAT, BLUE_DOG], [thing("cat", LEFT), thing("dog", RIGHT)], True,
         painted=COLOURED),
    Case("colours swapped", "color_attr", [RED_CAT, BLUE_DOG], [thing("cat", RIGHT), thing("dog", LEFT)], False,
         painted=COLOURED),
    Case("right of", "position", beside("right of"), [thing("cat", LEFT), thing("dog", RIGHT)], True),
    Case("left for right", "position", beside("right of"), [thing("cat", RIGHT), thing("dog", LEFT)], False),
    Case("diagonal", "position", beside("below"), [thing("cat", LEFT), thing("dog", LOW)], False, paper=True),
    Case("no target", "position", beside("below"), [thing("dog", LOW)], False),
    Case("the surest is elsewhere", "position", beside("right of"),
         [thing("cat", LOW), thing("dog", RIGHT, 0.5), thing("dog", LEFT)], False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("official_compat", [True, False], ids=["script", "paper"])
def test_a_picture_is_judged_as_the_official_script_judges_it(case: Case, official_compat: bool) -> None:
    judges = Judges(detector=Canned(case.found), embedders={"clip": Palette()})
    (score,) = GenEval(official_compat).judge(case.prompt(), [case.picture()], judges, Path())
    right = case.right if official_compat or case.paper is None else case.paper
    assert score.values == {"correct": float(right)}
    assert bool(score.saw["faults"]) is not right


def test_a_person_reads_what_was_seen_and_what_was_wrong() -> None:
    case = Case("", "color_attr", [RED_CAT, BLUE_DOG], [thing("cat", RIGHT, 0.9), thing("dog", LEFT, 0.2)], False,
                painted=COLOURED)  # fmt: skip
    judges = Judges(detector=Canned(case.found), embedders={"clip": Palette()})
    (score,) = GenEval().judge(case.prompt(), [case.picture()], judges, Path())
    assert score.saw == {
        "objects": [{"label": "cat", "box": [60.0, 20.0, 80.0, 40.0], "score": 0.9, "colour": "blue"}],
        "faults": ["cat: 1 red asked for, but they are blue", "dog: 1 asked for, 0 found"],
    }


def test_a_place_beside_something_that_is_missing_is_a_fault_of_its_own() -> None:
    case = next(case for case in CASES if case.name == "no target")
    (score,) = GenEval().judge(case.prompt(), [case.picture()], Judges(detector=Canned(case.found)), Path())
    assert score.saw["faults"] == ["cat: 1 asked for, 0 found", "dog: below something that was not found as asked"]


def test_cocos_own_names_are_understood() -> None:
    case = Case("", "single_object", [{"class": "computer mouse", "count": 1}], [thing("mouse", LEFT)], True)
    (score,) = GenEval().judge(case.prompt(), [case.picture()], Judges(detector=Canned(case.found)), Path())
    assert score.values == {"correct": 1.0}


def test_a_missing_judge_leaves_a_prompt_unjudged_only_where_it_is_needed() -> None:
    picture = CASES[0].picture()
    with pytest.raises(Unjudged, match="detector"):
        GenEval().judge(CASES[0].prompt(), [picture], Judges(), Path())
    coloured = Case("", "colors", [RED_CAT], [thing("cat", LEFT)], True)
    with pytest.raises(Unjudged, match="embedder:clip"):
        GenEval().judge(coloured.prompt(), [picture], Judges(detector=Canned(coloured.found)), Path())
    assert GenEval().judge(CASES[0].prompt(), [picture], Judges(detector=Canned(CASES[0].found)), Path())


def test_the_ten_directions_are_those_of_clip_benchmark() -> None:
    # zero_shot_classifier of clip_benchmark 1.6.2 with `said` as the text tower, columns "red" and "white".
    got = geneval_colour.classifier(Palette(), "tv remote")
    assert got.shape == (10, 4)
    assert got[0] == pytest.approx(DIRECTIONS["red"], abs=1e-6)
    assert got[9] == pytest.approx(DIRECTIONS["white"], abs=1e-6)


DIRECTIONS = {
    "red": [0.425932, -0.64088, -0.638547, 0.010548],
    "white": [0.578526, 0.583686, 0.569571, 0.014403],
}


def result(tag: str, *correct: int | None) -> Result:
    scores = tuple(
        Score({"correct": float(value)}, picture=i)
        if value is not None
        else Score({}, picture=i, unjudged="no detector")
        for i, value in enumerate(correct)
    )
    return Result(Prompt(f"{tag}-{correct}", "", groups={"tag": tag}), tuple(range(len(correct))), scores)


def test_the_headline_weighs_tags_and_not_prompts() -> None:
    # summary_scores.py of the official repository, run apart on the same eight prompts of four pictures.
    results = [
        result("single_object", 1, 1, 1, 1),
        result("single_object", 1, 1, 0, 1),
        result("single_object", 0, 0, 0, 0),
        result("two_object", 1, 0, 0, 1),
        result("counting", 0, 0, 0, 1),
        result("colors", 1, 1, 1, 0),
        result("position", 0, 0, 0, 0),
        result("color_attr", 0, 1, 0, 0),
    ]
    figures = GenEval().summary(results)
    assert list(figures) == ["overall", *TAGS, "images", "prompts"]
    assert figures["overall"] == pytest.approx(0.38889, abs=1e-5)
    assert figures["single_object"] == pytest.approx(0.58333, abs=1e-5)
    assert figures["position"] == 0.0
    assert figures["images"] == pytest.approx(0.4375)
    assert figures["prompts"] == pytest.approx(0.75)


def test_what_is_unjudged_is_neither_right_nor_wrong() -> None:
    figures = GenEval().summary([result("counting", 1, None, 0, None), result("colors", None, None)])
    assert figures["counting"] == figures["overall"] == 0.5
    assert figures["prompts"] == 1.0
    assert math.isnan(figures["colors"])
    assert all(math.isnan(figure) for figure in GenEval().summary([]).values())


def test_the_official_file_has_553_prompts_of_six_tags(shared: Path) -> None:
    prompts = GenEval().load(shared / "bench")
    assert [sum(p.groups["tag"] == tag for p in prompts) for tag in TAGS] == [80, 99, 80, 94, 100, 100]
    assert len({prompt.id for prompt in prompts}) == 553
    assert (prompts[0].id, prompts[0].text) == ("00000", "a photo of a bench")
    assert prompts[-1].truth["include"][0]["class"] in prompts[-1].text
    classes = {wanted["class"] for p in prompts for wanted in [*p.truth["include"], *p.truth["exclude"]]}
    assert classes <= set((shared / "bench" / "geneval" / "object_names.txt").read_text().splitlines())
    colours = {w["color"] for p in prompts for w in p.truth["include"] if "color" in w}
    assert colours == set(geneval_colour.COLOURS)


def test_it_is_a_benchmark() -> None:
    assert isinstance(GenEval(), Benchmark)
    assert benchmark("geneval", official_compat=True) == GenEval(official_compat=True)
    assert [field.name for field in fields(GenEval)] == ["official_compat"]
