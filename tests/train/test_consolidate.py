from __future__ import annotations

import os
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from tiny import save_checkpoint
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from hanmo.errors import OutputError, TrainingError, WeightsError
from hanmo.model.mmdit import MMDiT
from hanmo.train.checkpoint import Parts
from hanmo.train.consolidate import consolidate, load_plain
from hanmo.train.distributed_checkpoint import ShardedSnapshots
from hanmo.train.optim import EMA
from hanmo.train.snapshots import Notes
from hanmo.weights.folder import load_encoder, load_schedule, load_transformer, load_vae, open_folder
from hanmo.weights.preferences import Preferences
from hanmo.weights.save import save_folder


def _modules(base: Path) -> dict[str, nn.Module]:
    transformer, encoder = load_transformer(base, dtype="float32"), load_encoder(base, dtype="float32").model
    for module in (transformer, encoder):
        for parameter in module.parameters():
            parameter.data = parameter.data.clone()
    return {"transformer": transformer, "encoder": encoder, "head": nn.Linear(2, 2)}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "checkpoint"
    save_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def snapshot(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run whose vision tower was frozen, with averages that differ from the weights; no group is left."""
    folder = tmp_path_factory.mktemp("run")
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=(folder / "meeting").as_uri(), rank=0, world_size=1)
    try:
        modules = _modules(base)
        modules["encoder"].get_submodule("visual").requires_grad_(False)
        mesh = init_device_mesh("cpu", (1,))
        for module in modules.values():
            fully_shard(module, mesh=mesh)
        ema = EMA(modules, 0.5)
        with torch.no_grad():
            for module in modules.values():
                for parameter in module.parameters():
                    parameter.add_(0.25 if parameter.requires_grad else 7.0)
        ema.update(0)
        snapshots = ShardedSnapshots(folder, Parts(modules, [], ema), 1, 2)
        snapshots.save(4, Notes())
        snapshots.finish()
    finally:
        dist.destroy_process_group()
    return folder / "step-000000004"


@pytest.mark.parametrize("averaged", [True, False])
def test_a_snapshot_becomes_the_folder_that_an_export_writes(
    base: Path, snapshot: Path, averaged: bool, tmp_path: Path
) -> None:
    assert not dist.is_initialized()
    made = consolidate(snapshot, base, tmp_path / "made", "bfloat16", averaged, shard_bytes=60_000)
    assert len(list((made / "transformer").glob("*.safetensors"))) > 1
    modules = _modules(base)
    load_plain(snapshot, modules, averaged)
    encoder = load_encoder(base, dtype="float32")
    encoder.model.load_state_dict(modules["encoder"].state_dict())
    known = save_folder(
        tmp_path / "known",
        modules["transformer"],  # type: ignore[arg-type]
        load_vae(base),
        encoder,
        load_schedule(base),
        "bfloat16",
    )
    for component in ("transformer", "text_encoder"):
        one, two = open_folder(made).tensors(component), open_folder(known).tensors(component)
        assert {name for name in one if name != "lm_head.weight"} == set(two)
        files = {entry.file for entry in [*one.values(), *two.values()]}
        tensors = {file: load_file(file) for file in files}
        for name, entry in two.items():
            assert torch.equal(tensors[one[name].file][name], tensors[entry.file][name]), name
    first = next(iter(load_transformer(made).parameters()))
    live = next(iter(_modules(base)["transformer"].parameters()))
    moved = float((first.detach().float() - live.detach()).abs().mean())
    assert 0.1 < moved < 0.24 if averaged else moved == pytest.approx(0.25, abs=0.01)
    vision = next(iter(load_encoder(made).model.get_submodule("visual").parameters()))
    assert torch.equal(
        vision, next(iter(load_encoder(base, dtype="bfloat16").model.get_submodule("visual").parameters()))
    ), "what was frozen is the base's"
    for path in base.rglob("*"):
        if path.is_file() and ".safetensors" not in path.name:
            assert (made / path.relative_to(base)).read_bytes() == path.read_bytes()


def test_memory_holds_one_file_of_the_result_and_never_a_model(
    base: Path, snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = torch.empty
    live, peak = 0, 0

    def gone(size: int) -> None:
        nonlocal live
        live -= size

    def empty(*shape: object, **options: object) -> torch.Tensor:
        nonlocal live, peak
        tensor: torch.Tensor = make(*shape, **options)  # type: ignore[call-overload]
        live += tensor.nbytes
        peak = max(peak, live)
        weakref.finalize(tensor, gone, tensor.nbytes)
        return tensor

    monkeypatch.setattr(torch, "empty", empty)
    folder = consolidate(snapshot, base, tmp_path / "made", None, shard_bytes=150_000)
    files = [
        file.stat().st_size for part in ("transformer", "text_encoder") for file in (folder / part).glob("*.safe*")
    ]
    assert 50_000 < peak <= max(files)
    assert sum(files) > 4 * peak


def test_what_does_not_fit_is_said_before_anything_is_written(base: Path, snapshot: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no whole snapshot"):
        consolidate(snapshot.parent, base, tmp_path / "made")
    with pytest.raises(OutputError, match="is what the run began with"):
        consolidate(snapshot, base, base)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(OutputError, match="is no checkpoint"):
        consolidate(snapshot, base, tmp_path / "mine")
    other = tmp_path / "other"
    save_checkpoint(other, preferences=Preferences((128, 64), 8192, 8192, 8192, 4, 1.0, 256))
    transformer = load_transformer(base)
    transformer.img_in = nn.Linear(2, 2)  # type: ignore[assignment]
    with pytest.raises(WeightsError, match=r"transformer\.img_in\.weight is .* the model to fill has \[2, 2\]"):
        load_plain(snapshot, {"transformer": transformer})
    assert not (tmp_path / "made").exists()


def test_a_student_of_fewer_blocks_is_not_filled_up_with_its_teachers(base: Path, snapshot: Path) -> None:
    config = load_transformer(base).config
    deeper = MMDiT(replace(config, num_layers=config.num_layers + 1))
    with pytest.raises(WeightsError, match=r"has 2 of the 3 blocks .* take what its run exports"):
        load_plain(snapshot, {"transformer": deeper})
