"""The measurements of `bench_data`: stages 1 and 2 both ways, single steps, and what a billion pictures would cost."""

from __future__ import annotations

import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import plain_filters
from hanmo.data.collect import CollectConfig, collect
from hanmo.data.filters import stage1_files, stage2_looks
from hanmo.data.filters.duplicate_table import NONE, LookOperator
from hanmo.data.layout import shards_of
from hanmo.data.operator import Operator, Threshold, Thresholds
from hanmo.data.operators import find_operators
from hanmo.data.record import Caption, Record, make_record
from hanmo.data.run import RunConfig, run
from hanmo.data.sources import Source
from hanmo.data.sources.folder import FolderSource
from hanmo.data.sources.pages import PageSource
from hanmo.data.sources.pairs import PairSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.scenes import SceneSource
from hanmo.data.stage import Stage
from hanmo.data.synthesize.pages.page import PageConfig
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.scene_sample import SceneConfig as PairConfig
from hanmo.data.synthesize.scenes.style import SceneConfig
from hanmo.errors import RequestError
from hanmo.log import progress

BILLION = 1e9
STAGE1: tuple[Operator, ...] = (
    stage1_files.Broken(),
    stage1_files.FileSize(),
    stage1_files.Resolution(),
    LookOperator(),
)
STAGE2: tuple[Operator, ...] = tuple(kind() for kind in stage2_looks.OPERATORS.values())
OPERATORS = {1: STAGE1, 2: STAGE2}
THRESHOLDS: dict[int, Thresholds] = {
    1: {
        "broken": {"readable": Threshold(low=1.0)},
        "resolution": {"short_side": Threshold(low=64.0)},
        "duplicates": {"distance": Threshold(low=float(NONE))},
    },
    2: {"rotation": {"degrees": Threshold(high=0.0)}},
}
DIFFERENT = 40
"""Pictures that are drawn; the others are these, mirrored, shifted and with other colours, which costs less."""


@dataclass(frozen=True)
class Cost:
    """Seconds of a piece of work: by the clock, and of all processors that worked on it."""

    seconds: float
    cpu: float


@contextmanager
def timed(into: list[Cost]) -> Iterator[None]:
    """Append what the block costs, its child processes (which must have ended) included."""
    before, before_cpu = time.perf_counter(), _cpu()
    yield
    into.append(Cost(time.perf_counter() - before, _cpu() - before_cpu))


def _cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def median(costs: Sequence[Cost]) -> Cost:
    """Of each kind of seconds for itself."""
    return Cost(statistics.median(cost.seconds for cost in costs), statistics.median(cost.cpu for cost in costs))


# --- pictures ---------------------------------------------------------------------------------------


@cache
def drawing(seed: int, side: int) -> np.ndarray:
    """Shapes before a ground of noise in many sizes: about as many bytes for a pixel as a photograph has."""
    rng = np.random.default_rng(seed)
    ground = np.full((side, side, 3), 128, np.float32)
    for cells in (2, 5, 12, 30, 80):
        small = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        ground += (np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.float32) - 128) / cells**0.5
    ground += rng.normal(0, 3, (side, side, 1)).astype(np.float32)
    image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for number in range(12):
        x, y, wide, high = (rng.uniform((-0.1, -0.1, 0.05, 0.05), (1, 1, 0.4, 0.4)) * side).tolist()
        color = tuple(rng.integers(20, 236, 3).tolist())
        (pen.ellipse if number % 2 else pen.rectangle)((x, y, x + wide, y + high), fill=color)
    return np.asarray(image)


def picture(seed: int, side: int) -> Image.Image:
    """Another picture for every seed."""
    rng = np.random.default_rng(seed)
    drawn = drawing(seed % DIFFERENT, side)
    if seed >= DIFFERENT:
        drawn = np.roll(drawn, rng.integers(0, side, 2), (0, 1))[:, :: int(rng.choice([-1, 1]))]
        drawn = drawn[..., rng.permutation(3)]
    return Image.fromarray(np.ascontiguousarray(drawn))


def write_pictures(folder: Path, count: int, side: int) -> list[Path]:
    """JPEGs in one folder; every tenth is a smaller copy of the one before."""
    folder.mkdir()
    files = []
    for number in range(count):
        copy = number % 10 == 9
        image = picture(number - copy, side)
        if copy:
            image = image.resize((round(side * 0.8), round(side * 0.8)), Image.Resampling.LANCZOS)
        files.append(folder / f"{number:06d}.jpg")
        image.save(files[-1], quality=80 if copy else 90)
    return files


# --- stages 1 and 2 ---------------------------------------------------------------------------------


def hanmo_stages(
    shards: list[Path], folder: Path, passes: Sequence[Sequence[int]], workers: int
) -> tuple[int, dict[str, Cost]]:
    """Run stages: those of one pass look at each picture together. How many pictures stay, and what each pass cost."""
    config, costs, kept = RunConfig(workers), {}, 0
    folder.mkdir()
    for number, stages in enumerate(passes):
        spent: list[Cost] = []
        made = folder / f"set{number}"
        with timed(spent):
            operators = tuple(operator for one in stages for operator in OPERATORS[one])
            stage = Stage(operators, {name: score for one in stages for name, score in THRESHOLDS[one].items()})
            if 1 in stages:
                stage = stage1_files.with_duplicates(shards, made, stage, folder / "duplicates.npy", config)
            kept = run(shards, made, stage, config).kept
        costs[f"stage {' and '.join(map(str, stages))}"] = spent[0]
        shards = shards_of(made)
    shutil.rmtree(folder)
    return kept, costs


def compare(pictures: int, side: int, stages: Sequence[int], runs: int, workers: int) -> dict[str, Any]:
    """Hanmo in one pass, Hanmo with a run for each stage, and the plain pool, taking turns; every figure as JSON."""
    spent: dict[str, list[Cost]] = {"one pass": [], "plain": []}
    passes: dict[str, list[list[int]]] = {"one pass": [list(stages)]}
    if len(stages) > 1:
        spent["a run for each stage"] = []
        passes["a run for each stage"] = [[stage] for stage in stages]
    parts: dict[str, list[Cost]] = {}
    kept: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_pictures(folder / "pictures", pictures, side)
        collected: list[Cost] = []
        with timed(collected):
            config = CollectConfig(max(1, pictures // (4 * workers)))
            collect([FolderSource(folder / "pictures")], folder / "set", config)
        shards = shards_of(folder / "set")
        with progress(runs * len(spent), "turns") as bar:
            for turn in range(runs):
                for way in list(spent) if turn % 2 == 0 else reversed(list(spent)):
                    with timed(spent[way]):
                        if way == "plain":
                            table = folder / "plain.parquet"
                            kept[way] = plain_filters.filter_folder(files, table, stages, workers)
                        else:
                            kept[way], costs = hanmo_stages(shards, folder / "run", passes[way], workers)
                            for what, cost in costs.items():
                                parts.setdefault(what, []).append(cost)
                    bar.update()
        size = statistics.mean(file.stat().st_size for file in files)
    medians = {way: median(costs) for way, costs in spent.items()}
    plain = medians["plain"]
    return {
        "pictures": pictures,
        "side": side,
        "stages": list(stages),
        "workers": workers,
        "runs": runs,
        "mean_bytes": round(size),
        "kept": kept,
        "images_per_second": {way: pictures / cost.seconds for way, cost in medians.items()},
        "ratio": {way: plain.seconds / cost.seconds for way, cost in medians.items()},
        "ratio_of_cpu": {way: plain.cpu / cost.cpu for way, cost in medians.items()},
        "cpu_seconds_per_image": {
            "collect": collected[0].cpu / pictures,
            **{what: median(costs).cpu / pictures for what, costs in parts.items()},
            "plain": plain.cpu / pictures,
        },
    }


# --- single steps -----------------------------------------------------------------------------------

MEASURED: dict[str, tuple[str, ...]] = {
    "stage 1, NSFW": ("nsfw",),
    "stage 3, without image_text": ("caption_split", "caption_length", "invalid_caption"),
    "stage 4": ("text_split", "intensive_text", "small_characters"),
    "stage 5, without networks": ("resolution", "image_quality", "codes", "watermark"),
    "stage 6, without faces": ("category", "portrait_caption"),
    "stage 7": ("taxonomy",),
}
"""Steps -> operators that look at each picture; what needs weights that lie in no package is left out."""
_OF_TEXT = ("stage 4", "stage 5, without networks")
"""Steps whose cost depends on how much is written in the picture."""


def single_steps(count: int, side: int) -> dict[str, dict[str, float | str]]:
    """Each step on `count` pictures, decoding included, after one that does not count; what is missing says so."""
    photos = [_record(picture(seed, side), f"a red house number {seed} by a lake") for seed in range(count + 1)]
    pure = ParagraphSource(4 * (count + 1), 0, config=ParagraphConfig(side, side))
    texts = list(islice((one for one in pure if isinstance(one, Record)), count + 1))
    found: dict[str, dict[str, float | str]] = {}
    for name, names in MEASURED.items():
        for what, records in ((name, photos), (f"{name}, a page of text", texts)):
            if records is photos or name in _OF_TEXT:
                found[what] = _measured(names, records)
    for name, source in {
        "synthesis, pure": ParagraphSource(count + 1, 1, config=ParagraphConfig(side, side)),
        "synthesis, compositional": SceneSource(count + 1, 1, config=SceneConfig(side, side)),
        "synthesis, complex (Pillow)": PageSource(count + 1, 1, config=PageConfig()),
        "synthesis, an edit pair": PairSource(count + 1, 1, config=PairConfig(side, side)),
    }.items():
        found[name] = _drawn(source, count)
    return found


def _measured(names: Sequence[str], records: Sequence[Record]) -> dict[str, float | str]:
    spent: list[Cost] = []
    nowhere = Path()
    try:
        operators = [wanted.build([], nowhere, nowhere) for wanted in find_operators(names, {})]
        for operator in operators:
            operator.measure(records[0])
        with timed(spent):
            for record in records[1:]:
                for operator in operators:
                    operator.measure(record)
    except RequestError as missing:
        return {"missing": str(missing)}
    return _figures(spent[0], len(records) - 1)


def _drawn(source: Source, count: int) -> dict[str, float | str]:
    """What a source costs for each of `count`: pictures as PNG, captions; its fonts are loaded before."""
    spent: list[Cost] = []
    items = iter(source)
    try:
        next(items)
    except RequestError as missing:
        return {"missing": str(missing)}
    with timed(spent):
        for _ in items:
            pass
    return _figures(spent[0], count)


def _record(image: Image.Image, caption: str) -> Record:
    return make_record(_jpeg(image), (Caption(caption),))


def _jpeg(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def _figures(cost: Cost, count: int) -> dict[str, float | str]:
    return {"images_per_second": count / cost.seconds, "cpu_seconds_per_image": cost.cpu / count}


# --- a billion --------------------------------------------------------------------------------------


def scale(cpu_seconds: Mapping[str, float], price: float) -> dict[str, dict[str, float]]:
    """Core-hours and dollars for a billion pictures.

    Args:
        cpu_seconds: what -> CPU seconds for one picture.
        price: dollars for an hour of one core.
    """
    hours = {name: seconds * BILLION / 3600 for name, seconds in cpu_seconds.items()}
    return {name: {"core_hours": value, "dollars": value * price} for name, value in hours.items()}
