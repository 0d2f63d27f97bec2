"""All expected numbers are sums and roots of a few small ones, made by hand."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.oneig_likeness import (
    diversity,
    diversity_score,
    reasoning_scores,
    rows_of,
    style_scores,
)
from hanmo.evaluate.judges.protocols import Judges, Unjudged

ROOT = math.sqrt(0.5)


class Compass:
    """Places a picture by its red value, in a circle of 0-255 degrees, and knows the text "north"."""

    def describe(self) -> Mapping[str, str]:
        return {"kind": "compass"}

    def image(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "N D"]:
        turns = np.radians([image.getpixel((0, 0))[0] for image in images])
        return np.stack([np.cos(turns), np.sin(turns)], axis=1)

    def text(self, texts: Sequence[str]) -> Float[np.ndarray, "N D"]:
        assert texts == ["north"]
        return np.array([[0.0, 1.0]])


def at(*degrees: int) -> list[Image.Image]:
    return [Image.new("RGB", (4, 4), (degree, 0, 0)) for degree in degrees]


def test_reasoning_is_the_cosine_with_the_answer() -> None:
    scores = reasoning_scores(at(90, 45, 0, 180), "north", Judges(embedders={"llm2clip": Compass()}))
    assert [score.values["reasoning"] for score in scores] == pytest.approx([1, ROOT, 0, 0])
    assert [score.picture for score in scores] == [0, 1, 2, 3]


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    score = diversity_score(at(0, 90, 45), Judges(embedders={"dreamsim": Compass()}))
    assert score.picture is None
    assert score.values["diversity"] == pytest.approx((1 + 2 * (1 - ROOT)) / 3)
    assert diversity(np.array([[1.0, 0.0], [1.0, 0.0]])) == 0


def test_one_picture_has_no_diversity() -> None:
    with pytest.raises(Unjudged, match="two pictures"):
        diversity_score(at(0), Judges(embedders={"dreamsim": Compass()}))


@pytest.fixture
def references(tmp_path: Path) -> dict[str, Path]:
    paths = {"csd": tmp_path / "csd.pt", "style": tmp_path / "style.pt"}
    torch.save({"pop_art": torch.tensor([[1.0, 0.0], [0.0, 1.0]])}, paths["csd"])
    torch.save({"pop_art": torch.tensor([[2.0, 0.0]], dtype=torch.bfloat16)}, paths["style"])
    return paths


@pytest.mark.parametrize(("official_compat", "length"), [(False, 1), (True, 2)])
def test_style_is_the_mean_of_the_two_encoders_largest_cosines_not_below_zero(
    references: dict[str, Path], official_compat: bool, length: int
) -> None:
    judges = Judges(embedders={"csd": Compass(), "style": Compass()})
    scores = style_scores(at(0, 90, 135), "Pop Art", references, judges, official_compat)
    expected = [(1 + length) / 2, 0.5, ROOT / 2]  # at 135 degrees the second cosine is below 0
    assert [score.values["style"] for score in scores] == pytest.approx(expected)


def test_a_style_without_references_is_named(references: dict[str, Path]) -> None:
    judges = Judges(embedders={"csd": Compass(), "style": Compass()})
    with pytest.raises(RequestError, match=r"knows no style 'op_art': it has pop_art"):
        style_scores(at(0), "op art", references, judges, False)


def test_a_missing_encoder_is_unjudged_before_anything_is_embedded(references: dict[str, Path]) -> None:
    with pytest.raises(Unjudged, match="embedder:style"):
        style_scores(at(0), "pop art", references, Judges(embedders={"csd": Compass()}), False)


def test_a_file_of_anything_else_is_refused(tmp_path: Path) -> None:
    words, rows = tmp_path / "words.pt", tmp_path / "rows.pt"
    words.write_text("not an archive of tensors")
    torch.save([1, 2], rows)
    for path in (words, rows, tmp_path / "none.pt"):
        with pytest.raises(RequestError, match="no file of style references"):
            rows_of(path)
