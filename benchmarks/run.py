"""`make bench`: every speed comparison in one process, a table, a dated file in results/, JSON last.

Exit code 1 when a target is missed, so that a release cannot overlook it. Run it on a quiet machine: with one
thread (`--threads 1`) neighbours disturb least; two threads on busy cores wait for each other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import bench_encoder, bench_picture, bench_start, bench_step, bench_vae, machine, record
from benchmarks.compare import Row, table

Measure = Callable[[], list[Row]]
NAMES = ("vae", "encoder", "step", "start", "picture")


def measures(names: list[str], model: Path | None, quick: bool) -> list[Measure]:
    """What to run; `quick` takes the smallest sizes, to see that everything works."""
    known: dict[str, Measure] = {
        "vae": (lambda: bench_vae.measure(64, 2, 32)) if quick else bench_vae.measure,
        "encoder": (lambda: bench_encoder.measure(2, 2, 128, 512)) if quick else bench_encoder.measure,
        "step": (lambda: [bench_step.measure_case(bench_step.CASES[0], 2)]) if quick else bench_step.measure,
        "start": lambda: bench_start.measure(model, 1 if quick else 5),
        "picture": lambda: bench_picture.measure(model, 1 if quick else 5) if model is not None else [],
    }
    return [known[name] for name in names]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES), help="some of the comparisons")
    parser.add_argument("--model", type=Path, help="a checkpoint folder (default: the bundled model, if it is there)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="smallest sizes; nothing is written or judged")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    head = machine.describe()
    model = options.model or bench_picture.bundled()
    rows: list[Row] = []
    for measure in measures(options.only, model, options.quick):
        found = measure()
        rows += found
        print(table(found), flush=True)
    figures = [row.to_dict() for row in rows]
    if not options.quick:
        print(f"written: {record.write('speed', head, table(rows), figures)}")
    missed = [row.name for row in rows if row.met is False]
    for name in missed:
        print(f"target missed: {name}")
    print(json.dumps({"machine": head, "figures": figures, "missed": missed}, ensure_ascii=False))
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
