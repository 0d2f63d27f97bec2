from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("diffusers", reason="the module also compares speed with diffusers")

from benchmarks import bench_vae, vae_quality
from hanmo.model.config import VAEConfig
from hanmo.model.vae import VAE
from hanmo.train.vae_files import save_vae
from hanmo.train.vae_init import identity_start


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    vae = VAE(VAEConfig(base_dim=8, num_res_blocks=1))
    identity_start(vae, torch.Generator().manual_seed(0))
    save_vae(tmp_path / "toy", vae, vae.config)
    return tmp_path / "toy"


def test_the_drawn_sets_depend_on_the_seed_alone() -> None:
    once, again, other = (vae_quality.drawn("text ZH", 1, seed, 128) for seed in (1, 1, 3))
    assert len(once) == 1
    assert all(picture.shape == (128, 128, 3) for picture in once)
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))
    assert not torch.equal(once[0], other[0])
    assert not torch.equal(once[0], vae_quality.drawn("text EN", 1, 1, 128)[0])


def test_two_equal_checkpoints_have_equal_figures_in_the_table_and_in_json(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(checkpoint), "--after", str(checkpoint), "--sets", "solids", "--pictures", "2", "--side", "64"]
    monkeypatch.setattr(sys, "argv", ["bench_vae", *words])
    bench_vae.main()
    *table, last = capsys.readouterr().out.strip().splitlines()
    (line,) = json.loads(last)["figures"]["sets"]
    assert line["before"] == line["after"]
    assert line["before"]["pictures"] == 2
    psnr, ssim = line["before"]["psnr"], line["before"]["ssim"]
    assert table[-1] == f"| solids | 2 | {psnr:.2f} / {ssim:.4f} | {psnr:.2f} / {ssim:.4f} |"


def test_a_folder_without_a_vae_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["bench_vae", str(tmp_path), "--sets", "solids", "--pictures", "1", "--side", "32"]
    )
    with pytest.raises(SystemExit):
        bench_vae.main()
    assert "holds no VAE" in capsys.readouterr().err
