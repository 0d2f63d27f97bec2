from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from hanmo.errors import ConfigError, WeightsError
from hanmo.train.objectives.perceptual import (
    PerceptualConfig,
    edge_strength,
    halved,
    laplacian,
    load_vgg16,
    multiscale,
    perceptual_loss,
)

VGG16 = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512, 24: 512, 26: 512, 28: 512}
CPU = torch.device("cpu")


def vgg16_state(thinner: int = 16) -> dict[str, torch.Tensor]:
    """Random weights with the names of a VGG16; `thinner` 1 gives the published widths."""
    generator, state, inward = torch.Generator().manual_seed(0), {}, 3
    for number, published in VGG16.items():
        width = published // thinner
        weight = torch.randn(width, inward, 3, 3, generator=generator) * (2 / (9 * inward)) ** 0.5
        state[f"features.{number}.weight"], state[f"features.{number}.bias"] = weight, torch.zeros(width)
        inward = width
    return state | {"classifier.0.weight": torch.zeros(2, 2), "classifier.0.bias": torch.zeros(2)}


def _pictures(seed: int, side: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    real = torch.rand(2, 3, side, side, generator=generator) * 2 - 1
    return (real + 0.1 * torch.randn(real.shape, generator=generator)).clamp(-1, 1), real


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_vgg16_is_read_from_a_state_dict_with_its_classifier(suffix: str, tmp_path: Path) -> None:
    state, path = vgg16_state(), tmp_path / f"vgg16{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    distance = load_vgg16(path)
    assert sum(p.numel() for p in distance.parameters()) == sum(
        t.numel() for name, t in state.items() if name.startswith("features")
    )
    made, real = _pictures(1)
    assert float(distance(real, real)) == pytest.approx(0.0, abs=1e-6)
    assert float(distance(made, real)) > 1e-3
    assert not any(p.requires_grad for p in distance.parameters())


def test_the_published_widths_are_a_vgg16_of_14_7_million_weights(tmp_path: Path) -> None:
    path = tmp_path / "vgg16.safetensors"
    save_file(vgg16_state(thinner=1), path)
    assert sum(p.numel() for p in load_vgg16(path).parameters()) == 14_714_688


def test_features_are_those_of_the_plain_chain_of_convolutions(tmp_path: Path) -> None:
    state, path = vgg16_state(), tmp_path / "vgg16.pth"
    torch.save(state, path)
    _, real = _pictures(2, 32)
    x = ((real + 1) / 2 - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    wanted = []
    for number in range(30):  # the layers of VGG16's `features`, one by one
        if number in VGG16:
            x = F.conv2d(x, state[f"features.{number}.weight"], state[f"features.{number}.bias"], padding=1)
        elif number in (4, 9, 16, 23):
            x = F.max_pool2d(x, 2)
        else:
            x = F.relu(x)
        if number in (3, 8, 15, 22, 29):
            wanted.append(x / x.norm(dim=1, keepdim=True).clamp(min=1e-8))
    for found, right in zip(load_vgg16(path).features(real), wanted, strict=True):
        torch.testing.assert_close(found, right, rtol=1e-4, atol=1e-5)


def _without_last(state: dict[str, torch.Tensor]) -> object:
    return {name: tensor for name, tensor in state.items() if not name.startswith("features.28")}


def _narrow(state: dict[str, torch.Tensor]) -> object:
    return state | {"features.5.weight": torch.zeros(8, 7, 3, 3)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_last, r"has no features\.28\.weight"),
        (_narrow, r"features\.5\.weight is \[8, 7, 3, 3\]"),
        (lambda state: [1, 2], "holds a list"),
    ],
)
def test_a_wrong_weights_file_is_one_line(change: Callable[..., object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save(change(vgg16_state()), path)
    with pytest.raises(WeightsError, match=said) as caught:
        load_vgg16(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.pth", "missing.safetensors", "text.pth", "text.safetensors"])
def test_a_file_that_is_missing_or_no_weights_is_one_line(name: str, tmp_path: Path) -> None:
    if name.startswith("text"):
        (tmp_path / name).write_text("these are not weights")
    with pytest.raises(WeightsError, match=name) as caught:
        load_vgg16(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_our_loss_is_zero_for_equal_pictures_and_falls_when_they_come_nearer() -> None:
    made, real = _pictures(3, 88)
    near = real + 0.2 * (made - real)
    assert float(multiscale(real, real, 4)) == pytest.approx(0.0, abs=1e-6)
    assert 0 < float(multiscale(near, real, 4)) < float(multiscale(made, real, 4))


def test_our_loss_minds_a_blur_more_than_a_change_of_brightness_of_the_same_error() -> None:
    _, real = _pictures(4, 48)
    real = F.interpolate(real[:, :, ::6, ::6], scale_factor=6.0)  # blocks, so that there are edges to lose
    blurred = F.avg_pool2d(F.pad(real, (1, 1, 1, 1), mode="replicate"), 3, 1)
    brighter = real + (blurred - real).abs().mean()
    assert float(multiscale(blurred, real, 3)) > 3 * float(multiscale(brighter, real, 3))


def test_the_pyramids_parts_have_their_closed_forms() -> None:
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(halved(flat), torch.full((1, 3, 8, 8), 0.3), atol=1e-6)
    assert laplacian(flat, halved(flat)).abs().max() < 1e-6
    ramp = torch.arange(16.0).expand(1, 3, 16, 16)
    assert torch.allclose(edge_strength(ramp), torch.ones(1, 3, 14, 14), atol=1e-4)


def test_without_weights_ours_is_the_default_and_small_pictures_are_refused() -> None:
    made, real = _pictures(5)
    loss = perceptual_loss(PerceptualConfig(levels=3), 48, CPU)
    assert float(loss(made, real)) == float(multiscale(made, real, 3))
    with pytest.raises(ConfigError, match="needs pictures of 88 pixels"):
        perceptual_loss(PerceptualConfig(levels=4), 64, CPU)
    with pytest.raises(ConfigError, match=r"perceptual\.levels"):
        PerceptualConfig(levels=0)
