"""What a picture is to the mixture: general, portrait, or text rendering (report section 3.2, stage 6).

The report rebalances these three. What decides is known before: the share of the largest face (`faces`), the share of
the picture that is text (`intensive_text` of stage 4), and, where one of the two was not looked for, what the captions
say in English or Chinese. Text comes first: a poster with a face on it teaches letters. The bounds below define the
categories; they are no thresholds of quality, and nothing is dropped by them.

Captions of portraits are judged apart: six things one says of a person, of which a good caption says several. Words
are compared as words in English and as parts of a text in Chinese; "a man-made lake" is no man.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from hanmo.data.record import Record
from hanmo.errors import ConfigError

Category = Literal["general", "portrait", "text"]


@dataclass(frozen=True)
class CategoryConfig:
    """What makes a picture a portrait or a text.

    Args:
        face_score: the record's score that holds the largest face's share of the picture.
        face_share: share from which it is a portrait: 0.03 is a face of a sixth of a square picture's side.
        text_score: the record's score that holds the share of the picture that is text.
        text_share: share from which it is a text.

    Raises:
        ConfigError: a share outside 0 to 1.
    """

    face_score: str = "faces.largest"
    face_share: float = 0.03
    text_score: str = "intensive_text.area"
    text_share: float = 0.1

    def __post_init__(self) -> None:
        """See the class."""
        for name in ("face_share", "text_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be a share, more than 0 and up to 1")


@dataclass(frozen=True)
class Known:
    """A category and by what it is known: "face", "text", "caption", or "nothing" for the general rest."""

    category: Category
    by: str


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split("|"))


PORTRAIT_WORDS = _words(
    "portrait|headshot|selfie|mugshot|close-up of a man|close-up of a woman|close-up of a face",
    "肖像|人像|自拍|证件照|半身照|特写照|大头照",
)
TEXT_WORDS = _words(
    "that reads|which reads|the text|the words|lettering|typography|inscription|signboard|handwritten note",
    "写着|字样|文字|标语|书法|题字",
)

PERSON_ASPECTS: Mapping[str, tuple[str, ...]] = {
    "who": _words(
        "man|men|woman|women|boy|girl|person|people|lady|gentleman|child|children|baby|bride|groom|couple|teenager",
        "dancer|soldier|nurse|doctor|player|worker|model|astronaut|singer|farmer|chef",
        "男人|女人|男子|女子|男孩|女孩|孩子|老人|婴儿|男士|女士|少女|少年|人物|姑娘|青年|医生|护士|新娘|宇航员",
    ),
    "age": _words(
        "young|old|elderly|middle-aged|teenage|teenager|adult|toddler|baby|child|in his|in her|aged|year-old",
        "年轻|年老|年迈|中年|老年|青年|少年|少女|幼|岁|老人|孩",
    ),
    "hair": _words(
        "hair|haired|bald|beard|bearded|ponytail|braid|bangs|curls|blond|blonde|brunette|moustache|mustache",
        "头发|长发|短发|黑发|金发|白发|银发|卷发|秃|胡须|胡子|马尾|辫|刘海",
    ),
    "clothes": _words(
        "wearing|wears|dressed|shirt|dress|suit|jacket|coat|hat|scarf|sweater|glasses|uniform|jeans|tie|skirt",
        "hoodie|helmet|cap|gown|necklace|earring|spacesuit",
        "穿着|身穿|身着|戴着|衬衫|裙|西装|外套|帽|围巾|毛衣|眼镜|衣|制服|项链",
    ),
    "expression": _words(
        "smile|smiling|laughing|frown|frowning|expression|gaze|gazing|looking|looks|crying|serious|calm|cheerful|grin",
        "笑|表情|神情|目光|眼神|凝视|注视|严肃|皱眉|哭",
    ),
    "pose": _words(
        "standing|stands|sitting|sits|seated|walking|running|leaning|holding|holds|kneeling|lying|facing|pose|posing",
        "close-up|half-length|full-length|arms",
        "站|坐|走|跑|靠|手持|拿着|抱|跪|躺|侧身|面对|姿势|半身|全身|特写",
    ),
}


def category_of(record: Record, config: CategoryConfig | None = None) -> Known:
    """The category of a record by what stands in its scores and captions."""
    config = config or CategoryConfig()
    captions = [caption.text for caption in record.captions]
    face, text = record.scores.get(config.face_score), record.scores.get(config.text_score)
    if text is not None and text >= config.text_share:
        return Known("text", "text")
    if face is not None and face >= config.face_share:
        return Known("portrait", "face")
    # A caption is believed only where nobody has looked: "a portrait of a dog" has no face.
    if text is None and mentioned(captions, TEXT_WORDS):
        return Known("text", "caption")
    if face is None and mentioned(captions, PORTRAIT_WORDS):
        return Known("portrait", "caption")
    return Known("general", "nothing")


def describes_person(caption: str) -> float:
    """How much a caption says of a person, 0 to 1: the share of six aspects; 0 where it mentions nobody.

    The aspects are who, age, hair, clothes, expression and pose.
    """
    said = [name for name, words in PERSON_ASPECTS.items() if mentioned([caption], words)]
    return len(said) / len(PERSON_ASPECTS) if "who" in said else 0.0


def mentioned(texts: Iterable[str], words: Sequence[str]) -> tuple[str, ...]:
    """Those of `words` that stand in one of `texts`, in the order of `words`.

    English words and phrases match whole words in any case, and their plurals; others match anywhere.
    """
    texts = [text.casefold() for text in texts]
    return tuple(word for word in words if any(_pattern(word).search(text) for text in texts))


@cache
def _pattern(word: str) -> re.Pattern[str]:
    plain = re.escape(word.casefold())
    return re.compile(rf"(?<!\w){plain}(?:e?s)?(?![\w-])" if word.isascii() else plain)
