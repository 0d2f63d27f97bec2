import math
from pathlib import Path

import numpy as np
import pytest
from lpips_weights import install
from PIL import Image

from hanmo.data.synthesize.solids import trace
from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.gso import GSO, perceptual
from hanmo.evaluate.benchmarks.solid_views import drawn, solids_of, true_depth
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.lpips import Lpips
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Result

SOLIDS = GSO("synthetic", count=1, size=48)


def test_it_is_a_benchmark_of_the_catalog() -> None:
    assert isinstance(benchmark("gso", split="synthetic"), Benchmark)


def test_a_synthetic_view_is_the_scene_from_there(tmp_path: Path) -> None:
    prompts = SOLIDS.load(tmp_path)
    assert [prompt.truth["azimuth"] for prompt in prompts] == [30, 60, 90, 270, 300, 330]
    assert "60 degrees to the right" in prompts[1].text
    assert "30 degrees to the left" in prompts[5].text
    right = drawn(0, 48, 60)
    (perfect,) = SOLIDS.judge(prompts[1], [right], Judges(), tmp_path)
    assert perfect.values == {"PSNR": 100.0, "SSIM": 1.0}
    (still,) = SOLIDS.judge(prompts[1], SOLIDS.sources(prompts[1], tmp_path), Judges(), tmp_path)
    assert still.values["PSNR"] < 30.0
    assert still.values["SSIM"] < 0.95


def test_a_ray_of_a_synthetic_scene_ends_at_its_true_depth() -> None:
    scene, camera = solids_of(0)
    depth, valid = true_depth(0, 48)
    forward = camera.axes[2]
    # the ray through the middle of pixel (row 30, column 20), written out
    half = math.tan(math.radians(camera.field / 2))
    right, up, _ = camera.axes
    way = forward + ((2 * 20.5 - 48) / 48) * half * right + ((48 - 2 * 30.5) / 48) * half * up
    way /= np.linalg.norm(way)
    hits = trace(scene.solids, camera.eye[None], way[None])
    assert valid[30, 20]
    assert depth[30, 20] == pytest.approx(float((hits.point[0] - camera.eye) @ forward))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "gso" / "objects" / "mug"
    folder.mkdir(parents=True)
    for name, color in (("000", "red"), ("030", "green"), ("300", "blue")):
        Image.new("RGBA", (16, 16), color).save(folder / f"{name}.png")
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    clear.save(folder / "090.png")
    return tmp_path


def test_every_other_view_of_an_object_is_asked_for(data: Path) -> None:
    prompts = GSO().load(data)
    assert [prompt.id for prompt in prompts] == ["mug-030", "mug-090", "mug-300"]
    assert [prompt.groups["turn"] for prompt in prompts] == ["right 030", "right 090", "left 060"]
    (source,) = GSO().sources(prompts[0], data)
    assert source.getpixel((0, 0)) == (255, 0, 0)


def test_views_are_compared_at_the_true_ones_size_on_white(data: Path) -> None:
    prompts = GSO().load(data)
    (score,) = GSO().judge(prompts[1], [Image.new("RGB", (40, 20), "white")], Judges(), data)
    assert score.values == {"PSNR": 100.0, "SSIM": 1.0}


def test_lpips_is_measured_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, site = install(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.syspath_prepend(str(site))
    views = GSO(split="synthetic", count=1, size=48, lpips=True)
    prompt, other = views.load(tmp_path)[:2]
    true, another = (views._view(p, p.truth["azimuth"], tmp_path) for p in (prompt, other))
    scores = views.judge(prompt, [true, another], Judges(), tmp_path)
    assert scores[0].values["LPIPS"] == 0.0
    assert scores[1].values["LPIPS"] == pytest.approx(Lpips().distance(another, true)) != 0.0
    table = views.summary([Result(prompt, (0,), tuple(scores[:1]))])
    assert list(table)[:3] == ["PSNR", "SSIM", "LPIPS"]
    perceptual.cache_clear()


def test_missing_weights_of_lpips_are_named_before_any_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    perceptual.cache_clear()
    with pytest.raises(RequestError, match="LPIPS needs AlexNet's weights"):
        GSO(split="synthetic", lpips=True).load(tmp_path)


def test_an_object_without_its_first_view_is_named(data: Path) -> None:
    (data / "gso" / "objects" / "mug" / "000.png").unlink()
    with pytest.raises(RequestError, match=r"mug/000\.png"):
        GSO().load(data)
    with pytest.raises(RequestError, match=r"OBJECT/000\.png"):
        GSO().load(data / "nothing")


def test_a_view_must_be_named_by_its_azimuth(data: Path) -> None:
    Image.new("RGB", (8, 8)).save(data / "gso" / "objects" / "mug" / "front.png")
    with pytest.raises(RequestError, match=r"front\.png is not named by an azimuth"):
        GSO().load(data)


def test_an_objects_folder_must_be_able_to_name_files(data: Path) -> None:
    (data / "gso" / "objects" / "mug").rename(data / "gso" / "objects" / "red mug")
    with pytest.raises(RequestError, match="red mug"):
        GSO().load(data)
