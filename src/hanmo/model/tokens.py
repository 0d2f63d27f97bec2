"""Prompt templates of the condition encoder (report, section 2.2: multimodal large language model).

The templates are exact: the encoder was trained with them, and the states of the system part are thrown
away by a fixed count of tokens (`DROP`). A picture stands in the text as one `PICTURE`; the encoder repeats
its pad token once per merged patch. This file knows strings only: no tokenizer, no tensors.
"""

from __future__ import annotations

from typing import Final, Literal

from hanmo.errors import RequestError

Kind = Literal["t2i", "edit", "edit_plus"]

START: Final = "<|im_start|>"
END: Final = "<|im_end|>"
PAD: Final = "<|endoftext|>"
VISION_START: Final = "<|vision_start|>"
VISION_END: Final = "<|vision_end|>"
IMAGE_PAD: Final = "<|image_pad|>"
VIDEO_PAD: Final = "<|video_pad|>"
PICTURE: Final = VISION_START + IMAGE_PAD + VISION_END

_T2I_SYSTEM: Final = (
    "Describe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships "
    "of the objects and background:"
)
_EDIT_SYSTEM: Final = (
    "Describe the key features of the input image (color, shape, size, texture, objects, background), then "
    "explain how the user's text instruction should alter or modify the image. Generate a new image that "
    "meets the user's requirements while maintaining consistency with the original input where appropriate."
)


def _chat(system: str, user: str) -> str:
    return f"{START}system\n{system}{END}\n{START}user\n{user}{END}\n{START}assistant\n"


T2I_TEMPLATE: Final = _chat(_T2I_SYSTEM, "{}")
EDIT_TEMPLATE: Final = _chat(_EDIT_SYSTEM, PICTURE + "{}")
EDIT_PLUS_TEMPLATE: Final = _chat(_EDIT_SYSTEM, "{}")

TEMPLATE: Final[dict[Kind, str]] = {
    "t2i": T2I_TEMPLATE,
    "edit": EDIT_TEMPLATE,
    "edit_plus": EDIT_PLUS_TEMPLATE,
}

# Tokens dropped from the front of the templated text. The checkpoint's tokenizer must split the system part
# into exactly so many (`ConditionEncoder` checks it).
DROP: Final[dict[Kind, int]] = {"t2i": 34, "edit": 64, "edit_plus": 64}

# Published limit of the text-to-image tokenizer, template not counted.
MAX_TOKENS: Final = 1024


def system_part(kind: Kind) -> str:
    """The constant text before the user's part: what `DROP[kind]` tokens must spell.

    Args:
        kind: task.

    Returns:
        Text up to where the prompt (text-to-image) or the first picture (edit) begins.
    """
    template = TEMPLATE[kind]
    cut = template.index(VISION_START) if VISION_START in template else template.index("{}")
    return template[:cut]


def user_offset(kind: Kind, pictures: int) -> int:
    """Index of the prompt's first character in `fill(kind, prompt, pictures)`.

    Args:
        kind: task.
        pictures: how many pictures precede the prompt.

    Returns:
        A count of characters.
    """
    return TEMPLATE[kind].index("{}") + len(_plus_pictures(kind, pictures))


def fill(kind: Kind, prompt: str, pictures: int = 0) -> str:
    """The templated text of a prompt, each picture as one `PICTURE`.

    Args:
        kind: task.
        prompt: the user's words, not empty of characters (`" "` is the usual negative prompt).
        pictures: how many pictures go with it: 0 for t2i, 1 for edit, 1 or more for edit_plus.

    Returns:
        Text for the tokenizer.

    Raises:
        RequestError: the number of pictures does not fit the kind, or the prompt spells a picture token.
    """
    allowed = {"t2i": pictures == 0, "edit": pictures == 1, "edit_plus": pictures >= 1}[kind]
    if not allowed:
        wanted = {"t2i": "no picture", "edit": "exactly one", "edit_plus": "one or more"}[kind]
        raise RequestError(f"{pictures} pictures were given for {kind!r}, which takes {wanted}")
    for token in (VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD):
        if token in prompt:
            raise RequestError(f"the prompt contains the reserved token {token!r}: write it otherwise")
    return TEMPLATE[kind].replace("{}", _plus_pictures(kind, pictures) + prompt)


def _plus_pictures(kind: Kind, pictures: int) -> str:
    """Edit-plus numbers its pictures in the text; the other kinds have none there."""
    if kind != "edit_plus":
        return ""
    return "".join(f"Picture {number}: {PICTURE}" for number in range(1, pictures + 1))
