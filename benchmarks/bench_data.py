"""How many pictures a second go through the data engine, and what a billion would cost.

    python -m benchmarks.bench_data --pictures 2000 --runs 3

*Stages 1 and 2* (all operators but NSFW) by `hanmo.data.run.run` on worker processes, in one pass and as a run for each
stage, against `plain_filters`: a ProcessPoolExecutor of as many over the same libraries that answers the same questions
and keeps no promise (no resume, no rejects, nothing written but a table). All begin with procedurally made JPEGs that
lie on disk, ours in shards; collecting them is timed apart. Starting the processes counts: half a second of CPU for
each worker of each run of ours, which is spawned (the plain ones are forked), so few pictures say little. The sides
take turns, the order is reversed at every other turn, medians are compared; the targets are those of one pass.

*Single steps*: the operators of the other stages that need no weights but those of packages, and synthesis, in one
process on one thread. *A billion pictures*: CPU seconds for each,
times a billion; what a core-hour costs is the caller's to state (`--price`). One thing does not grow in proportion: in
the table of duplicates a look is compared with about 68 in 65,536 of all others, and each takes 200 bytes of memory.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

TARGET_RATIO, TARGET_RATE = 1.0, 20.0


def markdown(found: Mapping[str, Any], price: float) -> str:
    """The tables that the pages quote."""
    compared = found["compared"]
    lines = [
        f"Stages {' and '.join(map(str, compared['stages']))}: {compared['pictures']} JPEGs of {compared['side']} "
        f"pixels ({compared['mean_bytes']} bytes each), {compared['workers']} workers, median of {compared['runs']}; "
        f"targets {TARGET_RATIO:.1f} and {TARGET_RATE:.0f} images/s {'met' if met(compared) else 'MISSED'}.",
        "",
        "| what | images/s | ratio | of CPU |",
        "|---|---|---|---|",
    ]
    for way, rate in compared["images_per_second"].items():
        name = "plain process pool" if way == "plain" else f"Hanmo, {way}"
        ratio, of_cpu = compared["ratio"][way], compared["ratio_of_cpu"][way]
        lines.append(f"| {name} | {rate:.1f} | {ratio:.2f} | {of_cpu:.2f} |")
    if found["steps"]:
        lines += ["", "| single step, one thread | images/s | CPU s/image |", "|---|---|---|"]
    for name, step in found["steps"].items():
        if "missing" in step:
            lines.append(f"| {name} | {step['missing']} | |")
        else:
            lines.append(f"| {name} | {step['images_per_second']:.2f} | {step['cpu_seconds_per_image']:.3f} |")
    lines += ["", f"| 1 billion pictures at ${price:g} a core-hour | core-hours | dollars |", "|---|---|---|"]
    lines += [
        f"| {name} | {row['core_hours']:,.0f} | {row['dollars']:,.0f} |" for name, row in found["billion"].items()
    ]
    return "\n".join(lines)


def met(compared: Mapping[str, Any]) -> bool:
    """Whether both targets are reached."""
    ratio, rate = (compared[key]["one pass"] for key in ("ratio", "images_per_second"))
    return bool(ratio >= TARGET_RATIO and rate >= TARGET_RATE)


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--pictures", type=int, default=2000)
    found.add_argument("--side", type=int, default=768, help="pixels")
    found.add_argument("--stages", type=int, nargs="+", choices=(1, 2), default=[1, 2])
    found.add_argument("--runs", type=int, default=3, help="turns of every side")
    found.add_argument("--workers", type=int, default=2)
    found.add_argument("--steps", type=int, default=20, help="pictures for each single step; 0 leaves them out")
    found.add_argument("--price", type=float, default=0.04, help="dollars for an hour of one core, as you pay it")
    found.add_argument("--write", action="store_true", help="a dated file in results/ too")
    return found


def main(arguments: list[str] | None = None) -> int:
    # Every worker that is spawned imports this file first, so what it does not need is imported here.
    from benchmarks import data_figures, machine, record

    options = parser().parse_args(arguments)
    head = machine.describe()
    compared = data_figures.compare(options.pictures, options.side, options.stages, options.runs, options.workers)
    steps = data_figures.single_steps(options.steps, options.side) if options.steps else {}
    seconds = dict(compared["cpu_seconds_per_image"])
    seconds |= {name: step["cpu_seconds_per_image"] for name, step in steps.items() if "missing" not in step}
    billion = data_figures.scale(seconds, options.price)
    found = {"compared": compared, "steps": steps, "billion": billion, "price": options.price}
    body = markdown(found, options.price)
    print(body)
    if options.write:
        print(f"written: {record.write('data', head, body, found)}")
    print(json.dumps({"machine": head, "figures": found}, ensure_ascii=False))
    return 0 if met(compared) else 1


if __name__ == "__main__":
    sys.exit(main())
