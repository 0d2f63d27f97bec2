from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from hanmo.model.latents import image_to_tensor, pack, tensor_to_images, unpack


def test_packing_and_unpacking_is_the_identity() -> None:
    z = torch.randn(2, 16, 6, 10)
    assert torch.equal(unpack(pack(z), 6, 10), z)


def test_a_token_holds_a_two_by_two_cell_channel_by_channel() -> None:
    z = torch.arange(16 * 4 * 4).reshape(1, 16, 4, 4).float()
    tokens = pack(z)
    assert tokens.shape == (1, 4, 64)
    for channel, dy, dx in ((0, 0, 0), (3, 0, 1), (15, 1, 0)):
        assert tokens[0, 1, channel * 4 + dy * 2 + dx] == z[0, channel, dy, 2 + dx]


def test_pictures_survive_the_way_to_tensors_and_back() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    tensor = image_to_tensor(picture)
    assert tensor.shape == (1, 3, 24, 16)
    assert tensor.min() >= -1
    assert tensor.max() <= 1
    assert np.array_equal(np.asarray(tensor_to_images(tensor)[0]), pixels)


def test_values_out_of_range_are_clamped() -> None:
    picture = tensor_to_images(torch.tensor([-9.0, 9.0]).reshape(1, 1, 1, 2).expand(1, 3, 1, 2))[0]
    assert np.asarray(picture)[0, :, 0].tolist() == [0, 255]
