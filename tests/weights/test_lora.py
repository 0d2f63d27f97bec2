"""LoRA files are read whole or refused in one line that names what does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import lora_files
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor

from hanmo.errors import WeightsError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.weights.delta import Kronecker, LowRank
from hanmo.weights.lora import find_lora, read_lora
from hanmo.weights.lora_dialects import DOTTED, FLAT, Names, flatten, split_key

with torch.device("meta"):
    MODULES = lora_files.linears(MMDiT(TransformerConfig(num_layers=3)))
TO_Q = "transformer_blocks.0.attn.to_q"
SMALL = {TO_Q: (8, 6), "proj_out": (4, 8)}


def state(**parts: Tensor) -> dict[str, Tensor]:
    return {f"{TO_Q}.{part.replace('__', '.')}": value.contiguous() for part, value in parts.items()}


def saved(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Path:
    save_file({key: value.clone() for key, value in tensors.items()}, path / "style.safetensors", metadata)
    return path / "style.safetensors"


def low_rank(**more: Tensor) -> dict[str, Tensor]:
    return state(lora_A__weight=torch.ones(2, 6), lora_B__weight=torch.ones(8, 2), **more)


# --- names -----------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(MODULES)), st.sampled_from([*DOTTED, *FLAT, ""]))
def test_every_module_of_the_released_model_is_found_under_every_prefix(module: str, prefix: str) -> None:
    written = prefix + (flatten(module) if prefix in FLAT else module)
    assert Names(MODULES).find(written) == module


def test_flat_names_of_the_released_model_are_all_different() -> None:
    assert len({flatten(name) for name in MODULES}) == len(MODULES) == 3 * 14 + 6


@pytest.mark.parametrize(
    ("key", "split"),
    [
        ("a.lora_A.weight", ("a", "down")),
        ("a.lora_B.default.weight", ("a", "up")),
        ("a.lora_A.default_0.weight", ("a", "down")),
        ("a.lora.up.weight", ("a", "up")),
        ("a.alpha", ("a", "alpha")),
        ("a.lokr_w1_a", ("a", "lokr_w1_a")),
        ("a.hada_w2_b", ("a", "hada_w2_b")),
        ("a.weight", None),
        ("a.lora_A.bias", None),
        ("a.lora_alphabet", None),
    ],
)
def test_the_end_of_a_key_says_the_part(key: str, split: tuple[str, str] | None) -> None:
    assert split_key(key) == split


# --- values ----------------------------------------------------------------------------------------


def test_alpha_counts_against_the_rank(tmp_path: Path) -> None:
    delta = read_lora(saved(tmp_path, low_rank(alpha=torch.tensor(1.0))), SMALL).deltas[TO_Q]
    assert delta.scale == 0.5
    torch.testing.assert_close(delta.matrix(), torch.full((8, 6), 1.0))


def test_without_alpha_the_scale_is_one(tmp_path: Path) -> None:
    assert read_lora(saved(tmp_path, low_rank()), SMALL).deltas[TO_Q].scale == 1.0


def test_files_keep_their_dtype(tmp_path: Path) -> None:
    half = {key: value.bfloat16() for key, value in low_rank().items()}
    assert {t.dtype for t in read_lora(saved(tmp_path, half), SMALL).deltas[TO_Q].tensors()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("settings", "scale"),
    [
        ({"r": 2, "lora_alpha": 1}, 0.5),
        ({"r": 4, "lora_alpha": 8, "use_rslora": True}, 4.0),
        ({"r": 4, "lora_alpha": 8, "rank_pattern": {"attn.to_q": 2}}, 4.0),
        ({"r": 2, "lora_alpha": 8, "alpha_pattern": {"to_q": 1, "to_k": 9}}, 0.5),
        ({"r": 2, "lora_alpha": 8, "alpha_pattern": {"to_": 1}}, 4.0),
    ],
)
@pytest.mark.parametrize("beside", [False, True], ids=["in diffusers' metadata", "in PEFT's file beside it"])
def test_the_scale_in_pefts_settings_counts(
    tmp_path: Path, settings: dict[str, object], scale: float, beside: bool
) -> None:
    if beside:
        path = saved(tmp_path, low_rank()).rename(tmp_path / "adapter_model.safetensors")
        (tmp_path / "adapter_config.json").write_text(json.dumps(settings | {"peft_type": "LORA"}))
    else:
        prefixed = {f"transformer.{key}": value for key, value in settings.items()}
        path = saved(tmp_path, low_rank(), {"lora_adapter_metadata": json.dumps(prefixed)})
    assert read_lora(path, SMALL).deltas[TO_Q].scale == scale


def test_a_loha_is_read_as_the_low_rank_change_that_it_is(tmp_path: Path) -> None:
    a1, b1, a2, b2 = torch.randn(8, 2), torch.randn(2, 6), torch.randn(8, 2), torch.randn(2, 6)
    tensors = state(hada_w1_a=a1, hada_w1_b=b1, hada_w2_a=a2, hada_w2_b=b2, alpha=torch.tensor(1.0))
    delta = read_lora(saved(tmp_path, tensors), SMALL).deltas[TO_Q]
    assert isinstance(delta, LowRank)
    torch.testing.assert_close(delta.matrix(), 0.5 * (a1 @ b1) * (a2 @ b2), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("product", [False, True], ids=["whole factors", "a factor that is a product"])
def test_a_lokr_is_a_kronecker_product(tmp_path: Path, product: bool) -> None:
    left, a, b = torch.randn(2, 3), torch.randn(4, 1), torch.randn(1, 2)
    factor = {"lokr_w2_a": a, "lokr_w2_b": b} if product else {"lokr_w2": a @ b}
    path = saved(tmp_path, state(lokr_w1=left, **factor, alpha=torch.tensor(3.0)))
    delta = read_lora(path, SMALL).deltas[TO_Q]
    assert isinstance(delta, Kronecker)
    scale = 3.0 if product else 1.0  # LyCORIS: alpha has no rank to count against when both factors are whole
    torch.testing.assert_close(delta.matrix(), scale * torch.kron(left, a @ b))


# --- refusals --------------------------------------------------------------------------------------

A, B = torch.ones(2, 6), torch.ones(8, 2)
CASES: dict[str, tuple[dict[str, Tensor], str]] = {
    "another module": (
        {f"transformer.{TO_Q}z.lora_A.weight": A, f"transformer.{TO_Q}z.lora_B.weight": B},
        rf"1 of its 1 modules match nothing .*'transformer.{TO_Q}z'; the nearest is '{TO_Q}'",
    ),
    "another module, kohya": (
        {"lora_unet_proj_ou.lora_down.weight": A, "lora_unet_proj_ou.lora_up.weight": B},
        "'lora_unet_proj_ou'; the nearest is 'proj_out'",
    ),
    "another model": (
        {"transformer.single_transformer_blocks.3.proj_mlp.lora_A.weight": A},
        "the LoRA is of another model",
    ),
    "another size": (state(lora_A__weight=torch.ones(2, 7), lora_B__weight=B), r"matrix of \[8, 7\], but is \[8, 6\]"),
    "ranks that differ": (state(lora_A__weight=torch.ones(3, 6), lora_B__weight=B), "their ranks differ"),
    "rank 0": (state(lora_A__weight=torch.ones(0, 6), lora_B__weight=torch.ones(8, 0)), "do not multiply"),
    "a convolution": (state(lora_A__weight=torch.ones(2, 6, 1, 1), lora_B__weight=B), "a matrix is needed"),
    "half a LoRA": (state(lora_A__weight=A), "has only down: a LoRA needs both of its matrices"),
    "alpha alone": (state(alpha=torch.ones(())), "has only alpha"),
    "a mixture": (low_rank(lokr_w1=A), "has only down, lokr_w1, up"),
    "half a LoKr": (state(lokr_w1=A), "needs lokr_w2, or lokr_w2_a and lokr_w2_b"),
    "LoHa of two shapes": (
        state(hada_w1_a=B, hada_w1_b=A, hada_w2_a=torch.ones(7, 2), hada_w2_b=A),
        "factors differ in shape",
    ),
    "alpha as a list": (low_rank(alpha=torch.ones(2)), "a single number is needed"),
    "not finite": (state(lora_A__weight=A / 0, lora_B__weight=B), r"not finite \(down\)"),
    "alpha not finite": (low_rank(alpha=torch.tensor(float("nan"))), r"not finite \(alpha\)"),
    "DoRA": (low_rank(dora_scale=torch.ones(8, 1)), "does not apply: DoRA"),
    "a bias": (low_rank(lora_B__bias=torch.ones(8)), "a change of a bias"),
    "a full difference": ({f"diffusion_model.{TO_Q}.diff_b": torch.ones(8)}, "a full difference"),
    "a Tucker decomposition": (state(lokr_w1=A, lokr_w2=A, lokr_t2=A), "Tucker"),
    "a text encoder": ({"lora_te_text_model_x.lora_down.weight": A}, "for a text encoder"),
    "a model's weights": ({f"{TO_Q}.weight": torch.ones(8, 6)}, "is no part of a LoRA"),
    "integers": (state(lora_A__weight=A.to(torch.int8), lora_B__weight=B), "is of type I8; allowed: BF16, F16"),
    "two adapters": (low_rank(lora_A__other__weight=A), "are the same part"),
    "nothing": ({}, "holds no tensor"),
}


@pytest.mark.parametrize(("tensors", "message"), CASES.values(), ids=CASES.keys())
def test_a_file_that_does_not_fit_is_refused_in_one_line(
    tmp_path: Path, tensors: dict[str, Tensor], message: str
) -> None:
    path = saved(tmp_path, tensors)
    with pytest.raises(WeightsError, match=message) as caught:
        read_lora(path, SMALL)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('{"r": 2, "use_dora": true}', "does not apply DoRA"),
        ('{"r": 2, "peft_type": "LOKR"}', "says LOKR"),
        ('{"lora_alpha": 2}', "no settings of a LoRA"),
        ('{"r": 0}', "out of range"),
        ('{"r": 2, "lora_alpha": NaN}', "out of range"),
        ('{"r": 2, "rank_pattern": {"to_q": 0}}', "out of range"),
        ("not json", "no settings of a LoRA"),
        ("[]", "no settings of a LoRA"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(tmp_path: Path, settings: str, message: str) -> None:
    path = saved(tmp_path, low_rank(), {"lora_adapter_metadata": settings})
    with pytest.raises(WeightsError, match=message) as caught:
        read_lora(path, SMALL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "truncated"), (b"no tensors at all", "no safetensors file"), (b"\x80\x02" + b"}q\x00." * 9, "pickle")],
)
def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_lora(path, SMALL)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, low_rank())
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(WeightsError, match="is truncated"):
        read_lora(path, SMALL)


# --- places ----------------------------------------------------------------------------------------


def test_a_file_or_the_folder_around_it_is_found(tmp_path: Path) -> None:
    path = saved(tmp_path, low_rank())
    assert find_lora(path) == find_lora(str(path)) == path
    with pytest.raises(WeightsError, match="holds neither of"):
        find_lora(tmp_path)
    named = path.rename(tmp_path / "pytorch_lora_weights.safetensors")
    assert find_lora(tmp_path) == named


@pytest.mark.parametrize("name", ["none.safetensors", "loras/none.safetensors", "/no/such/x.safetensors", "style", ""])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match=r"does not exist: give a .safetensors file|holds neither of"):
        find_lora(name)


@pytest.mark.parametrize("name", ["nobody-here/no-such-lora", "nobody-here/no-such-lora/sub/x.safetensors"])
def test_a_hub_id_without_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError, match="nobody-here/no-such-lora could not be fetched from huggingface"):
        find_lora(name)
