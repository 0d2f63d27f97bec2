"""Scenes as a source: texts on things, drawn while they are read (report section 3.4, compositional rendering).

Scene number i of a seed depends on nothing but both, the texts and the fonts. A scene whose text cannot be read, has no
room or lacks a glyph is a reject: it counts as one of the set. It does not know how a scene is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.filters.stage7_taxonomy import SYNTHESIS
from hanmo.data.record import Record, make_record
from hanmo.data.rejects import Reject
from hanmo.data.sources.cards import png
from hanmo.data.sources.lettering import SCRIPTS, all_faces, check_scripts, passages_of
from hanmo.data.sources.paragraphs import both, undrawn
from hanmo.data.synthesize.scenes.scene import Scene, sample_scene
from hanmo.data.synthesize.scenes.style import SceneConfig


@dataclass(frozen=True)
class SceneSource:
    """Scenes, each with a caption in English and one in Chinese, of which the text's own comes first; a `Source`.

    Args:
        count: how many, those that could not be drawn included.
        seed: another seed, other scenes.
        name: what records call the set.
        licence: of the pictures.
        chinese: the share of Chinese texts, 0 to 1.
        fonts: folders of fonts; none takes those where the cards' fonts lie.
        texts: for each script ("en", "zh") a file of UTF-8 with a sentence a line; scripts without one take the
            passages that the package brings.
        config: what they look like.

    Raises:
        ConfigError: a share outside 0 to 1, or texts of another script.
    """

    count: int
    seed: int
    name: str = "scenes"
    licence: str = "unknown"
    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)
    config: SceneConfig = field(default_factory=SceneConfig)

    def __post_init__(self) -> None:
        """See the class."""
        check_scripts(self.chinese, self.texts, "scenes")

    def __iter__(self) -> Iterator[Record | Reject]:
        """See `Source`; a font or a text that is missing raises before the first scene."""
        known = all_faces(self.fonts)
        passages = {script: passages_of(self.texts, script) for script in SCRIPTS}
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
