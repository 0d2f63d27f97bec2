from __future__ import annotations

from pathlib import Path

import pytest
import torch
from toy_samples import STATISTICS, WIDTH, generators, sample

from hanmo.errors import RequestError
from hanmo.flow import ScheduleConfig
from hanmo.producer.sample import Sample
from hanmo.train.batches import Maker, MixConfig
from hanmo.train.curriculum import Curriculum, CurriculumConfig
from hanmo.train.encode_folder import Kept, write_sample
from hanmo.train.folder_source import FolderSource
from hanmo.train.mixture import Mixture
from hanmo.train.samples import Entry, SampleSource

NOTHING = torch.full((2, WIDTH), 0.5)
"""The empty prompt of text-to-image."""
PLAIN = [sample(number) for number in range(1, 4)]
EDITS = [sample(8, "ti2i", sources=((32, 32),)), sample(9, "ti2i", sources=((64, 32), (32, 32)))]
ALONE = sample(5, size=(32, 32))


def own(given: Sample) -> torch.Tensor:
    """The empty prompt of an edit: longer, and of this edit alone."""
    return torch.full((4, WIDTH), float(int(given.id, 16)))


def keep(folder: Path, samples: list[Sample]) -> FolderSource:
    kept = []
    for given in samples:
        path = folder / f"{given.id}.safetensors"
        write_sample(path, given, NOTHING if given.task == "t2i" else own(given))
        sizes = [(8 * mean.shape[2], 8 * mean.shape[1]) for mean, _ in (given.target, *given.sources)]
        kept.append(Kept(path, given.id, tuple(sizes)))
    return FolderSource(kept)


def mixture(source: FolderSource, rows: int) -> Mixture:
    return Mixture(source, Curriculum(CurriculumConfig()), 3, rows, 1)


def test_a_folder_lists_its_examples_and_gives_each_by_its_id(tmp_path: Path) -> None:
    source = keep(tmp_path, [*PLAIN, *EDITS])
    assert isinstance(source, SampleSource)
    assert source.entries()[0] == Entry(PLAIN[0].id, "t2i", (64, 32))
    assert source.entries()[4] == Entry(EDITS[1].id, "ti2i", (64, 32), empty=True)
    found = source.sample(EDITS[1].id)
    assert (found.id, found.caption) == (EDITS[1].id, "card 9")
    assert torch.equal(found.sources[1][0], EDITS[1].sources[1][0])
    with pytest.raises(RequestError, match=r"no sample has the id nobody; the folder holds 5"):
        source.sample("nobody")


def test_a_dropped_caption_of_an_edit_is_the_empty_prompt_with_the_same_pictures(tmp_path: Path) -> None:
    source = keep(tmp_path, [*PLAIN, *EDITS])
    rows = [source.sample(given.id) for given in (PLAIN[0], *EDITS)]
    whole, dropping = (
        Maker(MixConfig(share, share), STATISTICS, source.empty(), ScheduleConfig()) for share in (0.0, 1.0)
    )
    dropping.check(source.entries())
    dropped, told = dropping.batch(rows, generators(3)), whole.batch(rows, generators(3))
    assert dropped.mask is not None
    assert dropped.mask.sum(1).tolist() == [2, 4, 4]
    assert torch.equal(dropped.states[0, :2], NOTHING)
    assert torch.equal(dropped.states[1:], torch.stack([own(given) for given in EDITS]))
    assert dropped.shapes == told.shapes
    assert dropped.condition is not None
    assert told.condition is not None
    assert torch.equal(dropped.condition, told.condition)


def test_an_edit_holds_its_own_empty_prompt_and_text_alone_shares_one(tmp_path: Path) -> None:
    source = keep(tmp_path, EDITS)
    empty = source.empty()
    assert empty.text is None
    assert not any(empty.lack(entry) for entry in source.entries())
    assert torch.equal(empty.of(source.sample(EDITS[0].id)), own(EDITS[0]))
    assert keep(tmp_path, PLAIN).sample(PLAIN[0].id).empty is None
    (tmp_path / f"{EDITS[1].id}.safetensors").unlink()
    with pytest.raises(RequestError, match="damaged"):
        source.sample(EDITS[1].id)


def test_sizes_of_fewer_pictures_than_a_batch_fill_it_and_all_come(tmp_path: Path) -> None:
    mix = mixture(keep(tmp_path, [*PLAIN, ALONE, *EDITS]), rows=4)
    batches = [mix.ids(step, 0) for step in range(20)]
    assert all(len(ids) == 4 for ids in batches)
    assert {key for ids in batches for key in ids} == {given.id for given in (*PLAIN, ALONE, *EDITS)}
    assert [ALONE.id] * 4 in batches
    assert any({len(mix.source.sample(key).sources) for key in ids} >= {0, 1} for ids in batches)


def test_one_picture_is_a_data_set(tmp_path: Path) -> None:
    source = keep(tmp_path, [ALONE])
    mix = mixture(source, rows=3)
    made = Maker(MixConfig(), STATISTICS, source.empty(), ScheduleConfig()).batch(mix.samples(7, 0), generators(3))
    assert made.ids == (ALONE.id,) * 3
    assert not torch.equal(made.latents[0], made.latents[1])
