"""`python -m hanmo.producer.worker http://HOST:PORT --checkpoint FOLDER`: one producer for a link on any machine.

It takes its configuration from the link and its networks from a folder of its own, whose hashes must be the link's.
More of them may be started, killed and replaced at any time (report section 4.1.1). A token, where the link wants one,
is taken from the environment (HANMO_LINK_TOKEN), so that no list of processes shows it. Shards are opened by the paths
that the link gives: all machines must see them under the same names.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch

from hanmo.errors import HanmoError
from hanmo.log import configure, get_logger
from hanmo.producer.client import ClientConfig, HttpLink
from hanmo.producer.encode import Networks, networks_of
from hanmo.producer.produce import RunConfig, work
from hanmo.producer.server import VARIABLE
from hanmo.weights.folder import load_encoder, load_vae, open_folder

_log = get_logger(__name__)


@dataclass(frozen=True)
class WorkerConfig:
    """One producer.

    Args:
        address: of the link.
        checkpoint: folder with the condition encoder and the autoencoder.
        device: where they compute.
        precision: of their weights; float32 is what `hanmo train` takes, "auto" keeps the files'.
        run: sizes of batches.
        client: patience with the link.
    """

    address: str
    checkpoint: Path
    device: str = "cpu"
    precision: str = "float32"
    run: RunConfig = field(default_factory=RunConfig)
    client: ClientConfig = field(default_factory=ClientConfig)


def load_networks(checkpoint: Path, device: str = "cpu", precision: str = "auto") -> Networks:
    """The frozen networks of a checkpoint folder.

    Raises:
        WeightsError: see `hanmo.weights.folder`.
    """
    folder = open_folder(checkpoint)
    dtype = None if precision == "auto" else precision
    vae, encoder = load_vae(folder, device, dtype), load_encoder(folder, device, dtype)
    return networks_of(encoder, vae, folder.preferences)


def run_worker(config: WorkerConfig) -> Counter[str]:
    """Work for a link until there is nothing to do.

    Raises:
        HanmoError: see `produce.work` and `HttpLink`.
    """
    networks = load_networks(config.checkpoint, config.device, config.precision)
    with HttpLink(config.address, config.client) as link:
        return work(link, networks, config.run)


def main(arguments: list[str] | None = None) -> int:
    """Work; 0, or the error's code after one line that says what was wrong."""
    parser = argparse.ArgumentParser(prog="hanmo.producer.worker", description=__doc__)
    parser.add_argument("address", help="of the link, such as http://10.0.0.5:8123")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="float32",
        help="of the networks (default: float32, as hanmo train has them); another one makes other samples",
    )
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patience", type=float, default=300.0, help="seconds to wait for a link that is away")
    parser.add_argument("--threads", type=int, help="of torch")
    given = parser.parse_args(arguments)
    configure()
    if given.threads:
        torch.set_num_threads(given.threads)
    client = ClientConfig(patience=given.patience, token=os.environ.get(VARIABLE, ""))
    try:
        run = RunConfig(batch=given.batch)
        counts = run_worker(WorkerConfig(given.address, given.checkpoint, given.device, given.precision, run, client))
    except HanmoError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    _log.info("done: %s", ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
