"""`hanmo train plot RUN`: the curves and previews of a run in one HTML file, no network, no script, no file beside it.

It reads what the run has written (`status`), so it works while the run goes on. Its looks are the data report's. Every
number of metrics.jsonl is in a plot; those that nobody has heard of share the last ones.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from hanmo.data.report.frame import Page, own, section
from hanmo.data.report.markup import Html, join, tag
from hanmo.errors import RequestError
from hanmo.train.curves import Plot, Points, plot_chart
from hanmo.train.files import RunFolder
from hanmo.train.meter import duration
from hanmo.train.status import Status, read_metrics, status
from hanmo.weights.files import atomic_file

SHEETS = 6
"""Previews on a page: the newest, the first, and some between."""
_WIDEST = 1400
_HIDDEN = ("step", "time", "seconds_left")


def write_plot(folder: Path, output: Path) -> None:
    """Write the page of a run.

    Args:
        folder: of the run.
        output: an .html file; it is written whole or not at all.

    Raises:
        RequestError: the folder holds no run, or the run has told nothing yet.
        OutputError: the page cannot be written.
    """
    run, now = RunFolder(folder), status(folder)
    lines = read_metrics(run)
    if not lines:
        raise RequestError(f"{folder} has told nothing yet: wait for the first line of metrics (run.log_every steps)")
    last = max(line["step"] for line in lines)
    plots = [plot_chart(plot, last) for plot in plots_of(lines)]
    state = tag("p", tag("b", now.text().splitlines()[1].split(maxsplit=1)[1]), class_=f"state {now.state}")
    told = "Means between two lines of metrics, over steps. Beside each name: the last value, the lowest, the highest."
    painted = (
        "Painted by the real pipeline with the averaged weights, for prompts that training never draws. Newest first."
    )
    recipe = tag(
        "details",
        tag("summary", "The recipe, with every default written out"),
        tag("pre", run.recipe.read_text(encoding="utf-8"), tabindex=0),
    )
    page = Page(
        now.name,
        "a training run",
        "Hanmo training run",
        join((state, _summary(now, lines))),
        [("curves", "Curves"), ("previews", "Previews"), ("run", "Run")],
        [
            section("curves", "Curves", tag("div", *plots, class_="plots"), lead=told),
            section("previews", "Previews", _previews(run, lines), lead=painted),
            section("run", "Run", recipe, lead="What it was asked to do."),
        ],
        style=own(__package__, "plot.css"),
    ).text()
    with atomic_file(output) as file:
        file.write(page.encode())


# --- curves ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Numbers that share a plot: keys, or all that end in `suffix`; `log` where all are above 0; `names` of lines."""

    title: str
    keys: tuple[str, ...] = ()
    suffix: str = ""
    log: bool = False
    percent: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def holds(self, key: str) -> bool:
        return key in self.keys or bool(self.suffix and key.endswith(self.suffix))

    def plot(self, lines: Mapping[str, Points]) -> Plot:
        known = _NAMES | dict(self.names)
        named = {known.get(key, key.removesuffix(self.suffix).replace("_", " ")): at for key, at in lines.items()}
        positive = all(value > 0 for points in lines.values() for _, value in points)
        return Plot(self.title, named, self.log and positive, self.percent)


_FIRST = (
    _Group("loss", ("loss",), log=True),
    _Group("texts that are exactly right", suffix="_exact", percent=True),
    _Group("characters that are right", suffix="_characters", percent=True),
)
_LAST = (
    _Group("images a second", ("images_per_second",)),
    _Group("tokens a second", ("tokens_per_second",)),
    _Group("shares", ("mfu", "waiting"), percent=True),
    _Group("learning rate, as a share of its peak", ("lr_factor",), percent=True),
    _Group("length of the gradient, before clipping", ("grad_norm",), log=True),
    _Group("memory, GB", ("memory_gb",)),
)
_NAMES = {"mfu": "MFU", "waiting": "time spent waiting for batches", "lr_factor": "rate", "memory_gb": "memory"}


def _validation(keys: Iterable[str]) -> list[_Group]:
    """The validation loss of every bucket in one plot, then of each bucket by ranges of t (`Validation.scalars`)."""
    told = sorted(key for key in keys if key.startswith("val/"))
    buckets = tuple(key for key in told if key.count("/") == 1)
    names = {key: key.removeprefix("val/").replace("loss", "all") for key in buckets}
    groups = [_Group("validation loss", buckets, names=names)]
    for bucket in buckets:
        ranges = tuple(key for key in told if key.startswith(f"{bucket}/t"))
        labels = {key: key.removeprefix(f"{bucket}/t").replace("-", " to ") for key in ranges}
        groups.append(_Group(f"validation loss, {names[bucket]}, by noise level", ranges, log=True, names=labels))
    return groups


def plots_of(lines: Sequence[Mapping[str, float]]) -> list[Plot]:
    """Every number of a run in a plot, what belongs together in one; what no group holds has its own."""
    series: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        for key, value in line.items():
            if key not in _HIDDEN and isinstance(value, int | float) and math.isfinite(value):
                series.setdefault(key, []).append((line["step"], value))
    first = [*_FIRST, *_validation(series)]
    others = [key for key in series if not any(group.holds(key) for group in (*first, *_LAST))]
    groups = [*first, *(_Group(key.replace("_", " "), (key,)) for key in others), *_LAST]
    found = [(group, {key: points for key, points in series.items() if group.holds(key)}) for group in groups]
    return [group.plot(lines) for group, lines in found if lines]


def _summary(now: Status, lines: Sequence[Mapping[str, float]]) -> Html:
    facts = [(f"{now.step:,}", f"of {now.steps:,} steps" if now.steps else "steps")]
    if now.loss is not None:
        facts.append((f"{now.loss:.4g}", "loss"))
    exact = [line["t2i_en_exact"] for line in lines if "t2i_en_exact" in line]
    if exact:
        facts.append((f"{100 * max(exact):.0f}%", "English texts right, at best"))
    if now.images_per_second is not None:
        facts.append((f"{now.images_per_second:,.3g}", "images a second"))
    if now.seconds_left is not None:
        facts.append((duration(now.seconds_left), "left"))
    return tag("dl", *(tag("div", tag("dt", words), tag("dd", number)) for number, words in facts), class_="summary")


# --- previews --------------------------------------------------------------------------------------


def _previews(run: RunFolder, lines: Sequence[Mapping[str, float]]) -> Html:
    found = sorted(run.previews.glob("step-*.png"), reverse=True)
    if not found:
        return tag("p", "None yet.", class_="note")
    best = _best(run)
    chosen = _some(found, SHEETS)
    told = "" if len(chosen) == len(found) else f"{len(found) - len(chosen)} more are in {run.previews.name}/."
    figures = [_preview(path, best, lines) for path in chosen]
    return join((tag("div", *figures, class_="previews"), tag("p", told, class_="note") if told else ""))


def _some(found: Sequence[Path], most: int) -> list[Path]:
    """First and last of them, and others evenly between."""
    if len(found) <= most:
        return list(found)
    return [found[round(place * (len(found) - 1) / (most - 1))] for place in range(most)]


def _preview(path: Path, best: int | None, lines: Sequence[Mapping[str, float]]) -> Html:
    step = int(path.stem.partition("-")[2])
    values = {key: value for line in lines if line["step"] == step for key, value in line.items()}
    shares = [
        f"{key.removesuffix('_exact').replace('_', ' ')} {100 * value:.0f}%"
        for key, value in values.items()
        if key.endswith("_exact")
    ]
    words = f"exactly right: {', '.join(shares)}" if shares else ""
    return tag(
        "figure",
        tag("figcaption", tag("b", f"step {step:,}"), tag("span", words) if words else ""),
        _picture(path, step),
        *(_picture(pairs, step) for pairs in [path.with_name(f"pairs-{step:09d}.png")] if pairs.exists()),
        class_="best" if step == best else None,
    )


def _picture(path: Path, step: int) -> Html:
    """The sheet as a data URI, no larger than a screen shows."""
    try:
        with Image.open(path) as opened:
            sheet = opened.convert("RGB")
    except OSError:  # being written, or damaged
        return tag("p", "This sheet cannot be read.", class_="note")
    sheet.thumbnail((_WIDEST, 4 * _WIDEST), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=85, method=4)
    uri = "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
    return tag("img", src=uri, alt=f"sheet of previews at step {step}", width=sheet.width, height=sheet.height)


def _best(run: RunFolder) -> int | None:
    try:
        return int(json.loads((run.path / "best.json").read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
