"""ControlNet folders: read as diffusers writes them, written as diffusers reads them, refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from diffusers import QwenImageControlNetModel
from safetensors.torch import load_file, save_file

from hanmo.errors import ConfigError, OutputError, WeightsError
from hanmo.model.config import ControlNetConfig
from hanmo.model.controlnet import ControlNet
from hanmo.weights.folder import load_controlnet
from hanmo.weights.hub import resolve_controlnet
from hanmo.weights.save import save_controlnet

TENSORS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("controlnet") / "union"
    tiny.controlnet(folder, seed=4)
    return folder


@pytest.fixture
def damaged(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "union"))


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refused(folder: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_controlnet(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("masked", [False, True])
def test_every_parameter_is_the_one_that_diffusers_loads(tmp_path: Path, masked: bool) -> None:
    theirs = tiny.controlnet(tmp_path / "net", masked=masked).state_dict()
    net = load_controlnet(tmp_path / "net")
    assert net.config.takes_mask == masked
    assert not net.training
    ours = net.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("shard_bytes", [10**9, 100_000], ids=["single", "sharded"])
def test_what_is_saved_is_read_by_diffusers_and_by_us(published: Path, tmp_path: Path, shard_bytes: int) -> None:
    net = load_controlnet(published)
    folder = save_controlnet(tmp_path / "again", net, shard_bytes=shard_bytes)
    assert (folder / TENSORS).exists() == (shard_bytes == 10**9)
    theirs, ours = QwenImageControlNetModel.from_pretrained(folder).state_dict(), load_controlnet(folder).state_dict()
    assert all(torch.equal(theirs[name], tensor) for name, tensor in net.state_dict().items())
    assert all(torch.equal(ours[name], tensor) for name, tensor in net.state_dict().items())


def test_a_dtype_is_cast_on_loading_and_on_saving(published: Path, tmp_path: Path) -> None:
    assert load_controlnet(published, dtype="bfloat16").controlnet_x_embedder.weight.dtype == torch.bfloat16
    folder = save_controlnet(tmp_path / "half", load_controlnet(published), "float16")
    assert {tensor.dtype for tensor in load_file(folder / TENSORS).values()} == {torch.float16}


# As the Union checkpoint ships it; its single file of bfloat16 tensors has 3.54 GB.
RELEASED = {
    "_class_name": "QwenImageControlNetModel",
    "_diffusers_version": "0.35.0.dev0",
    "attention_head_dim": 128,
    "axes_dims_rope": [16, 56, 56],
    "extra_condition_channels": 0,
    "guidance_embeds": False,
    "in_channels": 64,
    "joint_attention_dim": 3584,
    "num_attention_heads": 24,
    "num_layers": 5,
    "out_channels": 16,
    "patch_size": 2,
    "pooled_projection_dim": 768,
}


def test_the_released_config_is_the_default_and_gives_a_net_of_the_released_size() -> None:
    config = ControlNetConfig.from_dict(RELEASED)
    assert config == ControlNetConfig()
    with torch.device("meta"):
        net = ControlNet(config)
    assert sum(parameter.numel() for parameter in net.parameters()) * 2 == pytest.approx(3.54e9, rel=2e-3)
    assert tuple(net.controlnet_x_embedder.weight.shape) == (3072, 64)


def test_a_folder_that_is_something_else_is_never_replaced(published: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text('{"_class_name": "Mine"}')
    net = load_controlnet(published)
    with pytest.raises(OutputError, match="exists and is no ControlNet: give a new name"):
        save_controlnet(tmp_path / "mine", net)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["config.json"]
    save_controlnet(tmp_path / "net", net)
    assert save_controlnet(tmp_path / "net", net).is_dir()


def test_a_missing_folder_a_whole_checkpoint_and_missing_files_are_told_apart(damaged: Path) -> None:
    assert "does not exist: give a ControlNet's folder" in refused(damaged / "nowhere")
    (damaged / "model_index.json").write_text("{}")
    assert "is a whole checkpoint, no ControlNet" in refused(damaged)
    (damaged / "model_index.json").unlink()
    (damaged / TENSORS).unlink()
    assert str(damaged) in refused(damaged)
    (damaged / "config.json").unlink()
    assert "config.json is missing" in refused(damaged)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_layers": 3}, "the files hold 2 layers where the config says 3"),
        ({"num_layers": 1}, "the files hold 2 layers where the config says 1"),
        ({"num_layers": 0}, "num_layers 0 is not allowed"),
        ({"num_attention_heads": 3}, "the config is of another size of this model"),
        ({"extra_condition_channels": 4}, "controlnet_x_embedder.weight is [64, 64], its config says [64, 68]"),
        ({"extra_condition_channels": 1}, "extra_condition_channels 1 is not allowed: 0"),
        ({"axes_dims_rope": [8, 8, 8]}, "must be even numbers that sum to attention_head_dim 32"),
        ({"blocks": 2}, "has no field 'blocks'"),
        ({"zero_cond_t": True}, "zero_cond_t = True is not allowed: no ControlNet computes it"),
        ({"_class_name": "FluxControlNetModel"}, "is a FluxControlNetModel; only QwenImageControlNetModel"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(damaged: Path, values: dict[str, object], said: str) -> None:
    change(damaged, **values)
    assert said in refused(damaged)


def test_options_copied_from_a_transformer_may_stand_there_when_off(damaged: Path) -> None:
    """diffusers copies a whole transformer's config into a net that was started from it."""
    change(damaged, guidance_embeds=False, zero_cond_t=False, pooled_projection_dim=768)
    assert load_controlnet(damaged).config.num_layers == 2
    with pytest.raises(ConfigError, match="guidance_embeds"):
        ControlNetConfig.from_dict({"guidance_embeds": True})


def test_a_missing_tensor_is_named(damaged: Path) -> None:
    tensors = load_file(damaged / TENSORS)
    del tensors["controlnet_blocks.1.bias"]
    save_file(tensors, damaged / TENSORS)
    assert "1 missing (controlnet_blocks.1.bias); likely cause: an incomplete download" in refused(damaged)


def test_a_name_that_is_no_folder_and_no_hub_id_is_refused_before_any_network(published: Path) -> None:
    with pytest.raises(WeightsError, match="the ControlNet 'no such thing' is neither a folder here nor a hub id"):
        resolve_controlnet("no such thing")
    assert resolve_controlnet(str(published)) == published
