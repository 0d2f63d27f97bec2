"""What drawn sources write, and with which fonts: what a recipe says of both (report section 3.4).

It does not know how a text is set, nor in which picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanmo.data.synthesize.coverage import FontFace, faces, file_faces
from hanmo.data.synthesize.fonts import FACES, font_path
from hanmo.data.synthesize.passages import Passage, builtin, from_sentences
from hanmo.errors import ConfigError, RequestError

SCRIPTS = ("en", "zh")


@dataclass(frozen=True)
class DrawnTexts:
    """What sources of drawn texts have in common.

    Args:
        count: how many, those that could not be drawn included.
        seed: another seed, other pictures.
        name: what records call the set.
        licence: of the pictures.
        chinese: the share of Chinese texts, 0 to 1.
        fonts: folders of fonts; none takes those of the cards.
        texts: for each script ("en", "zh") a file of UTF-8 with a sentence a line; scripts without one take the
            passages that the package brings.

    Raises:
        ConfigError: a share outside 0 to 1, or texts of another script.
    """

    count: int
    seed: int
    name: str = "texts"
    licence: str = "unknown"
    chinese: float = 0.5
    fonts: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See the class."""
        check_scripts(self.chinese, self.texts, self.name)

    def passages(self) -> dict[str, tuple[Passage, ...]]:
        """Of both scripts.

        Raises:
            RequestError: a file cannot be read.
        """
        return {script: passages_of(self.texts, script) for script in SCRIPTS}


def check_scripts(chinese: float, given: Iterable[str], what: str) -> None:
    """Refuse what no drawn set can be.

    Args:
        chinese: the share of Chinese pictures.
        given: the scripts of files of the user's.
        what: the pictures, for the message.

    Raises:
        ConfigError: a share outside 0 to 1, or another script.
    """
    if not 0.0 <= chinese <= 1.0:
        raise ConfigError(f"the share of Chinese {what} is {chinese}; it must lie between 0 and 1")
    for script in given:
        if script not in SCRIPTS:
            raise ConfigError(f"texts of {script!r} cannot be set; allowed are {', '.join(SCRIPTS)}")


def card_faces() -> tuple[FontFace, ...]:
    """Every face in the files of the cards' fonts.

    Raises:
        RequestError: a font is not installed.
    """
    files = sorted({font_path(script, font) for script, font in FACES})
    return tuple(face for file in files for face in file_faces(file))


def all_faces(folders: Sequence[Path]) -> tuple[FontFace, ...]:
    """Every face in some folders; without any, in those where the cards' fonts lie: whole families, bold and regular.

    Raises:
        RequestError: a font or a folder is not there.
    """
    known = folders or sorted({font_path(script, font).parent for script, font in FACES})
    return tuple(face for folder in known for face in faces(folder))


def passages_of(texts: Mapping[str, Path], script: str) -> tuple[Passage, ...]:
    """The user's sentences of a script; where there is no file of it, the passages that the package brings.

    Args:
        texts: script -> a file of UTF-8, a sentence a line.
        script: one of `SCRIPTS`.

    Raises:
        RequestError: the file cannot be read.
    """
    path = texts.get(script)
    if path is None:
        return builtin(script)
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} cannot be read ({error}): give a file of UTF-8, a sentence a line") from None
    return from_sentences([line for line in lines if line.strip()], script)
