"""One run with real worker processes, read back from its page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from procedural import file_of, scene

from hanmo.data.engine import run_recipe, set_of
from hanmo.data.funnel import funnel, recipe_of_run
from hanmo.data.layout import places, rejects_in, shards_of
from hanmo.data.recipe import read_recipe
from hanmo.data.record import content_id
from hanmo.data.rejects import read_rejects
from hanmo.data.report.page import write_report
from hanmo.data.report.sheets import ROWS, Rejects, _evenly, rejects_table
from hanmo.data.shards import read_index
from hanmo.errors import RequestError

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> \'"&lt; \u202e'
RECIPE = """
[run]
folder = "{top}/run"
workers = 1
modules = ["tiny_operators"]
[[sources]]
kind = "folder"
name = "<b>scenes"
path = "{top}/pictures"
licence = "<i>CC0"
domain = "nature"
language = "en"
[[stages]]
name = "files"
use = ["resolution", "fatal"]
[stages.config.fatal]
victim = "{victim}"
how = "raise"
[stages.thresholds.resolution.side]
low = 24
[[stages]]
name = "looks"
use = ["looks"]
[stages.thresholds.looks.luma]
low = 0.25
high = 0.9
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: sharp, dark, small, broken and hostile pictures."""
    top = tmp_path_factory.mktemp("page")
    pictures = top / "pictures"
    pictures.mkdir()
    for number in range(20):
        picture = scene(number, 40, 30)
        if number % 5 == 1:
            picture = picture.point([level // 9 for level in range(256)] * 3)
        if number % 5 == 2:
            picture = picture.resize((20, 16))
        (pictures / f"{number:02d}.png").write_bytes(file_of(picture))
        (pictures / f"{number:02d}.txt").write_text(f"scene {number}", encoding="utf-8")
    (pictures / "broken.jpg").write_bytes(file_of(scene(99), "jpeg")[:300])
    (pictures / "no.png").write_text("words")
    name = "<script>alert(3)<"
    (pictures / f"{name}.png").write_bytes(file_of(scene(50, 40, 30)))
    (pictures / f"{name}.txt").write_text(EVIL, encoding="utf-8")
    (pictures / f"{name}small.png").write_bytes(file_of(scene(51, 16, 16)))
    (pictures / f"{name}small.txt").write_text(EVIL, encoding="utf-8")
    victim = content_id((pictures / "04.png").read_bytes())
    (top / "recipe.toml").write_text(RECIPE.format(top=top, victim=victim), encoding="utf-8")
    run_recipe(read_recipe(top / "recipe.toml"))
    write_report(top / "run", top / "report.html")
    return top / "run"


class Page(HTMLParser):
    """Every element with its attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script" and not self.words.endswith(data):
            self.scripts.append(data)
        self.words += data

    def having(self, attribute: str) -> list[dict[str, str]]:
        return [known for _, known in self.found if attribute in known]


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run.parent / "report.html").read_text("utf-8"))


def test_the_page_has_every_number_that_index_and_rejects_have(run: Path, page: Page) -> None:
    numbers = json.loads(next(text for text in page.scripts if text.startswith("{")))
    steps = funnel(run, recipe_of_run(run))
    assert [(int(one["data-came"]), int(one["data-kept"])) for one in page.having("data-step")] == [
        (step.came, step.kept) for step in steps
    ]
    assert [(one["name"], one["dropped"], one["failed"]) for one in numbers["funnel"]] == [
        (step.name, dict(step.dropped), dict(step.failed)) for step in steps
    ]
    assert steps[1].failed == {"resolution": 1, "fatal": 1}
    plots = {one["data-score"]: one for one in page.having("data-score")}
    for number, name in enumerate(("files", "looks"), start=1):
        rows = [row for shard in shards_of(set_of(run, number)) for row in read_index(shard)]
        lines = [line for place in places(set_of(run, number)) for line in read_rejects(rejects_in(place))]
        scores = [dict(row["scores"]) for row in rows] + [json.loads(line.record)["scores"] for line in lines]
        for key, known in numbers["scores"][name].items():
            values = [one[key] for one in scores if key in one]
            assert (known["count"], known["low"], known["high"]) == (len(values), min(values), max(values))
            assert sum(known["kept"]) + sum(known["dropped"]) == len(values)
            sides = {"resolution.side": (24, np.inf), "looks.luma": (0.25, 0.9)}.get(key, (-np.inf, np.inf))
            below, above = sum(v < sides[0] for v in values), sum(v > sides[1] for v in values)
            assert (known["below"], known["above"]) == (below, above)
            assert [int(plots[key][f"data-{side}"]) for side in ("count", "below", "above")] == [
                len(values),
                below,
                above,
            ]
        assert Counter(row["licence"] for row in rows) == numbers["shares"][name]["licence"]
    facets = [one for one in page.having("data-what") if one["data-what"] == "nature"]
    assert [(int(one["data-before"]), int(one["data-after"])) for one in facets] == [(steps[0].kept, steps[-1].kept)]
    rejected = sum(step.came - step.kept for step in steps)
    assert page.having("data-rejects")[0]["data-rejects"] == str(rejected)
    assert sum(name == "tr" for name, _ in page.found) > rejected


def test_pictures_stand_on_the_right_side_of_the_threshold(run: Path, page: Page) -> None:
    kept = {str(row["id"]): dict(row["scores"]) for shard in shards_of(set_of(run, 2)) for row in read_index(shard)}
    sheet = ""
    shown: dict[str, list[str]] = {}
    for _, known in page.found:
        sheet = known.get("data-sheet", sheet)
        if "data-id" in known:
            shown.setdefault(sheet, []).append(known["data-id"])
    assert set(shown) == {"just kept", "just dropped", "not measured", "went on"}
    assert set(shown["went on"][-8:]) <= set(kept)
    assert not set(shown["just dropped"]) & set(kept)
    lumas = [kept[id]["looks.luma"] for id in shown["just kept"] if id in kept]
    assert min(min(known["looks.luma"] for known in kept.values()), 1.0) in lumas, "the nearest one is shown"


def test_nothing_hostile_becomes_part_of_the_page(run: Path, page: Page) -> None:
    assert Counter(name for name, _ in page.found)["script"] == 2
    assert not any(key.startswith("on") for _, known in page.found for key in known)
    assert all(known["src"].startswith("data:image/webp;base64,") for known in page.having("src"))
    assert not any(known["href"].startswith(("http", "//", "javascript")) for known in page.having("href"))
    assert EVIL[:-1] in page.words, "it is quoted all the same"
    assert "\u202e" not in page.words
    assert any(EVIL[:-1] in known["alt"] for known in page.having("alt"))
    policy = next(known["content"] for known in page.having("content") if "script-src" in known["content"])
    (script,) = [text for text in page.scripts if text.lstrip().startswith('"use strict"')]
    named = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{named}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_every_picture_has_words_and_the_page_an_order_of_headings(page: Page) -> None:
    assert all(known.get("alt") for name, known in page.found if name == "img")
    assert all(known.get("aria-label") for name, known in page.found if name == "svg")
    levels = [int(name[1]) for name, _ in page.found if re.fullmatch(r"h\d", name)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [known["id"] for known in page.having("id")]
    assert len(ids) == len(set(ids))
    assert {known["href"][1:] for known in page.having("href")} <= set(ids)


def test_pictures_beyond_the_bytes_are_left_out_and_said_to_be(run: Path, tmp_path: Path) -> None:
    write_report(run, tmp_path / "small.html", picture_bytes=1000)
    text = (tmp_path / "small.html").read_text("utf-8")
    assert text.count("data:image/webp") < 5
    assert "left out: the page would grow too large" in text
    whole = (run.parent / "report.html").read_text("utf-8")
    uri = re.findall(r"data:image/webp;base64,([\w+/=]+)", whole)[0]
    assert max(Image.open(io.BytesIO(base64.b64decode(uri))).size) <= 192


def test_the_same_run_gives_the_same_page(run: Path, tmp_path: Path) -> None:
    write_report(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (run.parent / "report.html").read_bytes()


def test_many_rejects_are_shown_evenly_and_counted_whole() -> None:
    assert _evenly([3, 5000, 10], 100) == 87
    assert _evenly([3, 10], 100) == 10
    assert _evenly([9000] * 4, ROWS) == ROWS // 4
    assert "Nothing was kept back" in rejects_table(Rejects([], 0))


def test_what_is_no_finished_run_has_no_page(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no run of the data engine"):
        write_report(tmp_path, tmp_path / "page.html")
    (tmp_path / "recipe.toml").write_text((run / "recipe.toml").read_text("utf-8"), encoding="utf-8")
    with pytest.raises(RequestError, match="set0 is not finished: run 'hanmo data run"):
        write_report(tmp_path, tmp_path / "page.html")


def test_letters_can_be_read_on_their_ground_in_both_schemes(root: Path) -> None:
    style = (root / "src/hanmo/data/report/page.css").read_text("utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in style.split("* { box-sizing")[0].split("@media")
    )
    pairs = [(text, ground) for text in ("ink", "soft", "dropped", "failed", "kept") for ground in ("paper", "card")]
    pairs += [("dropped", "dropped-soft"), ("failed", "failed-soft"), ("soft", "hover")]
    for scheme in (light, {**light, **dark}):
        assert {pair: value for pair in pairs if (value := contrast(*(scheme[name] for name in pair))) < 4.5} == {}


def contrast(first: str, second: str) -> float:
    """WCAG's ratio of two colours."""
    lights = []
    for color in (first, second):
        levels = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
        lights.append(float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05)
    return max(lights) / min(lights)
