from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hanmo.data.synthesize.cards import draw
from hanmo.data.synthesize.sample import CardConfig
from hanmo.model.latents import image_to_tensor
from hanmo.train.cache import kept_cards, kept_pairs
from hanmo.train.vae_files import load_vae, vae_hash

CARDS = CardConfig(characters=50)


def test_kept_latents_equal_fresh_ones(vae_folder: Path, tmp_path: Path) -> None:
    vae = load_vae(vae_folder)
    kept = kept_cards(70, CARDS, 1, vae, tmp_path)
    for row in (0, 5, 69):
        with torch.no_grad():
            fresh = vae.normalise(vae.encode(image_to_tensor(draw(kept.cards[row]))).mode())
        torch.testing.assert_close(kept.latents[row], fresh[0], rtol=1e-4, atol=1e-5)


def test_the_file_is_used_again_and_only_for_the_same_cards_and_vae(vae_folder: Path, tmp_path: Path) -> None:
    vae = load_vae(vae_folder)
    first = kept_cards(8, CARDS, 1, vae, tmp_path)
    (path,) = tmp_path.iterdir()
    written = path.stat().st_mtime_ns
    again = kept_cards(8, CARDS, 1, vae, tmp_path)
    assert torch.equal(first.latents, again.latents)
    assert path.stat().st_mtime_ns == written
    kept_cards(8, CARDS, 2, vae, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    before = vae_hash(vae)
    with torch.no_grad():
        vae.quant_conv.weight.mul_(1.01)
    assert vae_hash(vae) != before
    kept_cards(8, CARDS, 1, vae, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_pairs_keep_both_sides(vae_folder: Path, tmp_path: Path) -> None:
    vae = load_vae(vae_folder)
    kept = kept_pairs(4, CARDS, 1, vae, tmp_path)
    assert kept.sources is not None
    with torch.no_grad():
        fresh = vae.normalise(vae.encode(image_to_tensor(draw(kept.pairs[2].source))).mode())
    torch.testing.assert_close(kept.sources[2], fresh[0], rtol=1e-4, atol=1e-5)


def test_a_damaged_file_is_made_anew(vae_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    vae = load_vae(vae_folder)
    first = kept_cards(4, CARDS, 1, vae, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:50])
    assert torch.equal(kept_cards(4, CARDS, 1, vae, tmp_path).latents, first.latents)
    assert "damaged" in caplog.text
