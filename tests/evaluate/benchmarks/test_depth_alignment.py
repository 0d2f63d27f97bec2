import numpy as np
import pytest

from hanmo.errors import RequestError
from hanmo.evaluate.benchmarks.depth_alignment import fit, score_depth

TRUE = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 0.0, 8.0]])
SHOWN = np.array([[250.0, 180.0, 120.0, 110.0], [90.0, 60.0, 7.0, 0.0]])
VALID = TRUE > 0


def test_the_alignment_is_numpys_least_squares() -> None:
    rng = np.random.default_rng(7)
    shown, true, valid = rng.random((9, 8)) * 255, rng.random((9, 8)) * 10, rng.random((9, 8)) > 0.3
    system = np.stack([shown[valid], np.ones(valid.sum())], axis=1)
    assert fit(shown, true, valid) == pytest.approx(tuple(np.linalg.lstsq(system, true[valid], rcond=None)[0]))


def test_a_flat_map_is_given_the_least_numbers_as_numpy_does() -> None:
    system = np.stack([np.full(7, 9.0), np.ones(7)], axis=1)
    expected = np.linalg.lstsq(system, TRUE[VALID], rcond=None)[0]
    assert fit(np.full((2, 4), 9.0), TRUE, VALID) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("scale", [3.0, -3.0])
def test_a_map_that_is_right_up_to_scale_and_shift_is_perfect_whichever_end_is_white(scale: float) -> None:
    # closed form: shown = (true - 5) / scale gives back scale and 5
    found = score_depth((TRUE - 5.0) / scale, TRUE, VALID, disparity=False)
    assert (found.absrel, found.delta1) == (pytest.approx(0.0, abs=1e-12), 1.0)
    assert (found.scale, found.shift) == pytest.approx((scale, 5.0))
    with np.errstate(divide="ignore"):
        inverse = np.where(VALID, 40.0 / TRUE - 2.0, 0.0) * np.sign(scale)
    assert score_depth(inverse, TRUE, VALID, disparity=True).absrel == pytest.approx(0.0, abs=1e-12)


def test_two_pixels_shown_alike_are_worked_out_by_hand() -> None:
    # a flat map becomes the mean depth of 1 and 3, which is 2: AbsRel (1/1 + 1/3) / 2 = 2/3, no pixel within 25 %
    found = score_depth(np.full((1, 2), 4.0), np.array([[1.0, 3.0]]), np.ones((1, 2), bool), disparity=False)
    assert (found.absrel, found.delta1) == (pytest.approx(2 / 3), 0.0)


@pytest.mark.parametrize(
    ("disparity", "furthest", "expected"),
    [
        # what Marigold's alignment.py and metric.py give for these maps (commit b1dffaaa), run once
        (False, 10.0, (0.20304487179487168, 5 / 7, -0.028846153846153844, 7.480769230769233)),
        (True, 10.0, (0.2027175330755469, 5 / 7, 0.00441052631578947, -0.18708771929824536)),
        (True, 6.0, (0.1074794378374517, 6 / 7, 0.00441052631578947, -0.18708771929824536)),
    ],
)
def test_the_figures_are_those_of_the_official_script(
    disparity: bool, furthest: float, expected: tuple[float, ...]
) -> None:
    found = score_depth(
        SHOWN, TRUE, VALID, disparity=disparity, nearest=1e-3, furthest=furthest, without_black=disparity
    )
    assert (found.absrel, found.delta1, found.scale, found.shift) == pytest.approx(expected, rel=1e-9)


def test_the_smaller_alignment_of_the_official_script_drops_columns_and_keeps_rows() -> None:
    i, j = np.mgrid[0:30, 0:40]
    true, valid = 1.0 + (i * 7 + j * 3) % 11, (i + j) % 7 > 0
    shown = 200.0 - 10.0 * true + (i * j) % 5
    whole = score_depth(shown, true, valid, disparity=False)
    small = score_depth(shown, true, valid, disparity=False, fit_side=16)
    # Marigold's align_depth_least_square with max_resolution None and 16, run once
    assert (whole.scale, whole.shift) == pytest.approx((-0.09989889230232434, 20.146028720178585), rel=1e-9)
    assert (small.scale, small.shift) == pytest.approx((-0.09993387287001163, 20.090663203210813), rel=1e-9)


def test_a_map_without_valid_pixels_is_named() -> None:
    with pytest.raises(RequestError, match="two valid pixels"):
        score_depth(SHOWN, TRUE, np.zeros_like(VALID), disparity=False)
