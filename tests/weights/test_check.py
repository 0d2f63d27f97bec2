from __future__ import annotations

import pytest

from hanmo.errors import WeightsError
from hanmo.weights.check import check

EXPECTED = {
    "img_in.weight": (8, 4),
    **{f"transformer_blocks.{i}.{part}.weight": (8, 8) for i in range(3) for part in ("to_q", "to_k", "mlp", "out")},
}


def said(found: dict[str, tuple[int, ...]]) -> str:
    with pytest.raises(WeightsError) as caught:
        check("m/transformer", EXPECTED, found)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("m/transformer does not match its config.json: ")
    return message


def test_an_exact_match_passes() -> None:
    check("m/transformer", EXPECTED, dict(EXPECTED))


def test_the_first_few_of_each_kind_are_listed_with_their_count() -> None:
    found = {**EXPECTED, "img_in.weight": (8, 5), "extra": (1,)}
    for name in list(EXPECTED)[1:6]:
        del found[name]
    message = said(found)
    assert "5 missing (transformer_blocks.0.to_q.weight, transformer_blocks.0.to_k.weight, " in message
    assert ", …)" in message
    assert "1 unexpected (extra)" in message
    assert "1 mis-shaped (img_in.weight is [8, 5], its config says [8, 4])" in message


@pytest.mark.parametrize(
    ("rename", "cause"),
    [
        (lambda name: f"{name[:-7]}.lora_A.weight", "a LoRA file"),
        (lambda name: f"lora_unet_{name[:-7].replace('.', '_')}.lora_down.weight", "a LoRA file"),
        (lambda name: f"model.diffusion_model.{name}", "ComfyUI"),
        (lambda name: f"{name[:-7]}.scale_weight", "quantised"),
        (lambda name: name.replace("transformer_blocks", "single_transformer_blocks"), "FLUX"),
        (lambda name: name.replace("transformer_blocks", "double_blocks"), "FLUX"),
        (lambda name: name.replace("transformer_blocks", "encoder.downsamples"), "Wan"),
        (lambda name: f"something.else.{name}", "another model family"),
    ],
)
def test_a_foreign_file_is_recognised_by_its_names(rename: object, cause: str) -> None:
    assert callable(rename)
    assert cause in said({rename(name): shape for name, shape in EXPECTED.items()})


def test_fewer_layers_than_the_config_says_are_counted() -> None:
    found = {name: shape for name, shape in EXPECTED.items() if ".2." not in name}
    assert "the files hold 2 layers where the config says 3" in said(found)


def test_another_width_is_a_config_of_another_size() -> None:
    assert "another size" in said({name: (shape[0], 2 * shape[1]) for name, shape in EXPECTED.items()})


def test_one_wrong_shape_is_a_changed_tensor() -> None:
    assert "changed" in said({**EXPECTED, "img_in.weight": (8, 5)})


def test_missing_tensors_alone_are_an_incomplete_download() -> None:
    found = dict(EXPECTED)
    del found["img_in.weight"]
    assert "incomplete download" in said(found)


def test_an_addition_of_the_layered_model_is_recognised() -> None:
    found = {**EXPECTED, "time_text_embed.addition_t_embedding.weight": (2, 8)}
    assert "Layered" in said(found)
