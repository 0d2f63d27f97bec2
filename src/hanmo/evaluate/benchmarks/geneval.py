"""GenEval (Ghosh, Hajishirzi, Schmidt, arXiv 2310.11513; the report's section 5.2.2): are the named objects there?

553 prompts made from templates, four pictures each: one object (80), two objects (99), two to four of a class (80), one
object of a colour (94), two objects of which one lies left of, right of, above or below the other (100), two objects
with a colour each (100). Classes are COCO's 80.

A detector (Mask2Former with a small Swin backbone, trained on COCO) finds objects and their masks; CLIP (ViT-L/14 of
OpenAI) names colours. A picture is right when all that was asked is found, see `geneval_rules`; the thresholds are
in `geneval_objects`, colours in `geneval_colour`, places in `geneval_position`.

    tag        mean over its pictures of right (1) or wrong (0)
    overall    mean of the six tags: a tag with fewer prompts weighs as much
    images     mean over all pictures
    prompts    share of prompts of which at least one picture is right

Where the official script (djghosh13/geneval, commit af4902f) differs from the paper: the rule of places, see
`geneval_position`. With `official_compat=True` it is the script's; published figures, the report's among them, are the
script's. The paper itself was not at hand; its rule was read in two summaries, which agree. In both modes, as in the
script: overlapping boxes all count, colour and place are asked of the surest objects only.

A judge is part of a figure. The published ones come from MMDetection's checkpoint of 2022; another detector, even of
the same architecture, gives a figure of its own, which the report's header names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from hanmo.evaluate.benchmark import DataFile
from hanmo.evaluate.benchmarks import geneval_colour, geneval_objects, geneval_position
from hanmo.evaluate.benchmarks.geneval_rules import Verdict, verdict
from hanmo.evaluate.files import checked
from hanmo.evaluate.judges.protocols import Detection, Judges
from hanmo.evaluate.types import Json, Prompt, Result, Score

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
"""In the order of the paper's tables."""

QUESTIONS: Mapping[str, str] = {
    f"colour {number}": template for number, template in enumerate(geneval_colour.TEMPLATES, start=1)
}
"""What CLIP is asked."""

PROMPTS = DataFile(
    "geneval/evaluation_metadata.jsonl",
    "https://raw.githubusercontent.com/djghosh13/geneval/af4902f24d3ca90ebbb446dd9891a59e0f82725f/"
    "prompts/evaluation_metadata.jsonl",
    "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13",
    "MIT (Dhruba Ghosh)",
)


@dataclass(frozen=True)
class GenEval:
    """The benchmark; see the head of this file.

    Attributes:
        official_compat: places are judged by the official script's rule, not by the paper's.
    """

    official_compat: bool = False

    name = "geneval"
    title = "GenEval"
    images = 4
    needs = ("detector", "embedder:clip")
    files = (PROMPTS,)
    questions = QUESTIONS
    percent = False
    lower_is_better = frozenset[str]()

    def load(self, data: Path) -> list[Prompt]:
        """The 553 prompts; a prompt's id is its line, from 00000, as in the official folders."""
        lines = checked(data, PROMPTS, self.name).read_text("utf-8").splitlines()
        prompts = []
        for number, line in enumerate(lines):
            entry = json.loads(line)
            truth = {"include": entry["include"], "exclude": entry.get("exclude", [])}
            prompts.append(Prompt(f"{number:05d}", entry["prompt"], truth=truth, groups={"tag": entry["tag"]}))
        return prompts

    def sources(self, prompt: Prompt, data: Path) -> list[Image.Image]:
        """None: these are generations."""
        return []

    def judge(self, prompt: Prompt, pictures: Sequence[Image.Image], judges: Judges, data: Path) -> list[Score]:
        """Each picture: `correct` 1 or 0; `saw` has the objects that counted and what was wrong.

        Raises:
            Unjudged: the detector is missing, or CLIP is and the prompt names a colour.
        """
        detector = judges.the_detector()
        directions = {
            wanted["class"]: geneval_colour.classifier(judges.the_embedder("clip"), wanted["class"])
            for wanted in prompt.truth["include"]
            if "color" in wanted
        }
        counting = prompt.groups["tag"] == "counting"
        threshold = geneval_objects.COUNTING_THRESHOLD if counting else geneval_objects.THRESHOLD
        place = geneval_position.leaning if self.official_compat else geneval_position.apart
        scores = []
        for number, picture in enumerate(pictures):
            objects = geneval_objects.believed(detector.detect(picture), threshold)
            said = verdict(objects, prompt.truth, partial(_colours, judges, directions, picture), place)
            scores.append(Score({"correct": float(not said.faults)}, picture=number, saw=_saw(objects, said)))
        return scores

    def summary(self, results: Sequence[Result]) -> dict[str, float]:
        """The headline, the six tags, and the two shares that the official script prints too.

        A tag of which nothing is judged is nan, and `overall` the mean of the others, as in the script.
        """
        tags = {
            tag: _mean([v for r in results if r.prompt.groups["tag"] == tag for v in r.values("correct")])
            for tag in TAGS
        }
        judged = [result.values("correct") for result in results if result.values("correct")]
        return {
            "overall": _mean([figure for figure in tags.values() if figure == figure]),
            **tags,
            "images": _mean([value for values in judged for value in values]),
            "prompts": _mean([max(values) for values in judged]),
        }


def _colours(
    judges: Judges,
    directions: Mapping[str, Float[np.ndarray, "C D"]],
    picture: Image.Image,
    found: Sequence[Detection],
    thing: str,
) -> list[str]:
    """A `geneval_rules.Namer`, once the first three are given."""
    return geneval_colour.colours(judges.the_embedder("clip"), directions[thing], picture, found)


def _saw(objects: Mapping[str, Sequence[Detection]], said: Verdict) -> Json:
    """What counted in a picture, for the person who checks it: boxes in pixels, to a tenth."""
    rows: list[dict[str, Json]] = []
    for label, group in objects.items():
        for number, found in enumerate(group):
            row: dict[str, Json] = {
                "label": label,
                "box": [round(float(edge), 1) for edge in found.box],
                "score": round(float(found.score), 4),
            }
            if number < len(said.colours.get(label, ())):
                row["colour"] = said.colours[label][number]
            rows.append(row)
    return {"objects": rows, "faults": list(said.faults)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
