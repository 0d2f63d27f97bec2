from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from hanmo.errors import RequestError
from hanmo.train.curves import Plot, plot_chart, thin
from hanmo.train.plot import plots_of, write_plot


class Page(HTMLParser):
    """What is on a page: plots, lines, and every address."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.plots: list[str] = []
        self.lines: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag not in ("meta", "img", "link", "br", "input"):
            self.open.append(tag)
        if "data-plot" in known:
            self.plots.append(str(known["data-plot"]))
        if tag == "polyline":
            self.lines.append(str(known["points"]))
        self.addresses += [str(known[key]) for key in ("src", "href") if key in known]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "<b>run"
    (folder / "previews").mkdir(parents=True)
    (folder / "recipe.toml").write_text('kind = "flow"\nname = "</pre><script>"\n[run]\nsteps = 100\n')
    lines: list[dict[str, float]] = [
        {"step": s, "time": s, "loss": 3 / s, "grad_norm": 1.0, "mfu": 0.3, "images_per_second": 9.0, "own_thing": s}
        for s in range(10, 101, 10)
    ]
    lines.insert(5, {"step": 50, "time": 50, "t2i_en_exact": 0.25, "t2i_zh_exact": 0.5, "t2i_en_characters": 0.75})
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for step in range(10, 101, 10):
        Image.new("RGB", (300, 100), (step, 0, 0)).save(folder / "previews" / f"step-{step:09d}.png")
    (folder / "best.json").write_text('{"step": 100, "score": 0.5}')
    return folder


def test_the_page_shows_every_number_and_needs_nothing_else(run: Path, tmp_path: Path) -> None:
    write_plot(run, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.plots[:2] == ["loss", "texts that are exactly right"]
    assert {"own thing", "shares", "images a second"} <= set(page.plots)
    assert len(page.lines) == 8
    assert all(address.startswith(("#", "data:image/webp")) for address in page.addresses)
    assert sum(address.startswith("data:") for address in page.addresses) == 6
    assert "4 more are in previews/" in text
    assert text.index("step 100</b>") < text.index("step 10</b>")
    assert 'class="best"' in text
    assert "exactly right: t2i en 25%, t2i zh 50%" in text
    assert "<script>" not in text
    assert "<b>run" not in text


def test_validation_losses_share_plots_by_bucket_and_by_noise(run: Path, tmp_path: Path) -> None:
    told = {"val/loss": 0.3, "val/64x32": 0.2, "val/64x32/t0.00-0.50": 0.3, "val/64x32/t0.50-1.00": 0.1}
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": 100, "time": 100, **told}) + "\n")
    Image.new("RGB", (300, 100)).save(run / "previews" / "pairs-000000100.png")
    write_plot(run, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert Page(text).plots[3:5] == ["validation loss", "validation loss, 64x32, by noise level"]
    assert "0.00 to 0.50" in text
    assert sum(address.startswith("data:") for address in Page(text).addresses) == 7


def test_a_run_that_has_told_nothing_has_no_page(run: Path, tmp_path: Path) -> None:
    (run / "metrics.jsonl").unlink()
    with pytest.raises(RequestError, match="has told nothing yet"):
        write_plot(run, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_line_goes_from_its_first_to_its_last_step_and_down_when_values_fall() -> None:
    page = Page(str(plot_chart(Plot("loss", {"loss": [(10.0, 4.0), (50.0, 2.0), (100.0, 1.0)]}, log=True), 100.0)))
    points = [point.split(",") for point in page.lines[0].split()]
    assert [float(x) for x, _ in points] == [100.0, 500.0, 1000.0]
    heights = [float(y) for _, y in points]
    assert heights == sorted(heights)
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.02)  # halved twice


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-9, 2e-9], [5.0, 1e6], [-2.0, 3.0], [0.66, 0.67]])
def test_every_range_of_values_has_ticks_inside(values: list[float]) -> None:
    for log in {False, min(values) > 0}:
        points = [(float(step), value) for step, value in enumerate(values)]
        text = str(plot_chart(Plot("x", {"x": points}, log=log), float(len(values))))
        places = [float(place) for place in re.findall(r"<span style=\"bottom:([-\d.]+)%", text)]
        assert 1 <= len(places) <= 6
        assert all(-0.01 <= place <= 100.01 for place in places)


def test_long_lines_are_thinned_by_means_that_keep_their_ends() -> None:
    points = [(float(step), float(step % 2)) for step in range(10_001)]
    kept = thin(points, 100)
    assert len(kept) <= 100
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert all(0.4 < value < 0.6 for _, value in kept[1:-1])


def test_a_number_that_is_not_finite_breaks_no_plot() -> None:
    (plot,) = plots_of([{"step": 1.0, "loss": float("nan")}, {"step": 2.0, "loss": 1.0}])
    assert plot.lines == {"loss": [(2, 1.0)]}
