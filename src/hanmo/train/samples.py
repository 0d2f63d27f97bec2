"""Where training samples come from, as the training side sees it (report section 4.1.1, the consumer).

A source lists what it has, one `Entry` for each sample, and gives a sample by its id; a store, a link to a
producer, or a list in memory can be one. What is drawn is decided from the entries alone, so nothing is loaded
that another process of the run will train on.

Dropped captions need other hidden states: those of the prompt " ". From text alone they are the same for every
picture (`EmptyPrompts.text`); in an edit they also hold what the encoder saw in the sources, so each sample has its
own beside it (`Sample.empty`), where the producer was asked for it.

It does not know how batches are drawn or made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, get_args, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from hanmo.errors import RequestError
from hanmo.producer.sample import Sample, Task

TASKS: tuple[Task, ...] = get_args(Task)
WAYS = ("let the producer write it (encode.empty_edits = true, another store)", "let the encoder say it")
"""How an edit, and how a text, comes to its empty prompt."""


@dataclass(frozen=True)
class Entry:
    """What is known of a sample before it is loaded.

    Attributes:
        id: the sample's.
        task: the sample's.
        size: of the target, pixels, width and height: its bucket.
        source: name of the data source.
        tags: what else a curriculum may ask for ("text", "refined", "synthetic"): the producer's words.
        empty: whether its empty prompt lies beside it.
    """

    id: str
    task: Task
    size: tuple[int, int]
    source: str = ""
    tags: frozenset[str] = frozenset()
    empty: bool = False


@runtime_checkable
class SampleSource(Protocol):
    """Anything that samples can be taken from, by any thread."""

    def entries(self) -> Sequence[Entry]:
        """Everything that can be taken now; the order does not matter."""

    def sample(self, key: str) -> Sample:
        """The sample of an entry's id."""


def held_out(key: str, share: float) -> bool:
    """Whether a sample is kept from training for validation: a function of its id, so always the same ones.

    Args:
        key: the sample's id. Other samples of the same picture have other ids, and are decided on their own.
        share: of all samples, 0 to 1.
    """
    return int(key[:8], 16) < share * 2**32


@dataclass(frozen=True)
class Listed:
    """Samples in memory, and further tags of some of them by id."""

    samples: Sequence[Sample]
    tags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    _by_id: dict[str, Sample] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find samples by their ids."""
        self._by_id.update((each.id, each) for each in self.samples)

    def entries(self) -> Sequence[Entry]:
        """One for each sample."""
        return [
            Entry(
                each.id,
                each.task,
                each.size,
                each.source,
                each.tags | self.tags.get(each.id, frozenset()),
                each.empty is not None,
            )
            for each in self._by_id.values()
        ]

    def sample(self, key: str) -> Sample:
        """The sample of this id.

        Raises:
            RequestError: there is none.
        """
        if key not in self._by_id:
            raise RequestError(f"no sample has the id {key}; the list holds {len(self._by_id)}")
        return self._by_id[key]


@dataclass(frozen=True)
class EmptyPrompts:
    """Hidden states of dropped captions; those of edits and reconstructions lie beside each sample.

    Attributes:
        text: of text-to-image; None without any.
    """

    text: Float[Tensor, "T D"] | None = None

    def of(self, sample: Sample) -> Float[Tensor, "T D"]:
        """What replaces a sample's hidden states.

        Raises:
            RequestError: the producer has not encoded the empty prompt for it.
        """
        found = self.text if sample.task == "t2i" else sample.empty
        if found is None:
            key = "mix.dropout" if sample.task == "t2i" else "mix.edit_dropout"
            raise RequestError(
                f"the caption of sample {sample.id} ({sample.task}) is to be dropped, but no empty prompt was encoded "
                f"for it: {WAYS[sample.task == 't2i']}, or set {key} = 0"
            )
        return found

    def lack(self, entry: Entry) -> bool:
        """Whether there is nothing for a sample."""
        return self.text is None if entry.task == "t2i" else not entry.empty
