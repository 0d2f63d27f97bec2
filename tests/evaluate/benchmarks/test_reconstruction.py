from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from hanmo.errors import RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.benchmarks.reconstruction import Reconstruction, squared
from hanmo.evaluate.catalog import benchmark
from hanmo.evaluate.judges.protocols import Judges
from hanmo.evaluate.types import Prompt, Result, Score

SMALL = Reconstruction(count=2, size=128)


def test_it_is_a_benchmark_of_the_catalog() -> None:
    assert isinstance(benchmark("vae", size=512), Benchmark)


def test_texts_and_labelled_scenes_are_asked_for_without_a_folder(tmp_path: Path) -> None:
    prompts = SMALL.load(tmp_path)
    assert [prompt.groups for prompt in prompts] == [
        {"content": "text", "look": "paragraph"},
        {"content": "text", "look": "page"},
        {"content": "synthetic scenes", "look": "solids"},
        {"content": "synthetic scenes", "look": "solids"},
    ]
    assert {(prompt.task, prompt.text, prompt.size) for prompt in prompts} == {("reconstruct", "", (128, 128))}


def test_a_reconstruction_is_compared_with_its_source(tmp_path: Path) -> None:
    prompt = SMALL.load(tmp_path)[0]
    (source,) = SMALL.sources(prompt, tmp_path)
    blurred = source.filter(ImageFilter.GaussianBlur(2))
    same, worse = SMALL.judge(prompt, [source, blurred], Judges(), tmp_path)
    assert same.values == {"PSNR": 100.0, "SSIM": 1.0}
    assert worse.values["PSNR"] < 40.0
    assert worse.values["SSIM"] < 0.99


def test_natural_pictures_come_from_a_folder_as_squares(tmp_path: Path) -> None:
    picture = Image.new("RGB", (300, 200), "red")
    picture.paste("blue", (50, 0, 250, 200))
    picture.save(tmp_path / "a b.png")
    found = Reconstruction(pictures=str(tmp_path), count=1, size=160)
    natural = found.load(tmp_path)[-1]
    assert natural.id == "natural-00000-a_b"
    assert natural.groups["content"] == "natural"
    (source,) = found.sources(natural, tmp_path)
    assert source.size == (160, 160)
    assert (source.getpixel((5, 80)), source.getpixel((154, 80))) == ((0, 0, 255), (0, 0, 255))


def test_the_table_has_both_contents_and_the_looks_of_text() -> None:
    def result(content: str, look: str, psnr: float) -> Result:
        prompt = Prompt("x", "", "reconstruct", {}, {"content": content, "look": look})
        return Result(prompt, (0,), (Score({"PSNR": psnr, "SSIM": psnr / 100}),))

    table = Reconstruction().summary(
        [result("text", "card", 40.0), result("text", "page", 30.0), result("natural", "photograph", 20.0)]
    )
    assert list(table)[:4] == ["PSNR text", "SSIM text", "PSNR natural", "SSIM natural"]
    assert table["PSNR text"] == 35.0
    assert (table["PSNR page"], table["SSIM card"]) == (30.0, 0.4)


def test_what_cannot_be_reconstructed_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="multiple of 16"):
        Reconstruction(size=250)
    with pytest.raises(RequestError, match="holds no picture"):
        Reconstruction(pictures=str(tmp_path)).load(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(RequestError, match="cannot be read"):
        squared(tmp_path / "a.png", 128)
