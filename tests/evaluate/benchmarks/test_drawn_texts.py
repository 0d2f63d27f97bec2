import numpy as np
import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.drawn_texts import drawn_text, looks


def share_of_edges(picture: Image.Image) -> float:
    """The share of neighbours in a row whose grey levels are far apart."""
    grey = np.asarray(picture.convert("L"), dtype=float)
    return float((np.abs(np.diff(grey, axis=1)) > 40).mean())


@pytest.mark.parametrize("number", [0, 2, 3, 5])
def test_a_text_is_drawn_the_same_each_time_and_is_full_of_edges(number: int) -> None:
    look, picture = drawn_text(number, 256)
    drawn_text.cache_clear()
    again = drawn_text(number, 256)
    assert look == looks(256)[number % 3] == again[0]
    assert picture.size == (256, 256)
    assert picture.tobytes() == again[1].tobytes()
    assert share_of_edges(picture) > 0.005


def test_a_page_is_cut_to_the_size_with_its_letters_as_they_are() -> None:
    look, picture = drawn_text(1, 256)
    assert (look, picture.size) == ("page", (256, 256))
    assert share_of_edges(picture) > 0.005


def test_cards_are_left_out_where_their_cells_do_not_fit() -> None:
    assert looks(256) == ("paragraph", "page", "card")
    assert looks(272) == ("paragraph", "page")


def test_a_size_too_small_for_any_text_is_refused() -> None:
    with pytest.raises(RequestError, match="128"):
        drawn_text(0, 96)
