"""A user's encoded examples as a source of samples, with the empty prompt of each (report section 4.1.1, the consumer).

`encode_folder` keeps, beside every sample, the states of the empty prompt with the same pictures: what a dropped
caption of an edit becomes is that edit's own. Files are read when they are asked for. It does not know how examples
are encoded or drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hanmo.errors import RequestError
from hanmo.producer.sample import Sample
from hanmo.train.encode_folder import Kept, read_sample
from hanmo.train.samples import EmptyPrompts, Entry


@dataclass(frozen=True)
class FolderSource:
    """Kept samples; a `samples.SampleSource` that may be asked by several threads.

    Attributes:
        kept: from `encode_folder`; an example that is there twice counts once.
    """

    kept: Sequence[Kept]
    _paths: dict[str, Path] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find files by their ids."""
        self._paths.update((one.id, one.path) for one in self.kept)

    def entries(self) -> Sequence[Entry]:
        """All of them."""
        return [Entry(one.id, one.task, one.sizes[0], empty=one.task != "t2i") for one in self.kept]

    def sample(self, key: str) -> Sample:
        """The sample of this id; an edit's with its empty prompt.

        Raises:
            RequestError: there is none, or its file is gone or damaged.
        """
        if key not in self._paths:
            raise RequestError(f"no sample has the id {key}; the folder holds {len(self._paths)}")
        sample, empty = read_sample(self._paths[key])
        return sample if sample.task == "t2i" else replace(sample, empty=empty)

    def empty(self) -> EmptyPrompts:
        """What dropped captions of text to image become."""
        plain = next((one for one in self.kept if one.task == "t2i"), None)
        return EmptyPrompts(None if plain is None else read_sample(plain.path)[1])
