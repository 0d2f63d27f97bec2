"""Whether a sharded snapshot is one of this run's model and optimizer, before anything of it is loaded.

DCP loads what is asked for and passes over the rest; here both sides must name the same tensors, in the
same shapes. It reads the snapshot's index only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata

from hanmo.errors import TrainingError

_TENSORS = ("model.", "ema.", "optimizers.")


def check_fit(path: Path, state: Mapping[str, Any], metadata: Metadata) -> None:
    """See that the snapshot has all that this run has, no more, in the same shapes.

    Args:
        path: the snapshot, for messages.
        state: what is to be loaded, as `ShardedSnapshots.restore` asks for it.
        metadata: the snapshot's index.

    Raises:
        TrainingError: it has not; the message names the first difference.
    """
    wanted = {f"{part}.{name}": value for part in ("model", "ema") for name, value in state[part].items()}
    for number, optimizer in state["optimizers"].items():
        for name, values in optimizer["state"].items():
            wanted |= {f"optimizers.{number}.state.{name}.{key}": value for key, value in values.items()}
    wanted |= {f"random.{r}.{name}": value for r, own in state.get("random", {}).items() for name, value in own.items()}
    saved = metadata.state_dict_metadata
    extra = [key for key in saved if key.startswith(_TENSORS) and ".param_groups" not in key and key not in wanted]
    missing = [key for key in wanted if key not in saved]
    if missing or extra:
        said = f"it lacks {missing[0]}" if missing else f"this run has no {extra[0]}"
        raise TrainingError(
            f"the snapshot {path} does not fit this recipe's model or optimizer: {said} "
            f"({len(missing)} missing, {len(extra)} unknown); resume with the recipe that wrote it"
        )
    for key, value in wanted.items():
        entry = saved[key]
        if isinstance(entry, TensorStorageMetadata) and isinstance(value, Tensor) and entry.size != value.shape:
            raise TrainingError(
                f"the snapshot {path} does not fit this recipe's model: {key} is {tuple(entry.size)} there and "
                f"{tuple(value.shape)} here; resume with the recipe that wrote it"
            )
