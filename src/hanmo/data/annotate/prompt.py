"""What a model is asked about a picture (report section 3.3), in our own words.

The report prints no prompt that could be used as it is; what it asks for is here: one pass, five fields, text in
the picture quoted verbatim and never translated. The instruction is in English, whatever the caption's language:
every model that sees pictures follows that. It knows no model and no picture.
"""

from __future__ import annotations

from hashlib import sha256

from hanmo.data.annotate.schema import ABNORMAL, CAPTION, STYLE, TYPE, WATERMARKS
from hanmo.pipeline.instructions import Language

_LANGUAGES = {"en": "English", "zh": "Simplified Chinese"}

_INSTRUCTION = """\
Look at the picture and answer with one JSON object, and with nothing before or after it. It has these five fields:

"{CAPTION}": a string in {language} that would let somebody who has never seen the picture paint it again. Name what is
in it, how many of each, their colours, shapes, materials and actions, where each stands relative to the others, the
background, the light and the viewpoint. Say only what can be seen: no guesses about names, places, dates or
feelings. If there is text in the picture, give all of it that can be read, each piece between double quotation
marks, and say where it stands and how it looks. Copy it letter for letter, in its own language and script, with its
capitals, digits and mistakes: never translate it, never correct it, never spell it in other letters, never
shorten it. Use quotation marks for nothing else. If there is no text, do not mention text.
"{TYPE}": a string of a few words: the kind of picture, such as photograph, illustration, poster, slide, screenshot,
chart, scanned page.
"{STYLE}": a string of a few words: how it is made, such as realistic, watercolour, flat vector art, 3D rendering.
"{WATERMARKS}": a list with one string for each watermark or logo that was laid over the picture, saying what it reads
or shows; an empty list if there is none.
"{ABNORMAL}": "yes" if something is there that does not belong to the scene, such as a QR code, a bar code, a black
frame, a blurred or masked part, or a broken rendering; else "no".

Inside strings write \\" for a double quotation mark."""


def instruction(language: Language) -> str:
    """The words that go with a picture.

    Args:
        language: of the caption.
    """
    return _INSTRUCTION.format(
        CAPTION=CAPTION,
        TYPE=TYPE,
        STYLE=STYLE,
        WATERMARKS=WATERMARKS,
        ABNORMAL=ABNORMAL,
        language=_LANGUAGES[language],
    )


def objection(reason: str) -> str:
    """What is said after an answer that cannot be used.

    Args:
        reason: its fault.
    """
    return f"That cannot be used: {reason}. Look again and answer with the whole JSON object, corrected, and no more."


def fingerprint(language: Language) -> str:
    """Twelve hexadecimal digits that change whenever the words do; a record of who said what needs them."""
    return sha256((instruction(language) + objection("")).encode()).hexdigest()[:12]
