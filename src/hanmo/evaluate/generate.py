"""The first step of a run: paint what is missing. What is there is never painted again.

Each picture is written whole, under its own name, as soon as it is there; a run that is killed loses the pictures
in work and no other. A picture that the painter refuses leaves a line in its place, and is not asked for again until
that file is removed. This module does not know judges.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from hanmo.errors import OutputError, RequestError
from hanmo.evaluate.at_once import worked
from hanmo.evaluate.benchmark import Benchmark
from hanmo.evaluate.generators.protocol import Generator, Order, Painted, Unpainted
from hanmo.evaluate.run_folder import Planned, picture_path, refusal_path, source_path, write_picture
from hanmo.evaluate.types import Prompt
from hanmo.log import get_logger, progress
from hanmo.weights.files import atomic_file

_log = get_logger(__name__)
HOPELESS = 5
"""Refusals, before any picture, after which a run stops: the fault is not the prompts'."""


@dataclass(frozen=True)
class Generated:
    """How far the pictures are.

    Attributes:
        painted: by this call.
        refused: in the whole run.
        left: still to paint, since the budget ran out.
    """

    painted: int
    refused: int
    left: int


def missing(folder: Path, prompts: Sequence[Planned]) -> list[Order]:
    """The pictures that are neither there nor refused."""
    return [
        Order(planned.prompt, number, seed)
        for planned in prompts
        for number, seed in enumerate(planned.seeds)
        if not picture_path(folder, planned.prompt.id, seed).is_file()
        and not refusal_path(folder, planned.prompt.id, seed).is_file()
    ]


def refusals(folder: Path, prompts: Sequence[Planned]) -> dict[tuple[str, int], str]:
    """Why pictures could not be painted, by prompt id and seed."""
    paths = {(one.prompt.id, seed): refusal_path(folder, one.prompt.id, seed) for one in prompts for seed in one.seeds}
    return {key: path.read_text(encoding="utf-8").strip() for key, path in paths.items() if path.is_file()}


def generate(
    benchmark: Benchmark,
    generator: Generator,
    folder: Path,
    prompts: Sequence[Planned],
    data: Path,
    concurrency: int = 1,
    seconds: float | None = None,
) -> Generated:
    """Paint what is missing.

    Args:
        benchmark: gives the source pictures.
        generator: paints.
        folder: of the run.
        prompts: of the run.
        data: the data folder.
        concurrency: threads, where the generator allows several.
        seconds: budget: no further picture is begun after them; None: no limit.

    Raises:
        RequestError: nothing can be painted.
        OutputError: a picture cannot be written.
    """
    orders = missing(folder, prompts)
    generator.check(orders)
    before = sum(len(planned.seeds) for planned in prompts) - len(orders)
    work = _Work(folder, any(_pictures(folder)))
    end = None if seconds is None else time.monotonic() + seconds
    batches = _batches(orders, max(generator.batch, 1))
    threads = concurrency if generator.concurrent else 1
    with progress(before + len(orders), "paint", initial=before) as bar:
        ready = _ready(benchmark, folder, data, batches, end)
        for (asked, _), pictures in worked(ready, lambda batch: generator.paint(*batch), threads):
            for order, painted in zip(asked, pictures, strict=True):
                work.keep(order, painted)
                bar.update()
    work.finish()
    refused = len(refusals(folder, prompts))
    if refused:
        place = folder / "pictures" / "*.txt"
        _log.warning("%d pictures were refused: %s say why; remove these files to ask again", refused, place)
    return Generated(work.painted, refused, len(missing(folder, prompts)))


def sources_of(benchmark: Benchmark, prompt: Prompt, folder: Path, data: Path) -> list[Image.Image]:
    """The source pictures of a prompt, which are written into the run's folder for the report."""
    if prompt.task == "generate":
        return []
    pictures = benchmark.sources(prompt, data)
    for number, picture in enumerate(pictures):
        path = source_path(folder, prompt.id, number)
        if not path.is_file():
            write_picture(path, picture)
    return pictures


Batch = tuple[list[Order], list[list[Image.Image]]]


def _ready(
    benchmark: Benchmark, folder: Path, data: Path, batches: Iterator[list[Order]], end: float | None
) -> Iterator[Batch]:
    """Orders with their source pictures, until the time is over."""
    for orders in batches:
        if end is not None and time.monotonic() >= end:
            return
        yield orders, [sources_of(benchmark, order.prompt, folder, data) for order in orders]


def _batches(orders: Sequence[Order], size: int) -> Iterator[list[Order]]:
    """Neighbours of one task and size, at most `size` of them."""
    batch: list[Order] = []
    for order in orders:
        same = batch and (order.prompt.task, order.prompt.size) == (batch[0].prompt.task, batch[0].prompt.size)
        if batch and (not same or len(batch) == size):
            yield batch
            batch = []
        batch.append(order)
    if batch:
        yield batch


class _Work:
    """Keeps what comes; refusals only once it is known that other prompts go well."""

    def __init__(self, folder: Path, hopeful: bool) -> None:
        self.painted = 0
        self._folder, self._hopeful = folder, hopeful
        self._held: list[tuple[Order, Unpainted]] = []

    def keep(self, order: Order, painted: Painted) -> None:
        if isinstance(painted, Unpainted):
            self._held.append((order, painted))
            if not self._hopeful and len(self._held) >= HOPELESS:
                self.finish()
        else:
            write_picture(picture_path(self._folder, order.prompt.id, order.seed), painted.convert("RGB"))
            with suppress(FileNotFoundError):
                refusal_path(self._folder, order.prompt.id, order.seed).unlink()
            self.painted += 1
            self._hopeful = True
        if self._hopeful:
            self._write()

    def finish(self) -> None:
        """See whether anything went well.

        Raises:
            RequestError: nothing did.
        """
        if self._held and not self._hopeful:
            raise RequestError(f"no picture could be painted: {self._held[0][1].reason}")

    def _write(self) -> None:
        for order, unpainted in self._held:
            with atomic_file(refusal_path(self._folder, order.prompt.id, order.seed)) as file:
                file.write(unpainted.reason.encode() + b"\n")
        self._held.clear()


def _pictures(folder: Path) -> Iterator[Path]:
    try:
        yield from (folder / "pictures").glob("*.png")
    except OSError as error:
        raise OutputError(f"{folder} cannot be read: {error.strerror}") from None
