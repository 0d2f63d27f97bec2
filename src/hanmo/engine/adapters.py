"""LoRAs on a transformer, put on from outside: beside its linear modules, or merged into their weights.

Beside: a forward hook adds weight * delta(x) to a module's output. The base is not touched, so it may be of
any dtype or quantised (anything with `in_features`, `out_features` and a forward), weights change from one
request to the next, and taking the hooks off leaves exactly what was there. Merged: no cost per step, for
plain floating weights only; the weights as they were are kept (on the CPU) and put back bit for bit.

The transformer applies every linear module by calling it, in `engine/modulation.py` too, where modulation
tables and text are prepared within the run that uses them: so hooks reach every use. Whatever is kept from
one run to the next must not outlive a change here. This module knows no requests; names come from the caller.
"""

from __future__ import annotations

import difflib
import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hanmo.errors import RequestError
from hanmo.model.mmdit import MMDiT
from hanmo.weights.delta import Delta
from hanmo.weights.lora import Lora

Stack = Sequence[tuple[str, float]]
"""Names of loaded LoRAs with their weights."""

_MERGEABLE = (torch.float32, torch.bfloat16, torch.float16)


def places(transformer: nn.Module) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of every module that a LoRA can change, by name."""
    sides = {
        name: (getattr(module, "out_features", None), getattr(module, "in_features", None))
        for name, module in transformer.named_modules()
    }
    return {name: (o, i) for name, (o, i) in sides.items() if isinstance(o, int) and isinstance(i, int)}


def attach(transformer: nn.Module, terms: Sequence[tuple[Lora, float]]) -> list[RemovableHandle]:
    """Put LoRAs beside the modules they change; their outputs add up.

    Args:
        transformer: any network whose modules have the names that the LoRAs were read for.
        terms: LoRAs and their weights; a weight of 0 costs nothing.

    Returns:
        Handles; `remove` of all of them leaves the network as it was.

    Raises:
        RequestError: the network is compiled: it would run on without noticing.
    """
    changes = _by_module(terms)
    if changes and any(_compiled(module) for module in transformer.modules()):
        raise RequestError("the transformer is compiled and would not see a LoRA beside it: merge the LoRA instead")
    return [
        transformer.get_submodule(name).register_forward_hook(_SidePath(deltas)) for name, deltas in changes.items()
    ]


@dataclass(frozen=True)
class Merged:
    """A merge that can be undone: the changed weights as they were, on the CPU."""

    originals: dict[nn.Module, Float[Tensor, "_ _"]]

    def undo(self) -> None:
        """Put the original weights back, bit for bit."""
        for module, original in self.originals.items():
            weight = module.get_parameter("weight")
            weight.data = original.to(weight.device)


@torch.no_grad()
def merge(transformer: nn.Module, terms: Sequence[tuple[Lora, float]]) -> Merged:
    """Add LoRAs to the weights they change: the sum in float32, then rounded once to the weights' dtype.

    On the CPU the originals are the tensors that were there (mapped files stay mapped); those of an
    accelerator are copied to the CPU. Subtracting the change again would not give the old bits back.

    Raises:
        RequestError: a module whose weights are quantised; nothing is changed then.
    """
    changes = _by_module(terms)
    modules = {name: transformer.get_submodule(name) for name in changes}
    for name, module in modules.items():
        if not isinstance(module, nn.Linear) or module.weight.dtype not in _MERGEABLE:
            raise RequestError(
                f"{name} is quantised ({type(module).__name__}), which no LoRA can be merged into: give it with "
                "each request instead"
            )
    originals: dict[nn.Module, Tensor] = {}
    for name, deltas in changes.items():
        weight = modules[name].get_parameter("weight")
        total = weight.float()
        for delta, factor in deltas:
            total = total + factor * delta.matrix().to(weight.device)
        originals[modules[name]] = weight.detach().cpu()
        weight.data = total.to(weight.dtype)
    return Merged(originals)


class Adapters:
    """The LoRAs that were loaded for one transformer, by name, and those that are merged into it.

    Runs take turns (`applied` holds a lock), since what is beside the transformer concerns whoever runs it.
    """

    def __init__(self) -> None:
        self._loras: dict[str, Lora] = {}
        self._staged: dict[str, Lora] = {}
        self._merged: Merged | None = None
        self._turn = threading.RLock()
        self._applied: Stack = ()
        self.merged: tuple[tuple[str, float], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the loaded LoRAs, in the order of their loading."""
        return tuple(self._loras)

    def add(self, name: str, lora: Lora, transformer: MMDiT) -> None:
        """Keep a LoRA under a name, with a copy for running on the transformer's device and in its dtype.

        Raises:
            RequestError: the name is empty or taken.
        """
        if not name.strip() or name in self._loras:
            fault = "is taken" if name in self._loras else "is empty"
            raise RequestError(f"the LoRA's name {name!r} {fault}: give another one, or unload that LoRA first")
        like = transformer.txt_norm.weight  # a norm: on the device, and in the dtype of a quantised model's inputs
        with self._turn:
            self._loras[name], self._staged[name] = lora, lora.to(like.device, like.dtype)

    def remove(self, name: str) -> None:
        """Forget a LoRA.

        Raises:
            RequestError: no such name, or it is merged.
        """
        self.check([(name, 1.0)])
        with self._turn:
            del self._loras[name], self._staged[name]

    def check(self, stack: Stack) -> None:
        """See that a stack can be put beside the transformer.

        Raises:
            RequestError: a name that was not loaded (the nearest is named), or one that is merged.
        """
        for name, _ in stack:
            if name not in self._loras:
                near = difflib.get_close_matches(name, self._loras, 1)
                loaded = f"loaded are {', '.join(self._loras)}" if self._loras else "none is loaded"
                hint = f"did you mean {near[0]!r}?" if near else f"{loaded}; load it first"
                raise RequestError(f"no LoRA named {name!r} is loaded: {hint}")
            if name in dict(self.merged):
                raise RequestError(f"the LoRA {name!r} is merged into the model: leave it out, or unmerge first")

    @contextmanager
    def applied(self, transformer: nn.Module, stack: Stack) -> Iterator[None]:
        """Run with a stack beside the transformer, exactly this one; afterwards it is off again.

        Raises:
            RequestError: as for `check` and `attach`.
        """
        with self._turn:
            self.check(stack)
            if self._applied:
                raise RequestError(f"a run with {described(self._applied)} is not over: let it end first")
            handles = attach(transformer, [(self._staged[name], weight) for name, weight in stack])
            self._applied = stack
            try:
                yield
            finally:
                self._applied = ()
                for handle in handles:
                    handle.remove()

    def merge(self, transformer: nn.Module, stack: Stack) -> None:
        """Merge a stack into the transformer's weights.

        Raises:
            RequestError: something is merged already, a wrong stack, or quantised weights.
        """
        with self._turn:
            if self._merged is not None:
                raise RequestError(f"{described(self.merged)} is merged already: unmerge first")
            if not stack:
                raise RequestError("no LoRA was named to be merged: give one or more (name, weight)")
            check_stack(stack)
            self.check(stack)
            self._merged = merge(transformer, [(self._loras[name], weight) for name, weight in stack])
            self.merged = tuple(stack)

    def unmerge(self) -> None:
        """Put the weights back as they were before `merge`, bit for bit.

        Raises:
            RequestError: nothing is merged.
        """
        with self._turn:
            if self._merged is None:
                raise RequestError("no LoRA is merged: there is nothing to take out")
            self._merged.undo()
            self._merged, self.merged = None, ()


def check_stack(stack: Stack) -> None:
    """See that a stack says something that can be done, whatever is loaded.

    Raises:
        RequestError: a weight that is not finite, or a name given twice.
    """
    names = [name for name, _ in stack]
    for name, weight in stack:
        if not math.isfinite(weight):
            raise RequestError(f"weight {weight} of the LoRA {name!r} is not allowed: give a finite number, such as 1")
        if names.count(name) > 1:
            raise RequestError(f"the LoRA {name!r} is given twice: add up its weights, or give each its own name")


def described(stack: Stack) -> str:
    """A stack in words: `style:0.8, lightning:1`."""
    return ", ".join(f"{name}:{weight:g}" for name, weight in stack)


class _SidePath:
    """A forward hook that adds changes to a module's output."""

    def __init__(self, deltas: Sequence[tuple[Delta, float]]) -> None:
        self._deltas = deltas

    def __call__(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        for delta, weight in self._deltas:
            output = output + delta.times(inputs[0], weight)
        return output


def _by_module(terms: Sequence[tuple[Lora, float]]) -> dict[str, list[tuple[Delta, float]]]:
    changes: dict[str, list[tuple[Delta, float]]] = defaultdict(list)
    for lora, weight in terms:
        for name, delta in lora.deltas.items() if weight != 0 else ():
            changes[name].append((delta, weight))
    return changes


def _compiled(module: nn.Module) -> bool:
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
