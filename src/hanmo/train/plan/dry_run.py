"""`hanmo train RECIPE --dry-run`: everything that can be known before the first step, in seconds and without a batch.

The recipe itself is read as a run would read it, so an unknown key ends here too. Then folders, disk, data and
checkpoints (`checks`); with a table [plan] the plan for GPUs that are elsewhere (`planned`), else what the run takes
of this machine (`small`). It trains nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hanmo.train.plan.checks import DryRun
from hanmo.train.plan.planned import planned
from hanmo.train.plan.small import small
from hanmo.train.recipe import FlowRecipe, read


def dry_run(path: Path, overrides: Sequence[str] = (), resume: bool = False) -> DryRun:
    """Check a recipe of any kind.

    Args:
        path: the TOML file.
        overrides: `a.b=c` strings over it.
        resume: whether the run would be resumed.

    Raises:
        ConfigError: the recipe itself; the message names the key.
    """
    recipe = read(path, overrides)
    if isinstance(recipe, FlowRecipe) or recipe.plan is None:
        return small(recipe, resume)
    return planned(recipe, resume)
