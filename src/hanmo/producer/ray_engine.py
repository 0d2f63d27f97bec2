"""Producers as Ray workers, on the cheap machines of a cluster (report section 4.1.1: "Ray-inspired"; engine = "ray").

Each of them runs `worker.run_worker`, the same function as a producer that is started by hand: it loads the networks,
claims shards from the link over HTTP and puts samples. Ray only decides where they stand and starts them again when a
node is lost; what was lost with it comes again over the link. Needs the extra `ray`. The link's address, the checkpoint
and the shards must mean the same on every node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hanmo.errors import ConfigError, RequestError
from hanmo.producer.worker import WorkerConfig, run_worker


@dataclass(frozen=True)
class RayProducers:
    """Where producers stand.

    Args:
        actors: how many.
        cpus: that each holds.
        gpus: that each holds, such as 0.25 for four on one.
        address: of a cluster; "auto" for the one that this machine belongs to; "" uses what the process is connected
            to, else starts one here.

    Raises:
        ConfigError: no actor.
    """

    actors: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    address: str = ""

    def __post_init__(self) -> None:
        """See the class."""
        if self.actors < 1:
            raise ConfigError(f"{self.actors} actors are no producers: give 1 or more")


@contextmanager
def on_ray(worker: WorkerConfig, producers: RayProducers | None = None) -> Iterator[Callable[[], list[Counter[str]]]]:
    """Producers on a cluster while the block runs; what it gives waits until they have nothing to do.

    Raises:
        RequestError: Ray is not installed.
        HanmoError: from what it gives: see `run_worker`.
    """
    producers = producers or RayProducers()
    ray = _import()
    ours = not ray.is_initialized()
    if ours:
        ray.init(address=producers.address or None, log_to_driver=False)
    task = ray.remote(num_cpus=producers.cpus, num_gpus=producers.gpus, max_retries=-1)(run_worker)
    running = [task.remote(worker) for _ in range(producers.actors)]
    try:
        yield lambda: list(ray.get(running))
    finally:
        for one in running:
            ray.cancel(one, force=True)
        if ours:
            ray.shutdown()


def _import() -> Any:
    try:
        import ray
    except ImportError:
        raise RequestError("Ray is not installed: pip install 'hanmo[ray]', or leave the engine out") from None
    return ray
