"""`python -m hanmo.train.worker`: one more process of a run that `hanmo train` began (see `ranks`).

Nobody types this. It computes its share of every step and writes nothing of the run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hanmo.errors import HanmoError
from hanmo.log import configure
from hanmo.train.files import RunFolder
from hanmo.train.ranks import joined
from hanmo.train.recipe import read
from hanmo.train.run import execute


def main() -> int:
    """Take part in the run of a folder; 0, or 1 after one line that says what was wrong."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("rank", type=int)
    options.add_argument("count", type=int)
    options.add_argument("store", type=Path)
    options.add_argument("--resume", action="store_true")
    given = options.parse_args()
    configure()
    folder = RunFolder(given.folder)
    try:
        with joined(given.rank, given.count, given.store) as ranks:
            execute(read(folder.recipe), folder, given.resume, None, ranks)
    except HanmoError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
