"""How well an autoencoder gives back text and other pictures: the mirror of the report's Table 2.

Sets of 256 x 256 pixels, the same for the same seed: texts in English and in Chinese, half paragraphs, half pages;
solids in soft light, without a letter, in the place of photographs; scenes, photograph-like with texts on things; and
the pictures of a folder of one's own. The report's sets are ImageNet and one of its own, so figures are not comparable
with its table; those before and after tuning are, with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from hanmo.data.sources import Source
from hanmo.data.sources.folder import FolderSource
from hanmo.data.sources.pages import PageSource
from hanmo.data.sources.pairs import SolidSource
from hanmo.data.sources.paragraphs import ParagraphSource
from hanmo.data.sources.scenes import SceneSource
from hanmo.data.synthesize.pages.page import PageConfig
from hanmo.data.synthesize.paragraph_style import ParagraphConfig
from hanmo.data.synthesize.scenes.style import SceneConfig
from hanmo.data.synthesize.solids_sample import SolidConfig
from hanmo.errors import RequestError
from hanmo.model.vae import VAE
from hanmo.train.vae_crops import cut, pictures_of
from hanmo.train.vae_files import load_vae
from hanmo.train.vae_measure import Quality, quality
from hanmo.weights.hub import resolve

SETS = ("text EN", "text ZH", "solids", "scenes")


@dataclass(frozen=True)
class Line:
    """One set of pictures and one checkpoint, or two: before and after."""

    name: str
    before: Quality
    after: Quality | None = None


def drawn(name: str, count: int, seed: int, side: int) -> list[Tensor]:
    """`count` pictures [side, side, 3] of one of `SETS`, 8-bit."""
    many = 4 * count + 8  # some cannot be drawn; only as many as are needed are
    half = (count + 1) // 2
    match name:
        case "text EN" | "text ZH":
            chinese = 1.0 if name == "text ZH" else 0.0
            paper = ParagraphConfig(width=side, height=side, smallest=10)
            screen = PageConfig(width=max(1024, side), height=max(768, side))
            paragraphs = ParagraphSource(many, seed, chinese=chinese, config=paper)
            pages = PageSource(many, seed, chinese=chinese, config=screen)
            return [*_some(paragraphs, half, seed, side), *_some(pages, count - half, seed, side)]
        case "solids":
            return list(
                _some(SolidSource(many, seed, kinds=("view",), config=SolidConfig(side, side)), count, seed, side)
            )
        case "scenes":
            look = SceneConfig(max(384, side), max(384, side))
            return list(_some(SceneSource(many, seed, config=look), count, seed, side))
    raise RequestError(f"there is no set {name!r}; choose from {', '.join(SETS)}")


def of_folder(folder: Path, count: int, seed: int, side: int) -> list[Tensor]:
    """The first `count` pictures of a folder that are large enough, a square of each."""
    return list(_some(FolderSource(folder), count, seed, side))


def _some(source: Source, count: int, seed: int, side: int) -> Iterator[Tensor]:
    for number, picture in enumerate(islice(pictures_of(source, side), count)):
        yield torch.from_numpy(cut(picture, side, seed, number).copy())


def measure(before: VAE, after: VAE | None, sets: Mapping[str, list[Tensor]]) -> list[Line]:
    """Every set by one or both checkpoints."""
    return [
        Line(name, quality(before, pictures), None if after is None else quality(after, pictures))
        for name, pictures in sets.items()
    ]


def table(lines: Iterable[Line]) -> str:
    """Markdown, PSNR in dB / SSIM."""
    lines = list(lines)
    tuned = any(line.after is not None for line in lines)
    head = "| set | pictures | PSNR / SSIM |" + (" after |" if tuned else "")
    rows = [head, "|---|---|---|" + ("---|" if tuned else "")]
    for line in lines:
        cells = [line.name, str(line.before.pictures), _both(line.before)]
        rows.append("| " + " | ".join(cells + ([_both(line.after)] if line.after is not None else [])) + " |")
    return "\n".join(rows)


def _both(found: Quality) -> str:
    return f"{found.psnr:.2f} / {found.ssim:.4f}"


def report(
    model: str, after: str | None, sets: list[str], folder: Path | None, count: int, seed: int, side: int
) -> tuple[str, dict[str, object]]:
    """The table and the figures of one checkpoint, or of two; a checkpoint is a folder with `vae/`, or "hanmo-tiny"."""
    given, tuned = load_vae(resolve(model)), None if after is None else load_vae(resolve(after))
    pictures = {name: drawn(name, count, seed, side) for name in sets}
    if folder is not None:
        pictures[folder.name] = of_folder(folder, count, seed, side)
    lines = measure(given, tuned, pictures)
    figures = {"model": model, "after": after, "seed": seed, "side": side, "sets": [asdict(line) for line in lines]}
    return table(lines), figures
