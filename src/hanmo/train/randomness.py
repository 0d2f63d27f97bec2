"""Random numbers as a function of a key such as (seed, step, part): nothing to save, nothing to restore.

Near keys give unrelated numbers (numpy's SeedSequence mixes them). It does not know what is drawn.
"""

from __future__ import annotations

import random

import numpy as np
import torch


def number_for(*key: int) -> int:
    """A 63-bit number for a key of whole numbers >= 0."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator_for(*key: int) -> torch.Generator:
    """A torch generator on the CPU."""
    return torch.Generator().manual_seed(number_for(*key))


def random_for(*key: int) -> random.Random:
    """A Python generator, which cards and captions are drawn from."""
    return random.Random(number_for(*key))
