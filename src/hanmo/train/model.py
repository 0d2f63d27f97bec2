"""The whole model of a run: the transformer beside the other parts of its checkpoint, and how they are written.

It does not know which of them learn, nor how.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from hanmo.flow import ScheduleConfig
from hanmo.model.encoder import ConditionEncoder
from hanmo.model.mmdit import MMDiT
from hanmo.model.vae import VAE
from hanmo.weights.preferences import Preferences
from hanmo.weights.save import save_folder


@dataclass(frozen=True)
class Model:
    """What a checkpoint folder holds."""

    transformer: MMDiT
    encoder: ConditionEncoder
    vae: VAE
    schedule: ScheduleConfig
    preferences: Preferences


def save_model(path: Path, model: Model) -> None:
    """Write a checkpoint folder in bfloat16, as every run's result is; one already there is replaced in one move.

    Raises:
        OutputError: the disk is full, or the folder cannot be written; see `save_folder`.
    """
    save_folder(path, model.transformer, model.vae, model.encoder, model.schedule, "bfloat16", model.preferences)


def own_weights(module: nn.Module) -> None:
    """Give every weight memory of its own before it is trained: loaded ones may be mapped to their file."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.data = parameter.data.clone()
