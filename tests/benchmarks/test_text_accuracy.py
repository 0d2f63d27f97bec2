"""The text benchmark: shares, judges on rendered cards, and one run of a random model through all of it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("rapidocr")

from benchmarks import bench_text_accuracy as bench
from benchmarks.cards import Sample, judge, sheet
from benchmarks.shares import share, wilson
from hanmo.data.ocr import OCR
from hanmo.data.synthesize.captions import evaluation_prompts
from hanmo.data.synthesize.cards import Card, draw

RED = Card("HELLO", "en", "red", "white")


@pytest.fixture(scope="module")
def ocr() -> OCR:
    return OCR(threads=1)


def test_wilson_intervals_of_known_shares() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(95, 100) == pytest.approx((0.8882, 0.9785), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    low, high = wilson(10, 10)
    assert (low, high) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_a_share_counts_hits() -> None:
    found = share([True, False, True, True])
    assert (found.hits, found.count, found.value) == (3, 4, 0.75)
    assert "75.0 % of    4" in str(found)


def test_rendered_cards_are_judged_right(ocr: OCR) -> None:
    prompts = evaluation_prompts(24, seed=3)
    cards = [prompt.card for prompt in prompts]
    samples = judge(ocr, ["generate"] * 24, [p.text for p in prompts], cards, [draw(card) for card in cards])
    assert all(sample.exact and sample.ground and sample.letters for sample in samples)
    assert all(sample.characters == 1.0 for sample in samples)
    shares = bench.summarise(samples, samples)
    assert shares["en exact"].value == shares["zh judge's ceiling"].value == 1.0


@pytest.mark.parametrize(
    ("change", "failed"),
    [({"text": "WORLD"}, "exact"), ({"background": "blue"}, "ground"), ({"color": "yellow"}, "letters")],
)
def test_a_wrong_picture_is_judged_wrong(ocr: OCR, change: dict[str, str], failed: str) -> None:
    (sample,) = judge(ocr, ["generate"], ["..."], [RED], [draw(dataclasses.replace(RED, **change))])
    assert [name for name in ("exact", "ground", "letters") if not getattr(sample, name)] == [failed]


def test_a_blank_picture_has_neither_text_nor_letters(ocr: OCR) -> None:
    (sample,) = judge(ocr, ["generate"], ["..."], [RED], [Image.new("RGB", (128, 64), (214, 40, 40))])
    assert sample.ground
    assert sample.letters_seen is None
    assert not sample.exact
    assert not sample.letters


@pytest.mark.parametrize(
    ("task", "read", "ground", "letters", "done"),
    [
        ("generate", "HELLO", "blue", "black", True),
        ("text", "HELL0", "blue", "black", True),
        ("text", "HELP", "red", "white", False),
        ("background", "HELLO", "red", "black", True),
        ("background", "HELLO", "blue", "white", False),
        ("background", "HELP", "red", "white", False),
        ("color", "HELLO", "blue", "white", True),
        ("color", "HELLO", "red", "black", False),
        ("color", "HELP", "red", "white", False),
    ],
)
def test_an_edit_counts_when_its_wish_is_met_and_the_text_is_read(
    task: str, read: str, ground: str, letters: str, done: bool
) -> None:
    assert bench.right(Sample(task, "", RED, read, ground, letters)) == done


def test_longer_english_texts_are_reported_by_length_only() -> None:
    long = Sample("generate", "", Card("LONGER", "en", "red", "white"), "wrong", "red", "white")
    shares = bench.summarise([Sample("generate", "", RED, "HELLO", "red", "white"), long], [])
    assert (shares["en exact"].hits, shares["en exact"].count) == (1, 1)
    assert shares["en exact, length 6"].hits == 0
    assert shares["background"].count == 2


def test_the_sheet_shows_every_sample() -> None:
    samples = [Sample("generate", "a red card " * 9, RED, read, "red", "white") for read in ("HELLO", "HELP")]
    whole = sheet(samples, [[draw(RED)], [draw(RED), draw(RED)]], columns=2)
    assert whole.width >= 2 * 260
    assert (np.asarray(whole) == (214, 40, 40)).all(axis=2).sum() > 2 * 128 * 32


def test_a_random_model_runs_through_the_whole_benchmark(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(shared / "golden" / "tiny-qwen-image", model)
    preferences = {"default_size": [128, 64], "edit_area": 128 * 64, "vlm_area": 128 * 64}
    (model / "hanmo.json").write_text(json.dumps(preferences))
    wanted = ["--prompts", "3", "--edits", "4", "--steps", "1", "--cfg-scale", "1", "--batch", "2"]
    files = ["--sheet", str(tmp_path / "sheet.png"), "--samples", str(tmp_path / "samples.jsonl")]
    bench.main(["--model", str(model), "--threads", str(torch.get_num_threads()), *wanted, *files])
    out = capsys.readouterr().out.splitlines()
    figures = json.loads(out[-1])
    assert figures["judge"].startswith("rapidocr 3.")
    assert figures["shares"]["background"]["count"] == 3
    assert figures["shares"]["en judge's ceiling"]["share"] == 1.0
    assert figures["shares"]["edit text"]["count"] == 2
    assert any(line.startswith("zh exact ") and "target 90 %: MISSED" in line for line in out)
    samples = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text("utf-8").splitlines()]
    assert [sample["task"] for sample in samples] == ["generate"] * 3 + [
        "text",
        "color",
        "background",
        "text",
    ]
    with Image.open(tmp_path / "sheet.png") as whole:
        assert whole.width >= 4 * 260
