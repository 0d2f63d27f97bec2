"""Cards as a source: pictures that are drawn while they are read (report section 3.4, pure rendering).

Card number i of a seed depends on nothing but both, so that two readings agree, and a larger set begins with the
smaller one. Two cards may come out alike: `collect` keeps the first. It does not know how a card is drawn.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from PIL import Image

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.record import Record, make_record
from hanmo.data.synthesize.captions import caption
from hanmo.data.synthesize.card_pairs import in_its_language
from hanmo.data.synthesize.cards import draw
from hanmo.data.synthesize.sample import CardConfig, sample_card


@dataclass(frozen=True)
class CardSource:
    """Cards of the training split, each with one caption; a `Source`.

    Args:
        count: how many.
        seed: another seed, other cards.
        name: what records call the set.
        licence: of the pictures.
        config: which cards.
    """

    count: int
    seed: int
    name: str = "cards"
    licence: str = "unknown"
    config: CardConfig = field(default_factory=CardConfig)

    def __iter__(self) -> Iterator[Record]:
        """See `Source`; a font that is not installed raises at the first card."""
        for number in range(self.count):
            rng = random.Random(f"cards {self.seed} {number}")
            card = sample_card(rng, self.config)
            known = in_its_language(caption(card, rng))
            where = {"where": f"{self.name}#{number}", SYNTHESIS: "cards", "card": asdict(card)}
            yield make_record(png(draw(card)), (known,), self.name, self.licence, where)


def png(picture: Image.Image) -> bytes:
    """The file of a picture that was drawn: the same pixels, the same bytes."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
