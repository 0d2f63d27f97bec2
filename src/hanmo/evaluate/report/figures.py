"""How figures are called, written and scaled: in the table, on the page and in the terminal alike.

A report has numbers without units. Whether they are shares, and which are better when lower, the benchmark knows; it
is asked by the name that the report holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.catalog import CATALOG, benchmark
from hanmo.evaluate.types import Interval, Json, Report

_WORDS = {
    "absrel": "AbsRel", "clip": "CLIP", "cer": "CER", "delta1": "δ1", "diode": "DIODE",
    "en": "EN", "eth3d": "ETH3D", "gned": "GNED", "kitti": "KITTI", "lpips": "LPIPS", "ned": "NED", "nyuv2": "NYUv2",
    "ocr": "OCR", "pq": "PQ", "psnr": "PSNR", "sc": "SC", "scannet": "ScanNet", "ssim": "SSIM", "zh": "ZH",
}  # fmt: skip
_MARKS = {"gedit-en": 10.0, "gedit-cn": 10.0, "imgedit": 5.0}
"""Best mark of the benchmarks whose judges give marks."""
_NICE = (1.0, 5.0, 10.0, 20.0, 50.0, 100.0)
NOTHING = "–"
"""What stands for a figure of which nothing was judged."""


@dataclass(frozen=True)
class Style:
    """How the figures of a benchmark are shown.

    Attributes:
        percent: they are shares, 0-1, shown in per cent.
        lower: names of those that are better when lower.
        marks: the best mark there is; None: that of each figure is guessed from its values.
    """

    percent: bool = False
    lower: frozenset[str] = frozenset()
    marks: float | None = None

    def full(self, values: Iterable[float]) -> float:
        """The end of the axis on which values are drawn: the best mark, or a round number that is no smaller."""
        highest = max((abs(value) for value in values if math.isfinite(value)), default=0.0) or 1.0
        if self.marks is not None and highest <= self.marks:
            return self.marks
        return next((end for end in _NICE if highest <= end), 10.0 ** math.ceil(math.log10(highest)))

    def number(self, value: float, *, unit: bool = True) -> str:
        """A figure in words: "87.5 %", "0.875", "7.56"; "–" where nothing was judged."""
        if math.isnan(value):
            return NOTHING
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"  # PSNR of two pictures that are the same
        if self.percent:
            return f"{100 * value:.1f} %" if unit else f"{100 * value:.1f}"
        return f"{value:.3f}" if abs(value) < 1 or value == 1 else f"{value:.2f}"

    def published(self, value: float) -> str:
        """A published figure, with all the digits that it was published with."""
        if self.percent:
            return f"{100 * value:.2f} %"
        whole, _, digits = f"{value:.4f}".partition(".")
        return f"{whole}.{digits.rstrip('0').ljust(2, '0')}"

    def interval(self, figure: Interval) -> str:
        """The 95 % interval of a figure: "83.0 to 91.2"."""
        if math.isnan(figure.low) or math.isnan(figure.high):
            return NOTHING
        return f"{self.number(figure.low, unit=False)} to {self.number(figure.high, unit=False)}"

    def better(self, name: str, one: float, other: float) -> bool:
        """Whether `one` is strictly better than `other`."""
        return one < other if name in self.lower else one > other


def benchmark_of(report: Report) -> Benchmark:
    """The benchmark of a report, with the options that it was judged with.

    Raises:
        RequestError: this version does not know it, or not with these options.
    """
    options: dict[str, Json] = {"official_compat": True} if report.official_compat else {}
    options |= dict(report.provenance.get("options") or {})
    fixed = CATALOG[report.benchmark].fixed if report.benchmark in CATALOG else {}
    return benchmark(report.benchmark, **{name: value for name, value in options.items() if name not in fixed})


def style_of(report: Report) -> Style:
    """How the figures of a report are shown; those of a benchmark that is not in the catalog are plain numbers."""
    if report.benchmark not in CATALOG:
        return Style()
    known = benchmark_of(report)
    return Style(known.percent, frozenset(known.lower_is_better), _MARKS.get(report.benchmark))


def label(name: str) -> str:
    """What people call a figure: "color_attr" is "color attr", "delta1 NYUv2" is "δ1 NYUv2"."""
    words = re.split(r"[_./ ]+", name)
    return " ".join(_WORDS.get(word, word) for word in words if word)


def headline(report: Report) -> str | None:
    """The name of the first figure, which stands for the whole; None where there is none."""
    return next(iter(report.metrics), None)


def generator_name(report: Report) -> str:
    """What painted, in a few words."""
    return str(report.generator.get("name") or report.generator.get("kind") or "unnamed generator")
