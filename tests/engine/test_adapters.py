"""LoRAs beside a transformer add what they say, and leave no trace when they are taken off."""

from __future__ import annotations

import threading
from pathlib import Path

import lora_files
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hanmo.engine.adapters import Adapters, attach, described, merge, places
from hanmo.errors import RequestError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.weights.delta import LowRank
from hanmo.weights.lora import Lora, read_lora

CONFIG = TransformerConfig(
    num_layers=2,
    attention_head_dim=32,
    num_attention_heads=2,
    joint_attention_dim=48,
    axes_dims_rope=(8, 12, 12),
)


def model() -> MMDiT:
    torch.manual_seed(0)
    return MMDiT(CONFIG).eval().requires_grad_(False)


def lora(seed: int = 0, *endings: str) -> Lora:
    shapes = lora_files.linears(model())
    chosen = lora_files.some(shapes, endings) if endings else shapes
    changes = lora_files.pairs(chosen, seed)
    return Lora(Path("x"), {name: LowRank(down, up, 0.5) for name, (down, up) in changes.items()})


def run(transformer: nn.Module, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(1, 24, 64, generator=generator).to(dtype)
    states = torch.randn(1, 7, 48, generator=generator).to(dtype)
    result: Tensor = transformer(latents, states, None, torch.tensor([0.7]), [(1, 4, 6)])
    return result


def relative(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


class Rounded(nn.Module):
    """A quantised linear module: 8-bit whole numbers and a step for each output, no floating `weight`."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        step = linear.weight.abs().amax(1, keepdim=True) / 127
        self.register_buffer("weight", (linear.weight / step).round().to(torch.int8))
        self.register_buffer("step", step)
        self.register_buffer("bias", linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.step, self.bias)


def quantised() -> MMDiT:
    transformer = model()
    for block in transformer.transformer_blocks:
        block.attn.to_q, block.img_mlp.net[2] = Rounded(block.attn.to_q), Rounded(block.img_mlp.net[2])
    return transformer


def test_every_linear_module_can_be_changed() -> None:
    assert places(model()) == lora_files.linears(model())


def test_beside_equals_merged_and_both_can_be_taken_back() -> None:
    transformer = model()
    state = {key: value.clone() for key, value in transformer.state_dict().items()}
    before = run(transformer)
    terms = [(lora(1), 0.3), (lora(2, "to_k", "txt_in"), -0.8)]
    handles = attach(transformer, terms)
    beside = run(transformer)
    assert relative(beside, before) > 0.1
    assert list(transformer.state_dict()) == list(state)
    for handle in handles:
        handle.remove()
    assert torch.equal(run(transformer), before)
    merged = merge(transformer, terms)
    assert relative(run(transformer), beside) <= 1e-5
    merged.undo()
    assert all(torch.equal(value, state[key]) for key, value in transformer.state_dict().items())
    assert torch.equal(run(transformer), before)


def test_a_weight_scales_the_change_and_none_costs_nothing() -> None:
    transformer = model()
    before = run(transformer)
    assert attach(transformer, [(lora(), 0.0)]) == []
    for weight in (1.0, 0.25):
        with_it = _once(transformer, [(lora(0, "proj_out"), weight)])
        if weight == 1.0:
            whole = with_it - before
    torch.testing.assert_close(with_it - before, 0.25 * whole, atol=1e-5, rtol=1e-4)


def test_a_stack_adds_up_in_any_order() -> None:
    transformer = model()
    first, second = (lora(1), 0.3), (lora(2), 0.2)
    assert relative(_once(transformer, [first, second]), _once(transformer, [second, first])) <= 1e-5
    twice = _once(transformer, [first, first])
    assert relative(twice, _once(transformer, [(first[0], 0.6)])) <= 1e-5


def test_a_bfloat16_base_gets_its_change_and_its_bits_back() -> None:
    transformer = model().bfloat16()
    state = {key: value.clone() for key, value in transformer.state_dict().items()}
    exact = _once(model(), [(lora(1), 0.3)])
    beside = _once(transformer, [(lora(1).to(torch.device("cpu"), torch.bfloat16), 0.3)], torch.bfloat16)
    assert beside.dtype == torch.bfloat16
    merged = merge(transformer, [(lora(1), 0.3)])
    assert relative(run(transformer, torch.bfloat16).float(), exact) < 0.05
    assert relative(beside.float(), exact) < 0.05
    merged.undo()
    assert all(torch.equal(value, state[key]) for key, value in transformer.state_dict().items())


def test_a_quantised_base_takes_a_lora_beside_it_only() -> None:
    transformer = quantised()
    assert places(transformer) == places(model())
    state = {key: value.clone() for key, value in transformer.state_dict().items()}
    before, after = run(transformer), _once(transformer, [(lora(1), 0.3)])
    expected = _once(model(), [(lora(1), 0.3)])
    assert relative(after, expected) < 0.05 < relative(before, expected)
    with pytest.raises(RequestError, match=r"attn.to_q is quantised \(Rounded\)"):
        merge(transformer, [(lora(1, "img_in", "to_q"), 0.3)])
    assert all(torch.equal(value, state[key]) for key, value in transformer.state_dict().items())


def test_a_compiled_transformer_is_refused_and_takes_a_merge() -> None:
    transformer = model()
    transformer.transformer_blocks[1].compile(backend="eager")
    with pytest.raises(RequestError, match="compiled and would not see a LoRA"):
        attach(transformer, [(lora(), 1.0)])
    merge(transformer, [(lora(1, "to_q"), 1.0)]).undo()


# --- the loaded ones -------------------------------------------------------------------------------


@pytest.fixture
def loaded() -> tuple[MMDiT, Adapters]:
    transformer, adapters = model(), Adapters()
    adapters.add("style", lora(1), transformer)
    adapters.add("hand", lora(2), transformer)
    return transformer, adapters


def test_what_is_applied_ends_with_its_block_even_by_an_error(loaded: tuple[MMDiT, Adapters]) -> None:
    transformer, adapters = loaded
    before = run(transformer)
    with adapters.applied(transformer, [("style", 0.3)]):
        assert relative(run(transformer), before) > 0.1
    assert torch.equal(run(transformer), before)
    with pytest.raises(ZeroDivisionError), adapters.applied(transformer, [("style", 0.3)]):
        1 / 0  # noqa: B018
    assert torch.equal(run(transformer), before)
    with adapters.applied(transformer, []):
        assert torch.equal(run(transformer), before)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ([("stile", 1.0)], "no LoRA named 'stile' is loaded: did you mean 'style'?"),
        ([("xyz", 1.0)], "loaded are style, hand; load it first"),
    ],
)
def test_an_unknown_name_is_refused(
    loaded: tuple[MMDiT, Adapters], stack: list[tuple[str, float]], message: str
) -> None:
    transformer, adapters = loaded
    with pytest.raises(RequestError, match=message), adapters.applied(transformer, stack):
        pass
    with pytest.raises(RequestError, match=message):
        adapters.merge(transformer, stack)


def test_a_name_is_given_once_and_can_be_freed(loaded: tuple[MMDiT, Adapters]) -> None:
    transformer, adapters = loaded
    with pytest.raises(RequestError, match="'style' is taken"):
        adapters.add("style", lora(), transformer)
    with pytest.raises(RequestError, match="' ' is empty"):
        adapters.add(" ", lora(), transformer)
    adapters.remove("style")
    assert adapters.names == ("hand",)
    with pytest.raises(RequestError, match="loaded are hand"):
        adapters.remove("style")


def test_merging_is_done_once_and_undone_once(loaded: tuple[MMDiT, Adapters]) -> None:
    transformer, adapters = loaded
    before = run(transformer)
    with pytest.raises(RequestError, match="nothing to take out"):
        adapters.unmerge()
    for stack, message in (([], "no LoRA was named"), ([("style", float("inf"))], "weight inf of the LoRA 'style'")):
        with pytest.raises(RequestError, match=message):
            adapters.merge(transformer, stack)
    adapters.merge(transformer, [("style", 0.5)])
    for attempt in (lambda: adapters.merge(transformer, [("hand", 1.0)]), lambda: adapters.remove("style")):
        with pytest.raises(RequestError, match="merged"):
            attempt()
    with (
        pytest.raises(RequestError, match="'style' is merged into the model"),
        adapters.applied(transformer, [("style", 1.0)]),
    ):
        pass
    with adapters.applied(transformer, [("hand", 0.5)]):
        both = run(transformer)
    adapters.unmerge()
    assert torch.equal(run(transformer), before)
    with adapters.applied(transformer, [("style", 0.5), ("hand", 0.5)]):
        assert relative(both, run(transformer)) <= 1e-5


def test_runs_of_several_threads_do_not_see_each_others_loras(loaded: tuple[MMDiT, Adapters]) -> None:
    transformer, adapters = loaded
    stacks: list[list[tuple[str, float]]] = [[], [("style", 0.3)], [("hand", 0.3)]]

    def result(stack: list[tuple[str, float]]) -> Tensor:
        with torch.no_grad(), adapters.applied(transformer, stack):
            return run(transformer)

    alone = [result(stack) for stack in stacks]
    seen: list[bool] = []

    def work(number: int) -> None:
        for _ in range(4):
            seen.append(torch.equal(result(stacks[number]), alone[number]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 12


def test_a_run_within_a_run_is_refused(loaded: tuple[MMDiT, Adapters]) -> None:
    transformer, adapters = loaded
    with (
        adapters.applied(transformer, [("style", 0.8)]),
        pytest.raises(RequestError, match=r"a run with style:0.8 is not over"),
        adapters.applied(transformer, []),
    ):
        pass


def test_a_stack_in_words() -> None:
    assert described([("style", 0.8), ("lightning", 1.0)]) == "style:0.8, lightning:1"


def _once(transformer: MMDiT, terms: list[tuple[Lora, float]], dtype: torch.dtype = torch.float32) -> Tensor:
    handles = attach(transformer, terms)
    result = run(transformer, dtype)
    for handle in handles:
        handle.remove()
    return result


def test_a_lora_read_from_a_file_is_put_where_it_says(tmp_path: Path) -> None:
    transformer = model()
    changes = lora_files.pairs({"proj_out": (64, 64)})
    path = lora_files.write(tmp_path / "x.safetensors", "lora_A.default", changes)
    merge(transformer, [(read_lora(path, places(transformer)), 2.0)])
    down, up = changes["proj_out"]
    torch.testing.assert_close(transformer.proj_out.weight, model().proj_out.weight + 2.0 * up @ down)
