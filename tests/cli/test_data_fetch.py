"""`hanmo data fetch` against a server on this machine and unpacked packages; `hanmo data balance` on drawn sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from emoji_files import write_packages
from web_server import Server, serving

from hanmo.data.layout import shards_of
from hanmo.data.shards import read_shard

Command = Callable[..., Any]

RECIPE = """
[run]
folder = "run"
workers = 1
[[sources]]
kind = "urls"
name = "web"
file = "list.csv"
answers = "answers.sqlite"
licence_column = "rights"
[[sources]]
kind = "emoji-art"
name = "emoji"
path = "art"
sets = ["fluent-3d"]
[[sources]]
kind = "cards"
name = "cards"
count = 6
[[stages]]
name = "taxonomy"
use = ["taxonomy"]
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def test_a_list_is_fetched_once_art_collected_a_recipe_reads_both_and_is_balanced(
    hanmo: Command, here: Path, server: Server
) -> None:
    rows = ["url,caption,rights", f"{server.url('/ok/10')},a dog,CC0-1.0", f"{server.url('/missing')},a cat,"]
    Path("list.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    fetch = ("data", "fetch", "urls", "list.csv", "answers.sqlite", "--licence-column", "rights", "--private")
    done = hanmo(*fetch, "--delay", 0, "--tries", 1, "--quiet")
    assert (done.code, done.out) == (0, "answers.sqlite\t1 pictures\t1 failures\t0 answered before\n")
    assert hanmo(*fetch, "--quiet").out.endswith("\t2 answered before\n")

    write_packages(Path("art"))
    done = hanmo("data", "fetch", "emoji-art", "art", "--sets", "fluent-3d", "--quiet")
    assert done.code == 0, done.err
    table = done.out.splitlines()
    assert table[1].split()[:3] == ["fluent-3d", "2", "MIT"]
    assert "Microsoft" in table[1]
    assert table[-1] == "art/set\t2 pictures\t0 rejects"

    Path("data.toml").write_text(RECIPE, encoding="utf-8")
    assert "run\t9 records" in hanmo("data", "run", "data.toml", "--quiet").out
    known = [one for shard in shards_of(Path("run/set1")) for one in read_shard(shard)]
    assert [(one.source, one.licence) for one in known][:2] == [("web", "CC0-1.0"), ("emoji", "MIT")]

    done = hanmo("data", "balance", "run", "--to", "mixed", "--domains", "nature=0.5,synthetic=0.5", "--workers", 1)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == "mixed\t6 records\t3 left behind"
    domains = [one.metadata["taxonomy"]["domain"] for shard in shards_of(Path("mixed")) for one in read_shard(shard)]
    assert (domains.count("nature"), domains.count("synthetic")) == (3, 3)
    assert pq.read_table("mixed/balance.parquet").num_rows == 9


def test_what_cannot_be_fetched_or_balanced_is_one_line(hanmo: Command, here: Path) -> None:
    assert "WHAT" in hanmo("data", "fetch").line
    assert "invalid choice: 'art'" in hanmo("data", "fetch", "art").line
    assert "there is no art set 'fluent'" in hanmo("data", "fetch", "emoji-art", "a", "--sets", "fluent").line
    assert "--font gone.ttf is no file" in hanmo("data", "fetch", "emoji-art", "a", "--font", "gone.ttf").line
    assert "between 32 and 2048" in hanmo("data", "fetch", "emoji-art", "a", "--size", 8).line
    assert "gone.txt" in hanmo("data", "fetch", "urls", "gone.txt", "answers").line
    assert "gone is not there" in hanmo("data", "balance", "gone", "--to", "b").line

    recipe = RECIPE[: RECIPE.index("[[sources]]")] + RECIPE[RECIPE.index('[[sources]]\nkind = "cards"') :]
    Path("cards.toml").write_text(recipe, encoding="utf-8")
    assert hanmo("data", "run", "cards.toml", "--quiet").code == 0
    assert "write DOMAIN=SHARE" in hanmo("data", "balance", "run", "--to", "b", "--domains", "nature").line
    assert "must sum to 1" in hanmo("data", "balance", "run", "--to", "b", "--domains", "nature=0.5").line
    assert (
        "no record has the score 'beauty'" in hanmo("data", "balance", "run", "--to", "b", "--quality", "beauty").line
    )
    assert "holds the set that is read" in hanmo("data", "balance", "run", "--to", "run").line
    assert not Path("b").exists()


def test_fetch_and_balance_have_their_help_with_defaults(hanmo: Command) -> None:
    for words in (("fetch", "emoji-art"), ("fetch", "urls"), ("balance",)):
        done = hanmo("data", *words, "--help")
        assert done.code == 0
        assert f"usage: hanmo data {' '.join(words)} " in done.out
        assert "default" in done.out
        assert "examples:" in done.out
