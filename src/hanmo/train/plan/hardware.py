"""GPUs by name: what a plan and an MFU are measured against. Data, with its source; nothing here is measured by us.

Peaks are dense bfloat16 with float32 sums, as the makers print them without sparsity; memory is decimal gigabytes as
printed, bandwidth that of the memory, link one GPU's to its neighbours in both directions together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from hanmo.config import nearest
from hanmo.errors import ConfigError

MFU = 0.4
"""Share of the peak that a plan assumes: what large dense transformers commonly reach; not measured by us."""
HOST = 25e9
"""Bytes per second from pinned memory of the computer to a GPU: what is left of a PCIe 4.0 x16 slot's 32 GB/s."""


@dataclass(frozen=True)
class GPU:
    """One kind of GPU.

    Attributes:
        name: as recipes say it.
        peak: operations per second, dense bfloat16.
        memory: bytes.
        bandwidth: of the memory, bytes per second.
        link: to other GPUs of the machine, bytes per second, both directions together.
        source: where the figures are printed.
        device: part of the name that CUDA reports.
    """

    name: str
    peak: float
    memory: float
    bandwidth: float
    link: float
    source: str
    device: str


_SHEET = "NVIDIA data sheet"
GPUS = {
    gpu.name: gpu
    for gpu in (
        GPU("a100-80g", 312e12, 80e9, 2039e9, 600e9, f"{_SHEET}, A100 80GB SXM", "A100"),
        GPU("a800-80g", 312e12, 80e9, 2039e9, 400e9, f"{_SHEET}, A800 80GB SXM", "A800"),
        GPU("h100", 989e12, 80e9, 3350e9, 900e9, f"{_SHEET}, H100 SXM (1,979 with sparsity, halved)", "H100"),
        GPU("h800", 989e12, 80e9, 3350e9, 400e9, f"{_SHEET}, H800 SXM (1,979 with sparsity, halved)", "H800"),
        GPU("h200", 989e12, 141e9, 4800e9, 900e9, f"{_SHEET}, H200 SXM (1,979 with sparsity, halved)", "H200"),
        GPU("h20", 148e12, 96e9, 4000e9, 900e9, f"{_SHEET}, H20", "H20"),
        GPU("b200", 2250e12, 180e9, 7700e9, 1800e9, f"{_SHEET}, DGX B200 divided by its 8 GPUs", "B200"),
        GPU("l40s", 362e12, 48e9, 864e9, 64e9, f"{_SHEET}, L40S (733 with sparsity, halved; PCIe)", "L40S"),
        GPU("rtx-4090", 165e12, 24e9, 1008e9, 64e9, "NVIDIA Ada GPU architecture white paper (PCIe)", "RTX 4090"),
        GPU("rtx-5090", 209e12, 32e9, 1792e9, 128e9, "NVIDIA RTX Blackwell white paper (PCIe)", "RTX 5090"),
    )
}


def gpu_named(name: str) -> GPU:
    """The GPU that a recipe names.

    Raises:
        ConfigError: none is called so; the message names the nearest.
    """
    if name not in GPUS:
        near = nearest(name, GPUS)
        hint = f"did you mean {near!r}?" if near else f"allowed: {', '.join(GPUS)}"
        raise ConfigError(f"plan.gpu is {name!r}; {hint}")
    return GPUS[name]


@dataclass(frozen=True)
class Peak:
    """What MFU is a share of: operations per second, and where the figure comes from, for people."""

    flops: float
    source: str


def peak_of(device: torch.device, dtype: torch.dtype = torch.float32) -> Peak:
    """The peak of the device at hand: from the table, or else that of a square product, measured here and now.

    Args:
        device: at hand.
        dtype: in which the run multiplies, for what is measured; the table's figures are for bfloat16.
    """
    if device.type == "cuda":
        known = listed(torch.cuda.get_device_name(device))
        if known is not None:
            return Peak(known.peak, known.source)
    name = str(dtype).removeprefix("torch.")
    return Peak(_product_speed(device, dtype), f"a product of {name} matrices, measured at the start")


def listed(reported: str) -> GPU | None:
    """The GPU whose name stands in what CUDA reports, as a word of its own: an H20 is no H200."""
    words = f" {reported.replace('-', ' ')} "
    return next((gpu for gpu in GPUS.values() if f" {gpu.device} " in words), None)


def _product_speed(device: torch.device, dtype: torch.dtype, side: int = 1024, times: int = 8) -> float:
    """Operations per second of the fastest of some products; a CPU's clock and neighbours decide."""
    left, right = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        float((left @ right)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best
