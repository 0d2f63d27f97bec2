"""Scenes as a source: texts on things, drawn while they are read (report section 3.4, compositional rendering).

Scene number i of a seed depends on nothing but both, the texts and the fonts. A scene whose text cannot be read, has no
room or lacks a glyph is a reject: it counts as one of the set. It does not know how a scene is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.record import Record, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.cards import png
from hanmo.data.sources.lettering import DrawnTexts, all_faces
from hanmo.data.sources.paragraphs import both, undrawn
from hanmo.data.synthesize.scenes.scene import Scene, sample_scene
from hanmo.data.synthesize.scenes.style import SceneConfig


@dataclass(frozen=True)
class SceneSource(DrawnTexts):
    """Scenes, each with a caption in English and one in Chinese, of which the text's own comes first; a `Source`.

    Without `fonts` it takes all that lie where the cards' do. See `DrawnTexts` for what else it takes.

    Args:
        config: what they look like.
    """

    name: str = "scenes"
    config: SceneConfig = field(default_factory=SceneConfig)

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font or a text that is missing raises before the first scene."""
        known = all_faces(self.fonts)
        passages = self.passages()
        for number in range(self.count):
            where = f"{self.name}#{number}"
            rng = random.Random(f"scenes {self.seed} {number}")
            script = "zh" if rng.random() < self.chinese else "en"
            found = sample_scene(rng, passages[script], known, self.config)
            yield self._record(found, script, where) if isinstance(found, Scene) else undrawn(where, found)

    def _record(self, drawn: Scene, script: str, where: str) -> Record:
        lines = [
            {"text": line.text, "quad": [[round(x, 1), round(y, 1)] for x, y in line.quad]} for line in drawn.lines
        ]
        metadata = {
            "where": where,
            SYNTHESIS: "scenes",
            "script": script,
            "lines": lines,
            "contrast": round(float(drawn.contrast), 2),
            "hidden": round(float(drawn.hidden), 3),
        }
        captions = both(script, drawn.caption_en, drawn.caption_zh)
        return make_record(png(drawn.picture), captions, self.name, self.licence, metadata)
