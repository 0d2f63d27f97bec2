from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from hanmo.errors import ConfigError
from hanmo.model.config import TransformerConfig
from hanmo.model.mmdit import MMDiT
from hanmo.train.prune import every_second, least_missed, prune
from tests.train.toy_teacher import randomise

CONFIG = TransformerConfig(
    num_layers=5, num_attention_heads=2, attention_head_dim=16, axes_dims_rope=(4, 6, 6), joint_attention_dim=24
)


@pytest.fixture
def teacher() -> MMDiT:
    model = MMDiT(CONFIG)
    randomise(model)
    return model.eval()


@torch.no_grad()
def _velocity(model: MMDiT) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2, 12, 64, generator=generator)
    states = torch.randn(2, 5, 24, generator=generator)
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    shapes = ((1, 2, 4), (1, 2, 2))
    made: Tensor = model(latents, states, mask, torch.tensor([0.3, 0.9]), shapes, 8)
    return made


def test_a_student_with_all_blocks_is_the_teacher(teacher: MMDiT) -> None:
    assert torch.equal(_velocity(prune(teacher, range(5))), _velocity(teacher))


@pytest.mark.parametrize("gone", [0, 2, 4])
def test_a_pruned_student_computes_what_a_teacher_whose_block_is_skipped_computes(teacher: MMDiT, gone: int) -> None:
    student = prune(teacher, [number for number in range(5) if number != gone])

    def skip(_: Any, inputs: tuple[Any, ...], __: Any) -> tuple[Tensor, Tensor]:
        image, text, target, last = inputs[0], inputs[1], inputs[6], inputs[7]
        return image[:, :target] if last else image, text

    handle = teacher.transformer_blocks[gone].register_forward_hook(skip)
    wanted = _velocity(teacher)
    handle.remove()
    torch.testing.assert_close(_velocity(student), wanted, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(_velocity(teacher), wanted, atol=1e-3)


def test_the_named_blocks_stay_under_new_numbers_and_nothing_else_changes(teacher: MMDiT) -> None:
    student, state = prune(teacher, (1, 4)), teacher.state_dict()
    assert student.config.num_layers == 2
    for name, tensor in student.state_dict().items():
        for place, number in ((0, 1), (1, 4)):
            if name.startswith(f"transformer_blocks.{place}."):
                old = name.replace(f"blocks.{place}.", f"blocks.{number}.", 1)
                break
        else:
            old = name
        assert torch.equal(tensor, state[old])
        assert tensor.data_ptr() == state[old].data_ptr(), "a second copy would not fit beside the published teacher"


def test_the_published_configuration_loses_half_its_blocks() -> None:
    with torch.device("meta"):
        teacher = MMDiT(TransformerConfig())
    keep = every_second(60, 30)
    student = prune(teacher, keep)
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (teacher, student)]
    assert keep[:3] == (0, 2, 4)
    assert keep[-1] == 59
    assert len(set(keep)) == 30
    assert 20.0e9 < sizes[0] < 20.6e9
    assert 10.0e9 < sizes[1] < 10.5e9


@pytest.mark.parametrize(
    ("count", "keep", "kept"), [(8, 4, (0, 2, 4, 7)), (6, 3, (0, 2, 5)), (4, 4, (0, 1, 2, 3)), (3, 1, (0,))]
)
def test_every_second_block_keeps_both_ends(count: int, keep: int, kept: tuple[int, ...]) -> None:
    assert every_second(count, keep) == kept


def test_blocks_that_change_nothing_go_first(teacher: MMDiT) -> None:
    with torch.no_grad():
        for number in (1, 3):  # gates of zero: the block gives back what it is given
            for stream in ("img_mod", "txt_mod"):
                layer: Any = getattr(teacher.transformer_blocks[number], stream)[1]
                layer.weight.zero_()
                layer.bias.zero_()
    kept = least_missed(teacher, 3, _velocity)
    assert kept == (0, 2, 4)
    torch.testing.assert_close(_velocity(prune(teacher, kept)), _velocity(teacher), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("keep", [(), (2, 1), (1, 1), (-1, 2), (0, 5)])
def test_blocks_that_are_not_there_are_refused(teacher: MMDiT, keep: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"depth\.blocks"):
        prune(teacher, keep)


@pytest.mark.parametrize("keep", [0, 6])
def test_a_number_of_blocks_that_is_not_there_is_refused(teacher: MMDiT, keep: int) -> None:
    with pytest.raises(ConfigError, match=r"depth\.keep"):
        every_second(5, keep)
    with pytest.raises(ConfigError, match=r"depth\.keep"):
        least_missed(teacher, keep, _velocity)
