"""How long training waits for its producers: the idle share with the bundled networks, on cards.

    python -m benchmarks.bench_producer --cards 512 --batch 16
    python -m benchmarks.bench_producer --cards 512 --batch 16 --filters text_split

The consumer trains the bundled transformer by flow matching (forward, backward, AdamW) on what `prefetch` has ready.
Its samples come from (a) a store that was filled before, (b) producers in threads of this process, which share its
cores, (c) producer processes over HTTP, one row for each number in `--processes`. Cards are drawn, and the set of the
data engine is written, before any clock runs; loading networks counts as the wait for the first batch, which is told
apart. Producers keep up where the idle share is below 5 %. `--filters` names operators of the data engine that
producers ask of each card before they encode it: a reader of text (`text_split`) is slower than training, so they do
not keep up. Run it on a quiet machine. The last line is JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch.nn.utils.rnn import pad_sequence

from benchmarks import machine
from hanmo.data.layout import shards_of, write_success
from hanmo.data.record import Caption, Record, make_record
from hanmo.data.shards import write_shard
from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.cards import draw
from hanmo.data.synthesize.sample import CardConfig, sample_card
from hanmo.flow import interpolate, sample_t, velocity
from hanmo.model.latents import pack
from hanmo.model.mmdit import MMDiT
from hanmo.producer.batches import Batch, Batches, StoreBatches
from hanmo.producer.broker import Broker, BrokerConfig
from hanmo.producer.config import ChooseConfig, EncodeConfig, ProducerConfig
from hanmo.producer.encode import Networks, identity_of
from hanmo.producer.prefetch import Prefetch, Waiting
from hanmo.producer.produce import RunConfig, fill_store, working
from hanmo.producer.server import serving
from hanmo.producer.stream import LinkBatches
from hanmo.producer.worker import load_networks
from hanmo.weights.folder import load_transformer

CHECKPOINT = machine.ROOT / "src" / "hanmo" / "assets" / "hanmo-tiny"
CONFIG = ProducerConfig(EncodeConfig(sizes=((128, 64),)))
TARGET = 0.05


@dataclass(frozen=True)
class Row:
    name: str
    images_per_second: float
    idle: float
    first: float
    batches: int


def write_cards(folder: Path, count: int, per_shard: int, seed: int = 0) -> Path:
    """A finished set of captioned cards."""
    rng, records, config = random.Random(seed), [], CardConfig()
    seen: set[str] = set()
    while len(records) < count:
        card = sample_card(rng, config)
        file = io.BytesIO()
        draw(card).save(file, "PNG")
        said = caption(card, rng)
        record = make_record(file.getvalue(), (Caption(said.text, "synthetic", card.script),), "cards", "CC0-1.0")
        if record.id not in seen:
            seen.add(record.id)
            records.append(record)
    for number, at in enumerate(range(0, count, per_shard)):
        _write(folder / f"{number:05d}", records[at : at + per_shard])
    write_success(folder, {"kept": count})
    return folder


def _write(place: Path, records: Sequence[Record]) -> None:
    place.mkdir(parents=True)
    write_shard(place / f"{place.name}.tar", records)
    write_success(place, {"kept": len(records)})


class Trainer:
    """A training step on stored samples."""

    def __init__(self, networks: Networks, seed: int = 0) -> None:
        self.transformer: MMDiT = load_transformer(CHECKPOINT, dtype="float32").train()
        self.optimizer = torch.optim.AdamW(self.transformer.parameters(), 1e-5)
        self.vae, self.generator = networks.vae, torch.Generator().manual_seed(seed)

    def step(self, batch: Batch) -> None:
        mean, logvar = (torch.stack([sample.target[part] for sample in batch]) for part in range(2))
        z = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=self.generator)
        clean = pack(self.vae.normalise(z))
        noise = torch.randn(clean.shape, generator=self.generator)
        t = sample_t(len(batch), self.generator)
        states = pad_sequence([sample.hidden for sample in batch], batch_first=True)
        lengths = torch.tensor([len(sample.hidden) for sample in batch])
        mask = torch.arange(states.shape[1]) < lengths[:, None]
        shape = (1, mean.shape[2] // 2, mean.shape[3] // 2)
        made = self.transformer(interpolate(clean, noise, t), states, mask, t, (shape,), clean.shape[1])
        (made - velocity(clean, noise)).square().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def train(name: str, batches: Batches, trainer: Trainer, steps: int) -> Row:
    pictures = 0
    with Prefetch(batches, 4) as ready:
        for _ in range(steps):
            batch = next(ready, None)
            if batch is None:
                break
            trainer.step(batch)
            pictures += len(batch)
        end = time.perf_counter()
        waiting: Waiting = ready.waiting
        last = end - (ready._began or end)
    idle = waiting.waited / last if last > 0 else 0.0
    return Row(name, pictures / max(last, 1e-9), idle, waiting.first, waiting.batches)


def measure(
    folder: Path, cards: int, batch: int, processes: Sequence[int], threads: Sequence[int], filters: Sequence[str] = ()
) -> list[Row]:
    config = replace(CONFIG, choose=ChooseConfig(use=tuple(filters)))
    asking = f", asking {' and '.join(filters)}" if filters else ""
    networks = load_networks(CHECKPOINT, precision="float32")
    trainer = Trainer(networks)
    data = write_cards(folder / "set", cards, max(batch, cards // 16))
    identity, steps = identity_of(networks, CONFIG.encode), cards // batch
    run = RunConfig(batch=batch)

    def broker() -> Broker:
        units = [str(shard) for shard in shards_of(data)]
        return Broker(networks.identity, units, BrokerConfig(room=4 * batch), config.to_json())

    fill_store(data, folder / "store", networks, CONFIG, run)
    rows = [train("a store", StoreBatches(folder / "store", batch, 0, identity), trainer, steps)]
    for count in threads:
        link = broker()
        with working(link, networks, count, run):
            rows.append(
                train(f"{count} in this process{asking}", LinkBatches(link, batch, wanted=identity), trainer, steps)
            )
    for count in processes:
        link = broker()
        with ExitStack() as stack:
            address = stack.enter_context(serving(link))
            for process in [_start(address, batch) for _ in range(count)]:
                stack.callback(_end, process)
            rows.append(train(f"{count} over HTTP{asking}", LinkBatches(link, batch, wanted=identity), trainer, steps))
    return rows


def _start(address: str, batch: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hanmo.producer.worker", address, "--checkpoint", str(CHECKPOINT)]
    command += ["--precision", "float32", "--batch", str(batch), "--threads", "1"]
    path = os.pathsep.join(filter(None, [str(machine.ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def table(rows: Sequence[Row]) -> str:
    lines = ["| samples from | images/s | idle | keeps up | first batch, s |", "|---|---|---|---|---|"]
    for row in rows:
        keeps = "yes" if row.idle < TARGET else "no"
        lines.append(f"| {row.name} | {row.images_per_second:.1f} | {row.idle:.1%} | {keeps} | {row.first:.1f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=512)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, nargs="*", default=[1], help="producers in this process, a row each")
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2], help="producers over HTTP, a row each")
    parser.add_argument("--filters", nargs="*", default=[], help="operators that producers ask (default: none)")
    given = parser.parse_args()
    head = machine.describe()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), given.cards, given.batch, given.processes, given.threads, given.filters)
    print(table(rows))
    print(json.dumps({"machine": head, "rows": [asdict(row) for row in rows]}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
