from __future__ import annotations

import ast
import json
from math import prod
from pathlib import Path

import pytest
from safetensors.torch import load_file

from hanmo.errors import WeightsError
from hanmo.weights.info import describe

D, TEXT, LAYERS = 3072, 3584, 60


def test_the_released_transformer_counts_20_430_401_088_parameters() -> None:
    """And so says the formula: a block is 2 modulations, 8 projections, 4 head norms and 2 MLPs."""
    linear = lambda inward, outward: inward * outward + outward  # noqa: E731
    block = 2 * linear(D, 6 * D) + 8 * linear(D, D) + 4 * 128 + 2 * (linear(D, 4 * D) + linear(4 * D, D))
    outside = linear(256, D) + linear(D, D) + TEXT + linear(64, D) + linear(TEXT, D) + linear(D, 2 * D)
    outside += linear(D, 64)
    part = describe("qwen-image")["transformer"]
    assert part.parameters == LAYERS * block + outside == 20_430_401_088
    assert part.live == part.parameters
    assert part.dtypes == ("bfloat16",)
    assert part.nbytes == 2 * part.parameters


def test_the_released_vae_counts_what_is_stored_and_what_is_live() -> None:
    part = describe("qwen-image")["vae"]
    assert len(part.tensors) == 194
    assert part.parameters == 126_892_531
    assert part.live == sum(
        prod(t.shape) // (t.shape[2] if len(t.shape) == 5 else 1) for t in part.tensors.values() if t.live
    )
    assert part.live == 44_599_603


def test_the_released_text_encoder_is_qwen25_vl_7b() -> None:
    part = describe("qwen-image")["text_encoder"]
    assert part.parameters == 8_292_166_656
    assert part.parameters - part.live == 152_064 * 3584
    assert part.tensors["model.layers.27.mlp.gate_proj.weight"].shape == (18_944, 3584)
    assert part.tensors["visual.patch_embed.proj.weight"].shape == (1280, 3, 2, 14, 14)
    assert not part.tensors["lm_head.weight"].live


@pytest.mark.parametrize(("component", "page"), [("transformer", "transformer_keys"), ("vae", "vae_keys")])
def test_every_published_key_is_there_with_its_shape(shared: Path, component: str, page: str) -> None:
    tensors = describe("qwen-image")[component].tensors
    lines = (shared / "spec" / f"{page}.tsv").read_text().splitlines()
    published = {name: ast.literal_eval(shape) for name, shape in (line.split("\t") for line in lines)}
    assert len(published) > 30
    assert {name: tensors[name].shape for name in published} == published
    if component == "vae":
        assert tensors.keys() == published.keys()


@pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        ("qwen-image-edit", "QwenImageEditPipeline"),
        ("Qwen-Image-Edit-2509", "QwenImageEditPlusPipeline"),
        ("qwen-image-edit-2511", "QwenImageEditPlusPipeline"),
    ],
)
def test_the_edit_models_have_the_same_tensors(name: str, pipeline: str) -> None:
    info = describe(name)
    assert info.class_name == pipeline
    assert info["transformer"].tensors == describe("qwen-image")["transformer"].tensors
    assert info.others["processor"] == "Qwen2VLProcessor"


def test_a_folder_is_described_from_its_files(checkpoint: Path) -> None:
    info = describe(checkpoint)
    assert info.class_name == "QwenImagePipeline"
    assert info.others == {"scheduler": "FlowMatchEulerDiscreteScheduler", "tokenizer": "Qwen2Tokenizer"}
    for name, stem in (("transformer", "diffusion_pytorch_model"), ("text_encoder", "model")):
        state = load_file(checkpoint / name / f"{stem}.safetensors")
        assert info[name].files
        assert info[name].parameters == sum(tensor.numel() for tensor in state.values())
        assert info[name].nbytes == sum(tensor.nbytes for tensor in state.values())
        assert info[name].dtypes == ("float32",)
    assert info["vae"].live < info["vae"].parameters / 2


def test_a_folder_that_does_not_fit_its_config_is_refused(damaged: Path) -> None:
    path = damaged / "transformer" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "num_layers": 1}))
    with pytest.raises(WeightsError, match="32 unexpected"):
        describe(damaged)


def test_a_revision_of_a_released_name_is_refused() -> None:
    with pytest.raises(WeightsError, match="leave it out"):
        describe("qwen-image", revision="main")
