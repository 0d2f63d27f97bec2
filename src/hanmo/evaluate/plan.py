"""What a run is going to do: which prompts, which seeds, and the settings that make it this run and no other.

Seeds. Picture number n of a prompt has the seed `start + n`, where start is a hash of the run's seed and the prompt's
id, below 2^31. So no picture depends on the others or on how many prompts are taken, and different prompts do not
share noise, which would tie their errors together behind the bootstrap's back. With `shared_noise` start is the run's
seed for every prompt, as some official scripts have it.

A limited run takes prompts evenly from the groups, and a larger limit takes the same ones and more. Neither `limit`
nor `images` changes a picture, so both may differ when a run goes on. This module paints and judges nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.bootstrap import DRAWS
from hanmo.evaluate.run_folder import Planned, check_id, digest, read_settings, write_json, write_prompts
from hanmo.evaluate.types import Json, Prompt

FIXED = ("benchmark", "prompts_hash", "generator", "seed", "shared_noise")
"""Settings that a picture depends on: a run goes on only where they are equal."""


@dataclass(frozen=True)
class RunOptions:
    """How a run is done.

    Attributes:
        seed: of the run, 0 to 2^31 - 1.
        images: pictures a prompt; None: as the protocol has it.
        limit: how many prompts; None: all.
        shared_noise: give every prompt the same seeds.
        draws: of the bootstrap.
        concurrency: pictures at once, where the generator allows several.
        judging: prompts judged at once, each asking the VLM, which must allow it; the other judges work one by one.
    """

    seed: int = 0
    images: int | None = None
    limit: int | None = None
    shared_noise: bool = False
    draws: int = DRAWS
    concurrency: int = 1
    judging: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 <= self.seed < 1 << 31:
            raise RequestError(f"seed {self.seed} is not allowed: give a whole number from 0 to {(1 << 31) - 1}")
        for name in ("images", "limit", "draws", "concurrency", "judging"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RequestError(f"{name} {value} is not allowed: give 1 or more")


@dataclass(frozen=True)
class Plan:
    """What a run is going to do.

    Attributes:
        settings: what run.json says.
        prompts: what is asked for, with seeds.
    """

    settings: Mapping[str, Json]
    prompts: tuple[Planned, ...]


def plan_run(
    benchmark: Benchmark,
    generator: Mapping[str, Json],
    options: RunOptions,
    data: Path,
    catalog_name: str | None = None,
) -> Plan:
    """Choose prompts and seeds.

    Args:
        benchmark: whose prompts.
        generator: what the generator says of itself.
        options: how.
        data: the data folder.
        catalog_name: how `hanmo eval` finds the benchmark again; None: it is not of the catalog.

    Raises:
        RequestError: the benchmark's data is missing or wrong.
    """
    prompts = benchmark.load(data)
    ids = [prompt.id for prompt in prompts]
    for prompt_id in ids:
        check_id(prompt_id)
    if len(set(ids)) != len(ids):
        raise RequestError(f"{benchmark.name} has two prompts of one id: the data folder {data} holds wrong files")
    images = options.images or benchmark.images
    chosen = tuple(
        Planned(prompt, seeds_of(prompt.id, images, options.seed, options.shared_noise))
        for prompt in sampled(prompts, options.limit)
    )
    settings = {
        "benchmark": benchmark.name,
        "catalog": catalog_name,
        "title": benchmark.title,
        "options": options_of(benchmark),
        "generator": dict(generator),
        "seed": options.seed,
        "shared_noise": options.shared_noise,
        "images": images,
        "limit": options.limit,
        "prompts": len(chosen),
        "prompts_hash": digest([[one.id, one.text, one.task, one.size] for one in prompts]),
        "data_hash": digest(sorted([file.path, file.sha256] for file in benchmark.files)),
    }
    return Plan(settings, chosen)


def seeds_of(prompt_id: str, images: int, seed: int, shared: bool = False) -> tuple[int, ...]:
    """One seed for each picture of a prompt; see the head of this file."""
    found = hashlib.sha256(f"{seed} {prompt_id}".encode()).digest()
    start = seed if shared else int.from_bytes(found[:4], "big") >> 1
    return tuple(start + number for number in range(images))


def sampled(prompts: Sequence[Prompt], limit: int | None) -> list[Prompt]:
    """Some prompts, evenly from the groups, in their order; the choice of a smaller limit is part of a larger's."""
    if limit is None or limit >= len(prompts):
        return list(prompts)
    groups: dict[str, list[int]] = {}
    for row, prompt in enumerate(prompts):
        groups.setdefault(digest(sorted(prompt.groups.items())), []).append(row)
    ranked = [
        (rank, group, row)
        for group, rows in groups.items()
        for rank, row in enumerate(sorted(rows, key=lambda row: digest(prompts[row].id)))
    ]
    return [prompts[row] for row in sorted(row for _, _, row in sorted(ranked)[:limit])]


def options_of(benchmark: Benchmark) -> dict[str, Json]:
    """The fields of a benchmark's class, as JSON has them."""
    if not dataclasses.is_dataclass(benchmark):
        return {}
    return {field.name: _plain(getattr(benchmark, field.name)) for field in dataclasses.fields(benchmark)}


def begin(folder: Path, plan: Plan) -> None:
    """Make the folder of a run, or go on in one of equal settings.

    Raises:
        RequestError: it was begun with other settings, or something else lies there.
        OutputError: it cannot be written.
    """
    if (folder / "run.json").exists():
        _check_same(folder, plan.settings)
    elif folder.is_dir() and any(folder.iterdir()):
        raise RequestError(f"{folder} is not empty and no run: give another folder with --to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "run.json", plan.settings)
        write_prompts(folder, plan.prompts)
        for name in ("pictures", "sources"):
            (folder / name).mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}; give another folder") from None


def _check_same(folder: Path, settings: Mapping[str, Json]) -> None:
    before = read_settings(folder)
    old = dict(_flat({name: before.get(name) for name in FIXED}))
    new = dict(_flat({name: settings[name] for name in FIXED}))
    different = [
        f"{name} {old.get(name)} (now {new.get(name)})" for name in old | new if old.get(name) != new.get(name)
    ]
    if different:
        raise RequestError(
            f"{folder} was begun with {', '.join(different)}: give another folder with --to, or the same settings"
        )


def _flat(data: Json, where: str = "") -> list[tuple[str, Json]]:
    """Leaves of nested mappings by dotted names; tuples and lists, which JSON does not tell apart, are one."""
    if isinstance(data, Mapping):
        return [leaf for name, value in data.items() for leaf in _flat(value, f"{where}.{name}" if where else name)]
    return [(where, list(data) if isinstance(data, tuple) else data)]


def _plain(value: object) -> Json:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case set() | frozenset():
            return sorted(str(each) for each in value)
    return str(value)
