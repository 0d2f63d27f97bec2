"""The folder of shards, its index, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from producer_samples import IDENTITY, same, sample

from hanmo.errors import RequestError
from hanmo.producer.identity import sample_id
from hanmo.producer.index import read_index, write_indexed
from hanmo.producer.store import Reader, look, write_shard


def test_samples_come_back_bit_by_bit_grouped_by_task_and_size(tmp_path: Path) -> None:
    plain, edits = [sample(1), sample(2)], [sample(3, (48, 32), "ti2i")]
    for samples in (plain, edits):
        write_shard(tmp_path, samples, IDENTITY)
    found = look(tmp_path, IDENTITY)
    assert [shard.bucket for shard in found.shards] == ["t2i/32x32", "ti2i/48x32"]
    reader = Reader(tmp_path)
    for shard, samples in zip(found.shards, (plain, edits), strict=True):
        for row, made in enumerate(samples):
            read = reader.sample(shard.name, row)
            assert read is not None
            assert same(read, made)


def test_an_empty_prompt_lies_beside_its_sample_and_the_header_says_so(tmp_path: Path) -> None:
    with_one = replace(sample(1, task="ti2i"), empty=torch.randn(2, 8))
    write_shard(tmp_path, [with_one, sample(2, task="ti2i")], IDENTITY)
    (shard,) = look(tmp_path).shards
    assert shard.empty == (True, False)
    first, second = (Reader(tmp_path).sample(shard.name, row) for row in (0, 1))
    assert first is not None
    assert second is not None
    assert first.empty is not None
    assert with_one.empty is not None
    assert torch.equal(first.empty, with_one.empty)
    assert second.empty is None


def test_the_same_samples_are_one_file(tmp_path: Path) -> None:
    paths = {write_shard(tmp_path, [sample(1), sample(2)], IDENTITY) for _ in range(2)}
    assert len(paths) == len(list(tmp_path.rglob("*.*"))) == 1


@pytest.mark.parametrize("name", ["encoder", "vae", "config"])
def test_a_stale_store_is_refused_in_one_line_that_names_both_hashes(tmp_path: Path, name: str) -> None:
    write_shard(tmp_path, [sample(1)], IDENTITY)
    now = replace(IDENTITY, **{name: "0" * 16})
    with pytest.raises(
        RequestError, match=f"is stale: its {name} is {getattr(IDENTITY, name)}, .* {'0' * 16}"
    ) as error:
        look(tmp_path, now)
    assert "\n" not in str(error.value)
    if name == "config":
        assert len(look(tmp_path, now, "same_networks").shards) == 1


def test_damaged_shards_are_counted_and_passed_over(tmp_path: Path) -> None:
    good, cut, changed = (write_shard(tmp_path, [sample(n)], IDENTITY) for n in range(3))
    cut.write_bytes(cut.read_bytes()[:-7])
    bits = bytearray(changed.read_bytes())
    bits[-1] ^= 255
    changed.write_bytes(bits)
    (good.parent / "no.safetensors").write_bytes(b"")
    found = look(tmp_path, IDENTITY)
    assert sorted(name for name, _ in found.skipped) == sorted([f"t2i/32x32/{cut.name}", "t2i/32x32/no.safetensors"])
    reader = Reader(tmp_path)
    read = {shard.name: reader.sample(shard.name, 0) for shard in found.shards}
    assert [name for name, one in read.items() if one is None] == [f"t2i/32x32/{changed.name}"]
    assert reader.damaged == 1


def test_a_shard_takes_one_bucket_and_each_sample_once(tmp_path: Path) -> None:
    for samples in ([], [sample(1), sample(2, (48, 32))], [sample(1), sample(1)]):
        with pytest.raises(RequestError, match="one bucket"):
            write_shard(tmp_path, samples, IDENTITY)


def test_the_index_answers_questions_without_tensors(tmp_path: Path) -> None:
    write_indexed(tmp_path, [sample(1), sample(2)], IDENTITY)
    path = write_indexed(tmp_path, [sample(3, (48, 32), "ti2i")], IDENTITY)
    rows = {row["id"]: row for row in read_index(tmp_path).to_pylist()}
    assert {row["caption"] for row in rows.values()} == {"卡片 1", "卡片 2", "卡片 3"}
    assert rows[sample(3).id]["shard"] == path.relative_to(tmp_path).as_posix()
    assert rows[sample(3).id]["encoder"] == IDENTITY.encoder
    assert read_index(tmp_path, "ti2i/*").num_rows == 1


def test_an_id_changes_with_everything_that_a_sample_depends_on() -> None:
    base = (IDENTITY, "t2i", (32, 32), ["ab"], "a card")
    others = [
        (replace(IDENTITY, vae="1" * 16), *base[1:]),
        (base[0], "i2i", *base[2:]),
        (*base[:2], (32, 48), *base[3:]),
        (*base[:3], ["ab", "ab"], base[4]),
        (*base[:4], "a  card"),
    ]
    assert len({sample_id(*each) for each in (base, base, *others)}) == 6
    assert len(sample_id(*base)) == 32


def test_the_consumers_side_never_imports_the_data_engine() -> None:
    code = (
        "import sys; from hanmo.producer import batches, broker, client, prefetch, server, store, stream; "
        "bad = [name for name in sys.modules if name.startswith(('hanmo.data', 'pyarrow', 'ray', 'transformers'))]; "
        "print(', '.join(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
