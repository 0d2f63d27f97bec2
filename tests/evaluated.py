"""A small judged run with real pictures: what the report's tests stand on."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hanmo.evaluate.report.samples import Files
from hanmo.evaluate.types import Interval, Prompt, Report, Result, Score

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> '\"&lt; | `x` *y*"
TEXTS = ('a red card with the text "HELLO"', "一张写着“翰墨”的绿色卡片", EVIL, "a blue card", "白色的卡片")
VALUES = (1.0, 0.0, 0.0, None, 1.0)


@dataclass(frozen=True)
class Made:
    """A run without the runner: its figures, samples and pictures."""

    report: Report
    results: list[Result]
    files: Files
    folder: Path


def files_in(folder: Path) -> Files:
    return Files(
        lambda prompt_id, seed: folder / "pictures" / f"{prompt_id}-{seed}.png",
        lambda prompt_id: sorted((folder / "sources").glob(f"{prompt_id}-*.png")),
    )


def summary(results: Sequence[Result]) -> dict[str, float]:
    """Mean over prompts of all and of each language."""
    table = {}
    for name in ("overall", "en", "zh"):
        found = [
            r.values("exact")[0]
            for r in results
            if r.values("exact") and name in ("overall", *r.prompt.groups.values())
        ]
        table[name] = statistics.fmean(found) if found else float("nan")
    return table


def result(number: int, text: str, value: float | None, seed: int = 7) -> Result:
    language = "zh" if any(char > "\u3000" for char in text) else "en"
    prompt = Prompt(
        f"p{number}", text, "edit" if number == 1 else "generate", {"text": text[:9]}, {"language": language}
    )
    if value is None:
        return Result(prompt, (seed,), (Score({}, 0, "<b>I cannot</b>", f"no answer: {EVIL}"),))
    return Result(prompt, (seed,), (Score({"exact": value, "characters": value}, 0, {"text": EVIL}),))


def report_of(results: Sequence[Result], **others: object) -> Report:
    metrics = {name: Interval(value, value - 0.1, value + 0.1) for name, value in summary(results).items()}
    known: dict[str, object] = {
        "benchmark": "made-up",
        "title": "Made-up <b>",
        "official_compat": False,
        "generator": {"kind": "pipeline", "name": "画家 <i>"},
        "judges": {"ocr": {"name": "rapidocr", "version": "3.10.0"}},
        "provenance": {"seed": 7, "commit": "d764e70", "date": "2026-11-21T23:00:00+00:00", "prompt_hash": "ab12"},
        "prompts": len(results),
        "pictures": sum(len(one.seeds) for one in results),
        "unjudged": sum(one.unjudged for one in results),
        "scores": sum(len(one.scores) for one in results),
        "metrics": metrics,
    }
    return Report(**(known | others))  # type: ignore[arg-type]


def made_run(folder: Path, values: Sequence[float | None] = VALUES, size: int = 24, **others: object) -> Made:
    """A run of five prompts, the second an edit with a source, the fourth unjudged."""
    for name in ("pictures", "sources"):
        (folder / name).mkdir(parents=True)
    results = [result(number, text, value) for number, (text, value) in enumerate(zip(TEXTS, values, strict=True))]
    for number, one in enumerate(results):
        picture = Image.new("RGB", (2 * size, size), (40 * number, 90, 200 - 40 * number))
        picture.save(folder / "pictures" / f"{one.prompt.id}-7.png")
    Image.new("RGB", (size, size), "gold").save(folder / "sources" / "p1-0.png")
    return Made(report_of(results, **others), results, files_in(folder), folder)
