from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration

from hanmo.errors import WeightsError
from hanmo.flow import ScheduleConfig
from hanmo.model.qwen_vl import checkpoint_name
from hanmo.weights.fill import parse_device, parse_dtype
from hanmo.weights.folder import load_encoder, load_schedule, load_transformer, load_vae, open_folder

TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"


def refused(path: Path) -> str:
    """What loading the transformer says."""
    with pytest.raises(WeightsError) as caught:
        load_transformer(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_every_parameter_is_the_one_that_diffusers_loads(checkpoint: Path) -> None:
    theirs = QwenImageTransformer2DModel.from_pretrained(checkpoint / "transformer").state_dict()
    ours = load_transformer(checkpoint).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_vae_reads_the_last_slice_of_each_kernel(checkpoint: Path) -> None:
    theirs = AutoencoderKLQwenImage.from_pretrained(checkpoint / "vae").state_dict()
    ours = load_vae(checkpoint).state_dict()
    assert set(theirs) - set(ours) == {name for name in theirs if ".time_conv." in name}
    for name, tensor in ours.items():
        wanted = theirs[name]
        assert torch.equal(tensor, wanted[:, :, -1] if wanted.ndim > tensor.ndim else wanted)


def test_the_encoder_leaves_the_language_head_on_disk(checkpoint: Path) -> None:
    stored = load_file(checkpoint / "text_encoder" / "model.safetensors")
    encoder = load_encoder(checkpoint)
    ours = {checkpoint_name(name): tensor for name, tensor in encoder.model.state_dict().items()}
    assert set(stored) - set(ours) <= {"lm_head.weight"}
    assert all(torch.equal(tensor, stored[name]) for name, tensor in ours.items())
    theirs = Qwen2_5_VLForConditionalGeneration.from_pretrained(checkpoint / "text_encoder")
    buffers = dict(theirs.model.named_buffers())
    for name, buffer in encoder.model.named_buffers():
        assert torch.equal(buffer, buffers[name])


def test_the_golden_checkpoint_loads(shared: Path) -> None:
    folder = open_folder(shared / "golden" / "tiny-qwen-image")
    for model in (load_transformer(folder), load_vae(folder), load_encoder(folder).model):
        assert not model.training
        assert not any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers()))
        assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert load_schedule(folder) == ScheduleConfig()


@pytest.mark.parametrize("dtype", ["bfloat16", torch.float16, "float32", None])
def test_tensors_are_cast_while_they_are_read(checkpoint: Path, dtype: str | torch.dtype | None) -> None:
    wanted = parse_dtype(dtype) or torch.float32
    encoder = load_encoder(checkpoint, dtype=dtype).model
    for model in (load_transformer(checkpoint, dtype=dtype), load_vae(checkpoint, dtype=dtype), encoder):
        assert {parameter.dtype for parameter in model.parameters()} == {wanted}
    assert {buffer.dtype for buffer in encoder.buffers() if buffer.is_floating_point()} == {torch.float32}


def test_loading_twice_gives_weights_that_do_not_share_changes(checkpoint: Path) -> None:
    first, second = load_transformer(checkpoint), load_transformer(checkpoint)
    with torch.no_grad():
        first.img_in.weight.zero_()
    assert second.img_in.weight.abs().max() > 0
    assert load_transformer(checkpoint).img_in.weight.abs().max() > 0


def test_a_vae_without_the_video_tensors_loads(damaged: Path) -> None:
    path = damaged / "vae" / "diffusion_pytorch_model.safetensors"
    save_file({name: t for name, t in load_file(path).items() if ".time_conv." not in name}, path)
    load_vae(damaged)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")


def test_a_folder_without_an_index_is_no_checkpoint(tmp_path: Path) -> None:
    assert "model_index.json" in refused(tmp_path)


def test_a_component_names_its_parent(checkpoint: Path) -> None:
    assert f"give its parent, {checkpoint}" in refused(checkpoint / "transformer")


@pytest.mark.parametrize("name", ["FluxPipeline", "QwenImage21Pipeline"])
def test_other_families_are_named(damaged: Path, name: str) -> None:
    change(damaged / "model_index.json", _class_name=name)
    assert name in refused(damaged)


def test_a_component_of_another_family_is_named(damaged: Path) -> None:
    change(damaged / "transformer" / "config.json", _class_name="FluxTransformer2DModel")
    assert "FluxTransformer2DModel" in refused(damaged)


def test_an_encoder_of_another_family_is_named(damaged: Path) -> None:
    change(damaged / "text_encoder" / "config.json", architectures=["T5EncoderModel"])
    assert "T5EncoderModel" in refused(damaged)


def test_a_lost_component_is_named(damaged: Path) -> None:
    shutil.rmtree(damaged / "vae")
    assert "lacks the folder vae/" in refused(damaged)


def test_an_unknown_config_key_names_the_file_and_the_nearest(damaged: Path) -> None:
    change(damaged / "transformer" / "config.json", num_layer=3)
    message = refused(damaged)
    assert "transformer/config.json" in message
    assert "'num_layers'" in message


def test_a_config_that_is_no_json_is_named(damaged: Path) -> None:
    (damaged / "vae" / "config.json").write_text("{")
    assert "vae/config.json cannot be read as JSON" in refused(damaged)


def test_a_truncated_file_is_named(damaged: Path) -> None:
    path = damaged / TRANSFORMER
    path.write_bytes(path.read_bytes()[:-100])
    message = refused(damaged)
    assert str(path) in message
    assert "truncated" in message


def test_mis_shaped_weights_are_listed(damaged: Path) -> None:
    state = load_file(damaged / TRANSFORMER)
    state["img_in.weight"] = state["img_in.weight"][:, :60].contiguous()
    save_file(state, damaged / TRANSFORMER)
    assert "1 mis-shaped (img_in.weight is [64, 60], its config says [64, 64])" in refused(damaged)


def test_a_config_with_more_layers_than_the_files_is_found_out(damaged: Path) -> None:
    change(damaged / "transformer" / "config.json", num_layers=3)
    message = refused(damaged)
    assert "32 missing (transformer_blocks.2." in message
    assert "the files hold 2 layers where the config says 3" in message


def test_integers_are_quantised_weights_and_refused(damaged: Path) -> None:
    state = load_file(damaged / TRANSFORMER)
    state["img_in.weight"] = state["img_in.weight"].to(torch.int8)
    save_file(state, damaged / TRANSFORMER)
    assert "I8: quantised" in refused(damaged)


def test_a_lost_tokenizer_is_named(damaged: Path) -> None:
    shutil.rmtree(damaged / "tokenizer")
    (damaged / "tokenizer").mkdir()
    with pytest.raises(WeightsError, match=r"tokenizer\.json"):
        load_encoder(damaged)


def test_a_damaged_tokenizer_is_named(damaged: Path) -> None:
    (damaged / "tokenizer" / "tokenizer.json").write_text("{}")
    with pytest.raises(WeightsError) as caught:
        load_encoder(damaged)
    assert "cannot be read as a tokenizer" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_preferences_come_with_the_folder(checkpoint: Path) -> None:
    assert open_folder(checkpoint).preferences == tiny.PREFERENCES


def test_devices_and_dtypes_that_are_not_here_are_refused() -> None:
    with pytest.raises(WeightsError, match="not known"):
        parse_device("gpu")
    with pytest.raises(WeightsError, match="float32, bfloat16, float16"):
        parse_dtype("int4")
    if not torch.cuda.is_available():
        with pytest.raises(WeightsError, match="no CUDA device"):
            parse_device("cuda")
