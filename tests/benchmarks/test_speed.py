"""The speed comparisons at toy sizes: both sides compute the same thing. Times are not judged here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("diffusers", reason="the comparisons need diffusers")

from benchmarks import bench_encoder, bench_full_size, bench_picture, bench_start, bench_step, bench_vae
from benchmarks.compare import Row, relative
from hanmo.model.config import TransformerConfig

TOY = TransformerConfig(
    num_layers=2,
    attention_head_dim=32,
    num_attention_heads=2,
    joint_attention_dim=48,
    axes_dims_rope=(8, 12, 12),
)


def check(rows: list[Row], tolerance: float) -> None:
    assert rows
    for row in rows:
        assert row.hanmo.minimum > 0.0
        assert row.reference.minimum > 0.0
        assert row.difference is not None
        assert row.difference <= tolerance, row.name


def test_the_vae_comparison_compares_equal_pictures() -> None:
    rows = bench_vae.measure(side=32, runs=1, base_dim=8)
    assert [row.target for row in rows] == [1.8, 1.8]
    check(rows, 1e-4)


def test_the_step_comparison_compares_equal_velocities() -> None:
    check([bench_step.measure_case(bench_step.Case("toy", TOY, 4, 6, 5, 1.1), runs=1)], 1e-5)


def test_the_step_comparison_covers_the_promised_sizes() -> None:
    sizes = {(c.config.num_layers, c.config.inner_dim, c.height * c.width, c.text) for c in bench_step.CASES}
    assert {(8, 512, 64, 24), (8, 512, 256, 64)} <= sizes
    assert any(width == 3072 for _, width, _, _ in sizes)


def test_the_encoder_comparison_compares_equal_states() -> None:
    rows = bench_encoder.measure(runs=1, layers=2, width=128, vocabulary=512)
    assert [row.target for row in rows] == [1.4, None]
    check(rows, 1e-4)


def test_the_picture_comparison_compares_equal_pictures(shared: Path) -> None:
    model = shared / "golden" / "tiny-qwen-image"
    (row,) = bench_picture.measure(model, runs=1, size=(96, 64), steps=2)
    assert row.difference is not None
    assert row.difference <= 2 / 255


def test_loading_is_compared_on_one_folder(shared: Path) -> None:
    row = bench_start.loading(shared / "golden" / "tiny-qwen-image", runs=1)
    assert row.name == "load tiny-qwen-image"
    assert row.hanmo.minimum > 0.0


def test_imports_are_timed_without_the_interpreter() -> None:
    assert bench_start.seconds_of("import time; time.sleep(0.3)") > 0.3
    assert set(bench_start.IMPORTS) == {"import", "import of the pipeline"}


@torch.no_grad()
def test_the_full_size_benchmark_shares_one_set_of_tensors_with_its_reference() -> None:
    ours = bench_full_size.build(TOY, torch.device("cpu"), torch.float32)
    reference = bench_full_size.share(ours)
    for name, parameter in reference.named_parameters():
        assert parameter.data_ptr() == ours.get_parameter(name).data_ptr()
    latents, states, t = torch.randn(1, 24, 64), torch.randn(1, 5, 48), torch.tensor([0.4])
    result = ours(latents, states, None, t, [(1, 4, 6)])
    expected = reference(latents, states, None, t, [[(1, 4, 6)]], return_dict=False)[0]
    assert relative(result, expected) <= 1e-5
    assert 0.1 < float(result.std()) < 10.0


def test_the_full_size_plan_counts_without_allocating() -> None:
    plan = bench_full_size.plan(TransformerConfig(), (1024,))
    assert plan["parameters"] == 20_430_401_088
    assert plan["weights_gib_bfloat16"] == pytest.approx(38.05, abs=0.01)
    assert plan["cases"] == [
        {"side": 1024, "image_tokens": 4096, "text_tokens": 128, "tflop": pytest.approx(70.6, abs=0.1)}
    ]
