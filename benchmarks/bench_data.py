"""How many pictures a second go through the data engine, and what a billion would cost.

    python -m benchmarks.bench_data --pictures 600 --runs 3

*Stages 1 and 2* (all operators but NSFW) by `hanmo.data.run.run` on worker processes, against `plain_filters`: a
ProcessPoolExecutor of as many, over the same libraries, that answers the same questions and keeps no promise (no resume,
no rejects, nothing written but a table). Both sides begin with procedurally made JPEGs that lie on disk, ours in shards;
collecting them into shards is timed apart. Starting the processes counts on both sides. The sides take turns, the
order is reversed at every other turn, and the medians are compared. *Single steps*: NSFW, OCR and pure synthesis in one
process on one thread. *A billion pictures*: CPU seconds for each, times a billion; the price of a core-hour is an
assumption that the caller states. Only the table of duplicates does not grow in proportion: a look is compared with
68/65,536 of the others, and 200 bytes of memory are needed for each. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import machine, plain_filters, record
from hanmo.data.collect import CollectConfig, collect
from hanmo.data.filters import stage1_files, stage2_looks
from hanmo.data.filters.duplicate_table import NONE, LookOperator
from hanmo.data.layout import shards_of
from hanmo.data.ocr import OCR
from hanmo.data.operator import Operator, Threshold, Thresholds
from hanmo.data.record import make_record
from hanmo.data.run import RunConfig, run
from hanmo.data.sources.folder import FolderSource
from hanmo.data.stage import Stage
from hanmo.data.synthesize.coverage import file_faces
from hanmo.data.synthesize.fonts import font_path
from hanmo.data.synthesize.paragraph import Paragraph, sample_paragraph
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.passages import builtin
from hanmo.errors import RequestError
from hanmo.log import progress

TARGET_RATIO, TARGET_RATE = 1.0, 20.0
BILLION = 1e9
STAGE1: tuple[Operator, ...] = (
    stage1_files.Broken(),
    stage1_files.FileSize(),
    stage1_files.Resolution(),
    LookOperator(),
)
STAGE2: tuple[Operator, ...] = tuple(kind() for kind in stage2_looks.OPERATORS.values())
THRESHOLDS: dict[int, Thresholds] = {
    1: {
        "broken": {"readable": Threshold(low=1.0)},
        "resolution": {"short_side": Threshold(low=64.0)},
        "duplicates": {"distance": Threshold(low=float(NONE))},
    },
    2: {"rotation": {"degrees": Threshold(high=0.0)}},
}


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


def picture(seed: int, side: int) -> Image.Image:
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
    return image


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


def hanmo_stages(shards: list[Path], folder: Path, stages: Sequence[int], workers: int) -> tuple[int, dict[int, Cost]]:
    """Run stages one after the other; how many pictures stay, and what each stage cost."""
    config, costs, kept = RunConfig(workers), {}, 0
    folder.mkdir()
    for number in stages:
        spent: list[Cost] = []
        made = folder / f"stage{number}"
        with timed(spent):
            stage = Stage(STAGE1 if number == 1 else STAGE2, THRESHOLDS[number])
            if number == 1:
                stage = stage1_files.with_duplicates(shards, made, stage, folder / "duplicates.npy", config)
            kept = run(shards, made, stage, config).kept
        costs[number], shards = spent[0], shards_of(made)
    return kept, costs


def compare(pictures: int, side: int, stages: Sequence[int], runs: int, workers: int) -> dict[str, object]:
    """Both sides `runs` times, taking turns; every figure as JSON."""
    ours: list[Cost] = []
    plain: list[Cost] = []
    parts: list[dict[int, Cost]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_pictures(folder / "pictures", pictures, side)
        collected: list[Cost] = []
        with timed(collected):
            collect(
                [FolderSource(folder / "pictures")], folder / "set", CollectConfig(max(1, pictures // (4 * workers)))
            )
        shards = shards_of(folder / "set")
        kept: dict[str, int] = {}

        def one(turn: int) -> None:
            with timed(ours):
                kept["hanmo"], costs = hanmo_stages(shards, folder / f"run{turn}", stages, workers)
            parts.append(costs)

        def other(turn: int) -> None:
            with timed(plain):
                kept["plain"] = plain_filters.filter_folder(files, folder / f"{turn}.parquet", stages, workers)

        with progress(runs, "turns") as bar:
            for turn in range(runs):
                for side_of in (one, other) if turn % 2 == 0 else (other, one):
                    side_of(turn)
                bar.update()
        size = statistics.mean(file.stat().st_size for file in files)
    hanmo, reference = median(ours), median(plain)
    return {
        "pictures": pictures,
        "side": side,
        "stages": list(stages),
        "workers": workers,
        "runs": runs,
        "mean_bytes": round(size),
        "kept": kept,
        "hanmo_images_per_second": pictures / hanmo.seconds,
        "plain_images_per_second": pictures / reference.seconds,
        "ratio": reference.seconds / hanmo.seconds,
        "ratio_of_cpu": reference.cpu / hanmo.cpu,
        "cpu_seconds_per_image": {
            "collect": collected[0].cpu / pictures,
            **{f"stage {number}": median([part[number] for part in parts]).cpu / pictures for number in stages},
            "plain": reference.cpu / pictures,
        },
    }


# --- single steps -----------------------------------------------------------------------------------


def pages(count: int, side: int) -> list[Image.Image]:
    """Synthesised paragraphs, English and Chinese in turn."""
    faces = [*file_faces(Path(font_path("en", "serif"))), *file_faces(Path(font_path("zh", "sans")))]
    passages = [builtin(script) for script in ("en", "zh")]
    config, found, seed = ParagraphConfig(side, side), [], 0
    while len(found) < count:
        outcome = sample_paragraph(random.Random(seed), passages[len(found) % 2], faces, config)
        found += [outcome.picture] if isinstance(outcome, Paragraph) else []
        seed += 1
    return found


def single_steps(count: int, side: int) -> dict[str, dict[str, float | str]]:
    """Each step on `count` pictures, after one that does not count; what is not installed says so."""
    photos = [picture(seed, side) for seed in range(count + 1)]
    texts = pages(count + 1, side)

    def nsfw() -> Callable[[Image.Image], object]:
        operator = stage1_files.Nsfw()
        return lambda image: operator.measure(make_record(_jpeg(image)))

    def reader() -> Callable[[Image.Image], object]:
        return OCR(threads=1).read

    steps = {
        "NSFW (with decoding)": (nsfw, photos),
        "OCR, no text in the picture": (reader, photos),
        "OCR, a page of text": (reader, texts),
    }
    found: dict[str, dict[str, float | str]] = {}
    for name, (load, images) in steps.items():
        try:
            work = load()
        except RequestError as missing:
            found[name] = {"missing": str(missing)}
            continue
        work(images[0])
        spent: list[Cost] = []
        with timed(spent):
            for image in images[1:]:
                work(image)
        found[name] = _figures(spent[0], count)
    spent = []
    with timed(spent):
        pages(count, side)
    found["pure synthesis, a page"] = _figures(spent[0], count)
    return found


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


def markdown(found: Mapping[str, dict[str, object]], price: float) -> str:
    """The tables that the pages quote."""
    compared, steps, billion = found["compared"], found["steps"], found["billion"]
    rate, ratio = (float(str(compared[key])) for key in ("hanmo_images_per_second", "ratio"))
    lines = [
        f"Stages {compared['stages']}, {compared['pictures']} JPEGs of {compared['side']} pixels "
        f"({compared['mean_bytes']} bytes), {compared['workers']} workers, median of {compared['runs']}:",
        "",
        "| what | images/s | ratio | of CPU | target |",
        "|---|---|---|---|---|",
        f"| Hanmo | {rate:.1f} | **{ratio:.2f}** | {compared['ratio_of_cpu']:.2f} "
        f"| {TARGET_RATIO:.1f}, {TARGET_RATE:.0f}/s {'met' if met(compared) else 'MISSED'} |",
        f"| plain process pool | {compared['plain_images_per_second']:.1f} | 1 | 1 | |",
        "",
        "| single step, one thread | images/s | CPU s/image |",
        "|---|---|---|",
    ]
    for name, step in steps.items():
        if "missing" in step:
            lines.append(f"| {name} | {step['missing']} | |")
        else:
            lines.append(f"| {name} | {step['images_per_second']:.2f} | {step['cpu_seconds_per_image']:.3f} |")
    lines += ["", f"| 1 billion pictures at ${price:g} a core-hour | core-hours | dollars |", "|---|---|---|"]
    lines += [f"| {name} | {row['core_hours']:,.0f} | {row['dollars']:,.0f} |" for name, row in billion.items()]
    return "\n".join(lines)


def met(compared: Mapping[str, object]) -> bool:
    """Whether both targets are reached."""
    ratio, rate = float(str(compared["ratio"])), float(str(compared["hanmo_images_per_second"]))
    return ratio >= TARGET_RATIO and rate >= TARGET_RATE


def measure(options: argparse.Namespace) -> dict[str, dict[str, object]]:
    """Everything, ready for JSON."""
    compared = compare(options.pictures, options.side, options.stages, options.runs, options.workers)
    steps = single_steps(options.steps, options.side) if options.steps else {}
    seconds = dict(compared["cpu_seconds_per_image"])
    seconds |= {name: step["cpu_seconds_per_image"] for name, step in steps.items() if "missing" not in step}
    return {"compared": compared, "steps": steps, "billion": scale(seconds, options.price)}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--pictures", type=int, default=600)
    found.add_argument("--side", type=int, default=768, help="pixels")
    found.add_argument("--stages", type=int, nargs="+", choices=(1, 2), default=[1, 2])
    found.add_argument("--runs", type=int, default=3, help="turns of both sides")
    found.add_argument("--workers", type=int, default=2)
    found.add_argument("--steps", type=int, default=20, help="pictures for each single step; 0 leaves them out")
    found.add_argument("--price", type=float, default=0.04, help="dollars for an hour of one core, as you pay it")
    found.add_argument("--write", action="store_true", help="a dated file in results/ too")
    return found


def main() -> int:
    options = parser().parse_args()
    head = machine.describe()
    found = measure(options)
    body = markdown(found, options.price)
    print(body)
    if options.write:
        print(f"written: {record.write('data', head, body, found)}")
    print(json.dumps({"machine": head, "figures": found}, ensure_ascii=False))
    return 0 if met(found["compared"]) else 1


if __name__ == "__main__":
    sys.exit(main())
