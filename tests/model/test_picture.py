from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from hanmo.errors import RequestError, WeightsError
from hanmo.model.picture import PictureConfig, patches, smart_resize


def painted(width: int, height: int, seed: int = 0, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 1024), (1036, 1036)),
        ((384, 384), (392, 392)),
        ((128, 64), (140, 56)),
        ((112, 56), (112, 56)),
        ((20, 20), (56, 56)),
        ((42, 70), (56, 56)),  # 1.5 and 2.5 times 28: halves go to the even number
        ((8000, 3000), (5852, 2184)),
    ],
)
def test_sizes_are_multiples_of_28_within_the_budget(size, expected):
    assert smart_resize(*size, PictureConfig()) == expected


def test_sizes_equal_those_of_transformers():
    module = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    config = PictureConfig(max_pixels=300_000)
    for width, height in np.random.default_rng(5).integers(10, 1500, (200, 2)).tolist():
        theirs = module.smart_resize(height, width, 28, config.min_pixels, config.max_pixels)
        assert smart_resize(width, height, config) == theirs[::-1]


def test_a_thread_of_a_picture_is_refused():
    with pytest.raises(RequestError, match="too thin"):
        smart_resize(402, 2, PictureConfig())


def test_patches_come_in_two_by_two_neighbours():
    config = PictureConfig(image_mean=(0.0, 0.0, 0.0), image_std=(1.0, 1.0, 1.0))
    numbers = np.arange(4 * 6, dtype=np.uint8).reshape(4, 6)
    values = np.kron(numbers, np.ones((14, 14), dtype=np.uint8))
    cut = patches(Image.fromarray(np.stack([values, values * 2, values * 3], -1)), config)
    assert cut.grid == (4, 6)
    assert cut.tokens() == 6
    seen = (cut.pixels * 255).round().reshape(-1, 3, 14 * 14)
    assert torch.equal(seen.amin(2), seen.amax(2))
    assert seen[:, 0, 0].tolist()[:12] == [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]
    assert seen[3, :, 0].tolist() == [7, 14, 21]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
@pytest.mark.parametrize("size", [(128, 64), (97, 203), (56, 56), (30, 300)])
def test_patches_equal_those_of_transformers(size, mode):
    module = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
    config = PictureConfig()
    processor = module.Qwen2VLImageProcessorPil(min_pixels=config.min_pixels, max_pixels=config.max_pixels)
    picture = painted(*size, mode=mode)
    theirs = processor(picture, return_tensors="pt")
    ours = patches(picture, config)
    assert theirs["image_grid_thw"].tolist() == [[1, *ours.grid]]
    frames = theirs["pixel_values"].reshape(-1, 3, 2, 14 * 14)
    assert torch.equal(frames[:, :, 0], frames[:, :, 1])
    assert torch.allclose(ours.pixels, frames[:, :, 0].flatten(1), atol=1e-6, rtol=0)


def test_the_settings_of_a_processor_are_read_and_written_back():
    config = PictureConfig(min_pixels=784, max_pixels=28 * 28 * 16, image_mean=(0.1, 0.2, 0.3))
    assert PictureConfig.from_dict(config.to_dict()) == config
    newer = {"size": {"shortest_edge": 784, "longest_edge": 12544}, "image_mean": [0.1, 0.2, 0.3]}
    assert PictureConfig.from_dict(newer) == config
    with pytest.raises(WeightsError, match="do_normalize"):
        PictureConfig.from_dict({"do_normalize": False})
