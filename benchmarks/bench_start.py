"""Starting: import time in fresh processes, and loading a checkpoint folder in this one, against diffusers.

Imports are timed from the start of the interpreter and the interpreter's own start is taken off. Files are in
the page cache after the first turn, for both sides.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch
from diffusers import QwenImagePipeline
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

import hanmo
from benchmarks.compare import Row, Timing, compare, show

IMPORTS = {
    "import": ("import hanmo", "import diffusers"),
    "import of the pipeline": ("from hanmo import load", "from diffusers import QwenImagePipeline"),
}


def seconds_of(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement."""
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
    return time.perf_counter() - before


def imports(runs: int) -> list[Row]:
    """One row for each pair of statements."""
    statements = ["pass", *(statement for pair in IMPORTS.values() for statement in pair)]
    seconds: dict[str, list[float]] = {statement: [] for statement in statements}
    for turn in range(-1, runs):
        for statement in statements:
            taken = seconds_of(statement)
            if turn >= 0:
                seconds[statement].append(taken)
    empty = min(seconds["pass"])

    def timing(statement: str) -> Timing:
        taken = [max(second - empty, 1e-4) for second in seconds[statement]]
        return Timing(min(taken), statistics.median(taken), statistics.median(taken), runs)

    return [Row(name, timing(ours), timing(theirs)) for name, (ours, theirs) in IMPORTS.items()]


def loading(model: Path, runs: int) -> Row:
    """Loading every component of a folder that both sides read."""
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    return compare(
        f"load {model.name}",
        lambda: hanmo.load(str(model)),
        lambda: QwenImagePipeline.from_pretrained(model, dtype=torch.float32),
        runs,
    )


def measure(model: Path | None, runs: int = 5) -> list[Row]:
    """Imports, and loading where a folder is given."""
    rows = imports(runs)
    return rows if model is None else [*rows, loading(model, runs)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a checkpoint folder to load; without it only imports are timed")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    show(measure(options.model, options.runs))


if __name__ == "__main__":
    main()
