from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hanmo.data.synthesize.solids_shade import depth_picture
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.depth import Depth, grey_map
from hanmo.evaluate.benchmarks.depth_sets import SETS, picture, truth
from hanmo.evaluate.benchmarks.solid_views import true_depth
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

SOLIDS = Depth("synthetic", count=2, size=64)


def write(folder: Path, name: str, values: np.ndarray, width: int = 0, height: int = 0) -> None:
    """A picture and a map of one data set; the map as PNG where it is whole numbers, else as NPY."""
    for part in ("rgb", "depth", "mask"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    size = (width or values.shape[1], height or values.shape[0])
    Image.new("RGB", size, "red").save(folder / "rgb" / f"{name}.png")
    if values.dtype == np.uint16:
        Image.fromarray(values).save(folder / "depth" / f"{name}.png")
    else:
        np.save(folder / "depth" / f"{name}.npy", values)


def test_it_is_a_benchmark_of_the_catalog() -> None:
    assert isinstance(benchmark("depth", split="synthetic"), Benchmark)
    assert "AbsRel synthetic solids" in SOLIDS.lower_is_better


def test_the_true_depth_map_of_a_synthetic_scene_is_nearly_perfect_and_its_own_picture_is_not(tmp_path: Path) -> None:
    prompt = SOLIDS.load(tmp_path)[1]
    depth, valid = true_depth(1, 64)
    right = Image.fromarray(depth_picture(np.where(valid, depth, depth[valid].max()))[0])
    (source,) = SOLIDS.sources(prompt, tmp_path)
    good, poor = SOLIDS.judge(prompt, [right, source], Judges(), tmp_path)
    # 8 bits of disparity: a step is 1/255 of 1/near - 1/far, at the far end a few per cent of depth
    assert good.values["AbsRel"] < 0.02
    assert good.values["delta1"] > 0.995
    assert good.saw["scale"] > 0
    assert poor.values["AbsRel"] > 5 * good.values["AbsRel"]
    (inverted,) = SOLIDS.judge(prompt, [Image.eval(right, lambda v: 255 - v)], Judges(), tmp_path)
    assert inverted.values == pytest.approx(good.values)


def test_each_set_is_read_in_its_unit_and_range(tmp_path: Path) -> None:
    depth = tmp_path / "depth"
    write(depth / "scannet", "a", np.array([[0, 1500, 9999], [10000, 12000, 500]], dtype=np.uint16))
    write(depth / "eth3d", "b", np.array([[0.0, np.inf, 2.5], [np.nan, 700.0, 1.0]], dtype=np.float32))
    values, valid = truth(depth, SETS["scannet"], "a")
    assert valid.tolist() == [[False, True, True], [False, False, True]]
    assert values[valid] == pytest.approx([1.5, 9.999, 0.5])
    values, valid = truth(depth, SETS["eth3d"], "b")
    assert values[valid] == pytest.approx([2.5, 700.0, 1.0])


def test_the_crop_of_nyu_keeps_426_by_560_pixels(tmp_path: Path) -> None:
    write(tmp_path / "nyuv2", "a", np.full((480, 640), 2000, dtype=np.uint16))
    _, valid = truth(tmp_path, SETS["nyuv2"], "a")
    assert valid.sum() == 426 * 560
    assert valid[45, 41]
    assert not valid[44, 41]
    assert valid[470, 600]
    assert not valid[471, 600]


def test_kittis_picture_is_cut_to_the_benchmarks_size_and_eigens_part_of_it_counts(tmp_path: Path) -> None:
    values = np.full((375, 1242), 256 * 10, dtype=np.uint16)
    values[375 - 352 + 200, 13 + 600] = 256 * 81  # out of range
    write(tmp_path / "kitti", "a", values)
    assert picture(tmp_path, SETS["kitti"], "a").size == (1216, 352)
    depth, valid = truth(tmp_path, SETS["kitti"], "a")
    assert depth.shape == (352, 1216)
    # int(0.3324324 * 352) = 117, int(0.91351351 * 352) = 321; int(0.0359477 * 1216) = 43, int(0.96405229 * 1216) = 1172
    assert valid.sum() == (321 - 117) * (1172 - 43) - 1
    assert valid[117, 43]
    assert not valid[116, 43]
    assert not valid[200, 600]
    assert depth[118, 44] == 10.0


def test_diode_needs_its_mask(tmp_path: Path) -> None:
    write(tmp_path / "diode", "a", np.array([[[1.0], [2.0]], [[3.0], [0.5]]]))
    with pytest.raises(RequestError, match="mask"):
        truth(tmp_path, SETS["diode"], "a")
    np.save(tmp_path / "diode" / "mask" / "a.npy", np.array([[1, 1], [0, 1]]))
    assert truth(tmp_path, SETS["diode"], "a")[1].tolist() == [[True, True], [False, False]]


def test_a_painted_map_of_another_size_is_judged_at_the_truths(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(1000, 8000, 64).astype(np.uint16), (48, 1))
    write(tmp_path / "depth" / "scannet", "a", ramp)
    found = Depth(sets="scannet", encoding="depth")
    (prompt,) = found.load(tmp_path)
    assert (prompt.id, prompt.task, prompt.groups) == ("scannet-00000", "edit", {"set": "ScanNet"})
    grey = np.repeat(np.tile(np.linspace(10, 250, 32).astype(np.uint8), (24, 1))[:, :, None], 3, axis=2)
    (score,) = found.judge(prompt, [Image.fromarray(grey)], Judges(), tmp_path)
    assert score.values["AbsRel"] < 0.02
    assert score.values["delta1"] == 1.0


def test_a_map_is_the_mean_of_its_channels_without_rounding() -> None:
    assert grey_map(Image.new("RGB", (4, 4), (10, 20, 31)), 8, 2) == pytest.approx(np.full((2, 8), 61 / 3))


def test_the_table_has_each_sets_means() -> None:
    def result(name: str, absrel: float, delta1: float) -> Result:
        return Result(Prompt("x", "", "edit", {}, {"set": name}), (0,), (Score({"AbsRel": absrel, "delta1": delta1}),))

    table = Depth().summary([result("KITTI", 0.2, 0.5), result("KITTI", 0.4, 0.7), result("NYUv2", 0.1, 1.0)])
    assert list(table) == ["AbsRel", "delta1", "AbsRel NYUv2", "delta1 NYUv2", "AbsRel KITTI", "delta1 KITTI"]
    assert list(table.values()) == pytest.approx([0.2, 0.8, 0.1, 1.0, 0.3, 0.6])
    assert set(name for name in table if "AbsRel" in name) <= Depth().lower_is_better


def test_a_missing_set_is_named_with_the_way_to_leave_it_out(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"NYUv2 .*sets="):
        Depth().load(tmp_path)
    with pytest.raises(RequestError, match="no data set 'sintel'"):
        Depth(sets="kitti,sintel")
    with pytest.raises(RequestError, match="disparity, depth"):
        Depth(encoding="colour")
