"""LoRA and DoRA on the transformer, by `peft` and from outside: the base is frozen, small matrices learn.

    LoRA   W' = W + s B A                                      arXiv 2106.09685
    DoRA   W' = m / ||W + s B A|| (W + s B A), norms by row     arXiv 2402.09353; m learns too

with s = alpha / rank. The report trains no adapters; the modules named by default, the attention and the MLPs of both
streams, are those that Qwen-Image's users adapt. `Trained` shows a training loop the learning weights alone, so
optimizers, averages and snapshots are as small as the adapter. It does not know files, data or losses.

Letters: O outputs, I inputs of a linear module.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hanmo.errors import ConfigError, RequestError
from hanmo.model.mmdit import MMDiT
from hanmo.train.randomness import number_for

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
MLPS = ("img_mlp.net.0.proj", "img_mlp.net.2", "txt_mlp.net.0.proj", "txt_mlp.net.2")
_NAME = "default"  # of the one adapter, as peft calls it


@dataclass(frozen=True)
class AdapterConfig:
    """One adapter.

    Attributes:
        rank: of the change of each matrix.
        alpha: the change counts alpha / rank times.
        dropout: share of a module's inputs that its adapter does not see while training.
        dora: learn the length of each row of the weights apart from its direction (DoRA).
        targets: endings of the names of the linear modules that are adapted.
    """

    rank: int = 16
    alpha: float = 16.0
    dropout: float = 0.0
    dora: bool = False
    targets: tuple[str, ...] = ATTENTION + MLPS

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ConfigError: a value out of range; the message names the key.
        """
        if self.rank < 1:
            raise ConfigError(f"adapter.rank is {self.rank}; it must be at least 1")
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise ConfigError(f"adapter.alpha is {self.alpha}; it must be above 0 (rank is a usual value)")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"adapter.dropout is {self.dropout}; it must be at least 0 and below 1")
        if not self.targets:
            raise ConfigError("adapter.targets is empty; name endings of linear modules, or leave the default")


def peft_config(config: AdapterConfig) -> Any:
    """The same in peft's words.

    Raises:
        RequestError: peft is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise RequestError(
            "training a LoRA needs the package peft, which is not installed: pip install 'hanmo[train]'"
        ) from error
    words: dict[str, Any] = {
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "use_dora": config.dora,
        "target_modules": list(config.targets),
    }
    return LoraConfig(**words)


def adapt(transformer: MMDiT, config: AdapterConfig, seed: int) -> Trained:
    """Freeze a transformer and put an adapter into it that changes nothing yet.

    Args:
        transformer: plain, of any floating dtype; its linear modules become peft's around the same weights.
        config: the adapter; its weights are float32.
        seed: of its random half.

    Returns:
        The weights that learn.

    Raises:
        RequestError: peft is not installed.
        ConfigError: a target that no linear module's name ends in; the nearest is named.
    """
    words = peft_config(config)
    from peft import inject_adapter_in_model

    _check_targets(transformer, config.targets)
    transformer.requires_grad_(False)
    with torch.random.fork_rng(devices=[]):  # peft draws from the global generator
        torch.set_rng_state(_seeded(seed, config))
        inject_adapter_in_model(words, transformer, adapter_name=_NAME)
    for parameter in transformer.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return Trained(transformer)


def first_values(
    shapes: Iterable[tuple[str, tuple[int, ...]]],
    config: AdapterConfig,
    seed: int,
    dtype: torch.dtype,
    weight: Callable[[str], Float[Tensor, "O I"]],
) -> Iterator[tuple[str, Tensor]]:
    """What `adapt` begins an adapter with, module by module, for one whose base nobody has whole.

    Args:
        shapes: names and shapes of the adapted weights, in the network's order.
        config: the adapter.
        seed: as for `adapt`; the numbers are the same.
        dtype: of the base.
        weight: the whole of one base weight, by its module's name; asked for by DoRA alone, which begins
            with the lengths of its rows.

    Yields:
        Names, as those of the adapted network's parameters, and values in float32.
    """
    words = peft_config(replace(config, targets=("it",)))
    from peft import inject_adapter_in_model

    state = _seeded(seed, config)
    for name, shape in shapes:
        like = weight(name).to(dtype) if config.dora else torch.empty((), dtype=dtype).expand(shape)
        alone = nn.ModuleDict({"it": nn.utils.skip_init(nn.Linear, *shape[::-1], bias=False, device="meta")})
        alone["it"].weight = nn.Parameter(like, requires_grad=False)
        with torch.random.fork_rng(devices=[]):  # whoever takes a value may draw, too
            torch.set_rng_state(state)
            inject_adapter_in_model(words, alone, adapter_name=_NAME)
            state = torch.get_rng_state()
        for key, value in alone.named_parameters():
            if value.requires_grad:
                yield f"{name}.{key.removeprefix('it.')}", value.detach().float()


def _seeded(seed: int, config: AdapterConfig) -> Tensor:
    """The state of torch's generator from which an adapter is drawn."""
    return torch.Generator().manual_seed(number_for(seed, config.rank)).get_state()


class Trained(nn.Module):
    """The weights of a network that learn, as a module of their own: `state_dict` holds nothing else.

    Dots in names become slashes, which parameters of a module may have. `train` and `eval` reach the whole network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "_network", network)  # not as a child: its other weights are not ours to show
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                self.register_parameter(name.replace(".", "/"), parameter)

    def train(self, mode: bool = True) -> Trained:
        """Set the whole network's mode."""
        super().train(mode)
        self.__dict__["_network"].train(mode)
        return self


@dataclass(frozen=True)
class Layer:
    """One adapted module, by the network's own name for it.

    Attributes:
        name: without peft's additions.
        base: the frozen module; its `weight` may be computed when it is asked for.
        down: A.
        up: B.
        scale: alpha / rank.
        magnitude: DoRA's m; None for LoRA.
    """

    name: str
    base: nn.Module
    down: Float[Tensor, "r I"]
    up: Float[Tensor, "O r"]
    scale: float
    magnitude: Float[Tensor, " O"] | None

    def merged(self) -> Float[Tensor, "O I"]:
        """The weight that does alone what base and adapter do together, in float32."""
        weight = self.base.weight
        assert isinstance(weight, Tensor)
        whole = weight.detach().float() + self.scale * (self.up @ self.down).to(weight.device)
        if self.magnitude is None:
            return whole
        lengths: Tensor = whole.norm(dim=1)
        return whole * (self.magnitude.to(weight.device) / lengths)[:, None]


def layers(transformer: nn.Module) -> Iterator[Layer]:
    """The adapted modules of a network, in its order."""
    for name in adapted_names(transformer):
        found: Any = transformer.get_submodule(name)
        vectors = found.lora_magnitude_vector
        yield Layer(
            name,
            found.base_layer,
            found.lora_A[_NAME].weight.detach(),
            found.lora_B[_NAME].weight.detach(),
            float(found.scaling[_NAME]),
            vectors[_NAME].weight.detach() if _NAME in vectors else None,
        )


def adapted_names(transformer: nn.Module) -> list[str]:
    """Of a network's adapted modules, in its order."""
    return [
        name
        for name, module in transformer.named_modules()
        if hasattr(module, "lora_A") and hasattr(module, "base_layer")
    ]


def base_names(transformer: nn.Module) -> dict[str, str]:
    """What an adapted network's frozen tensors are called there, and what without adapters."""
    learns = {name for name, parameter in transformer.named_parameters() if parameter.requires_grad}
    return {name: name.replace(".base_layer.", ".") for name in transformer.state_dict() if name not in learns}


def merged(transformer: MMDiT) -> MMDiT:
    """A plain transformer, in evaluation mode, that computes what an adapted one does; weights it shares stay shared.

    Merged weights are rounded once to their base's dtype. An int8 or float8 base gives what it was rounded to.
    """
    with torch.device("meta"):
        plain = MMDiT(transformer.config)
    changed = {f"{layer.name}.weight": layer for layer in layers(transformer)}
    state: dict[str, Tensor] = {}
    for name, like in plain.state_dict().items():
        owner, _, leaf = name.rpartition(".")
        module: Any = transformer.get_submodule(owner)
        module = getattr(module, "base_layer", module)
        value = getattr(module, leaf).detach()
        state[name] = changed[name].merged().to(value.dtype) if name in changed else value
        assert state[name].shape == like.shape
    plain.load_state_dict(state, assign=True)
    return plain.requires_grad_(False).eval()


def _check_targets(transformer: nn.Module, targets: tuple[str, ...]) -> None:
    names = [name for name, module in transformer.named_modules() if isinstance(module, nn.Linear)]
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            ends = sorted({name.split(".", 2)[-1] for name in names} | {name.rpartition(".")[2] for name in names})
            near = difflib.get_close_matches(target, ends, 1, cutoff=0.0)
            raise ConfigError(
                f"adapter.targets has {target!r}, which no linear module's name ends in; the nearest is {near[0]!r}"
            )
