"""What moves the weights: AdamW or Muon, warm-up and decay, clipping, and a moving average of the result.

The report names no optimizer, no rate and no average; these are our choices. Adam's second moments suit
embeddings, norms and heads. Muon (a momentum whose singular values are set to about one) is the option
for the matrices inside blocks.

It knows parameters by name and shape only: no model, no data, no loss.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanmo.errors import ConfigError, RequestError

# Matrices and kernels inside blocks of the transformer, the condition encoder, its vision tower and the VAE.
# Modulations are left out: they begin at zero, and their size is their meaning.
_INSIDE = re.compile(
    r"(^|\.)(transformer_blocks|layers|blocks|down_blocks|up_blocks|mid_block)\.(?!\d+\.(img|txt)_mod)"
)
_NARROW = 16
"""Matrices with a side below this stay with AdamW: there is little to orthogonalise."""


@dataclass(frozen=True)
class OptimConfig:
    """One optimizer and its schedule.

    Attributes:
        kind: "muon" moves the matrices inside blocks by Muon and everything else by AdamW; "adamw8bit" keeps AdamW's
            two moments in eight bits, "paged_adamw8bit" in pages that a full accelerator gives back to the computer.
        lr: full rate of AdamW.
        muon_lr: full rate of Muon.
        encoder_lr: factor on both for the condition encoder.
        betas: AdamW's two decays.
        eps: AdamW's epsilon.
        weight_decay: of matrices; vectors and embeddings have none.
        momentum: Muon's.
        schedule: what happens after `decay_from`.
        warmup: steps over which rates rise from zero.
        decay_from: fraction of the run after which rates fall.
        floor: what is left of the rate at the end.
        clip: longest gradient; 0 for any.
        ema: decay of the average per step.
    """

    kind: Literal["adamw", "muon", "adamw8bit", "paged_adamw8bit"] = "adamw"
    lr: float = 1e-3
    muon_lr: float = 0.02
    encoder_lr: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    eps: float = 1e-8
    weight_decay: float = 0.01
    momentum: float = 0.95
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    warmup: int = 100
    decay_from: float = 0.0
    floor: float = 0.02
    clip: float = 1.0
    ema: float = 0.998

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a rate, a fraction or a decay outside its range; the message names the key.
        """
        for key, low, high in (
            ("lr", 0.0, math.inf),
            ("muon_lr", 0.0, math.inf),
            ("encoder_lr", 0.0, math.inf),
            ("weight_decay", 0.0, math.inf),
            ("warmup", 0, math.inf),
            ("decay_from", 0.0, 1.0),
            ("floor", 0.0, 1.0),
            ("clip", 0.0, math.inf),
            ("ema", 0.0, 1.0),
            ("momentum", 0.0, 1.0),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise ConfigError(f"optim.{key} is {value}; it must lie between {low} and {high}")


def rate(step: int, steps: int, config: OptimConfig) -> float:
    """Factor on every learning rate at `step` (counted from 0) of `steps`.

    Warm-up rises linearly to 1 over `warmup` steps; from `decay_from` of the run on, the factor falls to
    `floor`, in a line or along half a cosine.
    """
    rise = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    start = config.decay_from * steps
    if config.schedule == "constant" or step <= start:
        return rise
    done = min(1.0, (step - start) / max(steps - start, 1.0))
    left = 1.0 - done if config.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return rise * (config.floor + (1.0 - config.floor) * left)


def orthogonalise(matrices: Float[Tensor, "n rows cols"], rounds: int = 5) -> Float[Tensor, "n rows cols"]:
    """Bring each matrix's singular values near 1 by Newton-Schulz iteration, keeping singular vectors.

    The quintic a s + b s^3 + c s^5 is chosen for a steep start, so singular values end within about [0.7,
    1.2] rather than at 1. Runs in bfloat16 where the processor multiplies it natively.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    x = x.to(torch.bfloat16) if fast_bfloat16(matrices.device) else x
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised, for matrices; a kernel counts as a matrix [out, in x height x width].

    An update has singular values near 1, times sqrt(rows / columns) where there are more rows. Matrices
    of one shape are orthogonalised together, as one batched product.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float, weight_decay: float) -> None:
        """`params`: groups of parameters with two axes or more."""
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Apply one update to every parameter that has a gradient."""
        if closure is not None:
            raise ConfigError("Muon takes no closure: compute gradients before the step")
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in shapes.items():
                size = math.sqrt(max(1.0, shape[0] / shape[1:].numel()))
                momenta = [self._momentum(parameter) for parameter in parameters]
                grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
                torch._foreach_lerp_(momenta, grads, 1.0 - group["momentum"])
                ahead = torch._foreach_lerp(grads, momenta, group["momentum"])
                updates = orthogonalise(torch.stack([matrix.flatten(1) for matrix in ahead]))
                if group["weight_decay"]:
                    torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
                steps = [update.view(shape) for update in updates.unbind(0)]
                torch._foreach_add_(parameters, steps, alpha=-group["lr"] * size)

    def _momentum(self, parameter: Tensor) -> Tensor:
        state = self.state[parameter]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(parameter)
        momentum: Tensor = state["momentum"]
        return momentum


def fast_bfloat16(device: torch.device | str) -> bool:
    """Whether matrix products in bfloat16 are native there (CUDA; x86 with AVX512-BF16 or AMX)."""
    kind = torch.device(device).type
    if kind != "cpu":
        return kind == "cuda"
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def build(modules: Mapping[str, nn.Module], config: OptimConfig) -> list[torch.optim.Optimizer]:
    """Make the optimizers of a run; each group remembers its full rate as `peak`.

    Matrices decay, vectors and embeddings do not. The module called "encoder" learns at `encoder_lr`
    times the rate.
    """
    adam: dict[tuple[float, float], list[nn.Parameter]] = {}
    muon: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, module in modules.items():
        for key, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            matrix = parameter.ndim >= 2 and key.endswith("weight") and "embed" not in key
            inside = matrix and _INSIDE.search(key) is not None
            wide = parameter.ndim >= 2 and min(len(parameter), parameter[0].numel()) >= _NARROW
            by_muon = config.kind == "muon" and inside and wide
            peak = config.muon_lr if by_muon else config.lr
            peak *= config.encoder_lr if name == "encoder" else 1.0
            groups = muon if by_muon else adam
            groups.setdefault((peak, config.weight_decay if matrix else 0.0), []).append(parameter)
    built: list[torch.optim.Optimizer] = []
    if adam:
        built.append(_adamw(_groups(adam), config))
    if muon:
        built.append(Muon(_groups(muon), config.muon_lr, config.momentum, config.weight_decay))
    return built


def _adamw(groups: list[dict[str, Any]], config: OptimConfig) -> torch.optim.Optimizer:
    """AdamW, its moments in float32 or by bitsandbytes in eight bits."""
    if config.kind in ("adamw", "muon"):
        return torch.optim.AdamW(groups, betas=config.betas, eps=config.eps, fused=True)
    try:
        from bitsandbytes.optim import AdamW8bit, PagedAdamW8bit
    except ImportError as error:
        raise RequestError(
            f"optim.kind is '{config.kind}', which needs bitsandbytes: pip install 'hanmo[low-memory]', "
            'or choose "adamw"'
        ) from error
    small = PagedAdamW8bit if config.kind == "paged_adamw8bit" else AdamW8bit
    made: torch.optim.Optimizer = small(groups, lr=config.lr, betas=config.betas, eps=config.eps)
    return made


def _groups(table: Mapping[tuple[float, float], list[nn.Parameter]]) -> list[dict[str, Any]]:
    return [
        {"params": parameters, "lr": peak, "peak": peak, "weight_decay": decay}
        for (peak, decay), parameters in table.items()
    ]


def set_rate(optimizers: Sequence[torch.optim.Optimizer], factor: float) -> None:
    """Set every group's rate to `factor` times its full rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor


class EMA:
    """A moving average: average <- d average + (1 - d) weight, d = min(decay, (1 + n) / (10 + n)).

    The smaller d of the first updates n keeps the random start out of the average.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        """Start at the present weights."""
        self.decay = decay
        self._live = {
            f"{name}/{key}": parameter
            for name, module in modules.items()
            for key, parameter in module.named_parameters()
            if parameter.requires_grad
        }
        self._average = {key: parameter.detach().clone() for key, parameter in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after update number `step` (counted from 0)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self._average.values()), list(self._live.values()), 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange averages and weights; a second call restores."""
        for key, parameter in self._live.items():
            average = self._average[key]
            kept = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(kept)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by "module/parameter"."""
        return dict(self._average)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take averages saved by `state_dict`; names must match."""
        for key, average in self._average.items():
            average.copy_(state[key])
