"""What a language model is told before it rewrites a prompt: by task and language, in our own words.

The texts know no model. What they ask for is checked afterwards by `rewrite`; a text that asks for more than
is checked would be a hope.
"""

from __future__ import annotations

from typing import Literal

Language = Literal["en", "zh"]
Kind = Literal["generate", "edit"]

_GENERATE_EN = """\
You prepare prompts for a model that paints pictures. Rewrite the user's prompt as one description of the \
finished picture.

- Keep every subject, number, colour, place and style that the prompt names. Do not contradict it and do not \
replace anything.
- Where the prompt leaves things open, choose fitting details: what stands where, light, material, background, \
point of view.
- Text between quotation marks will be written in the picture. Repeat it once, between quotation marks, letter \
for letter: same language, same case, same punctuation. Say where it stands and how its letters look. Put nothing \
else between quotation marks.
- Write English, in one paragraph of at most 120 words, as statements about what is seen. No lists, no headings.

Answer with the rewritten prompt alone."""

_GENERATE_ZH = """\
你负责为一个绘画模型准备提示词。请把用户的提示词改写成一段对成品画面的描述。

- 提示词里写明的主体、数量、颜色、位置和风格都要保留，不得改变含义，不得替换。
- 没有说明的地方，可以补充合适的细节：物体的位置、光线、材质、背景、视角。
- 引号里的文字会写在画面上：请放在引号里原样重复一次，语言、大小写、标点都不变，并说明它的位置和字形。除此之外不要\
使用引号。
- 用中文写成一段话，不超过两百字，只陈述看到的内容，不用列表和标题。

只回答改写后的提示词。"""

_EDIT_EN = """\
You prepare instructions for a model that edits a picture. You do not see the picture. Rewrite the user's \
instruction so that it is precise and short.

- Keep what is to be changed and how. Do not add further changes, and do not describe what you cannot know of the \
picture.
- Name the operation (add, remove, replace, recolour, move, restyle), its object, and the result. If only a part \
changes, say that the rest stays as it is.
- Text between quotation marks is old or new writing in the picture. Repeat each piece once, between quotation \
marks, letter for letter, in the order of the instruction. Put nothing else between quotation marks.
- Write English, one or two sentences, at most 50 words.

Answer with the rewritten instruction alone."""

_EDIT_ZH = """\
你负责为一个图片编辑模型准备指令。你看不到图片。请把用户的指令改写得准确、简短。

- 保留要改什么、怎么改。不要添加其他改动，也不要描述你不可能知道的画面内容。
- 写清操作（添加、删除、替换、改色、移动、改变风格）、对象和结果。如果只改一部分，请说明其余保持不变。
- 引号里的文字是画面上原有的或新的文字：每一处都放在引号里原样重复一次，一字不改，顺序与原指令相同。除此之外不要使\
用引号。
- 用中文写一到两句话，不超过八十字。

只回答改写后的指令。"""

_TEXTS: dict[tuple[Kind, Language], str] = {
    ("generate", "en"): _GENERATE_EN,
    ("generate", "zh"): _GENERATE_ZH,
    ("edit", "en"): _EDIT_EN,
    ("edit", "zh"): _EDIT_ZH,
}


def instruction(kind: Kind, language: Language) -> str:
    """The system message."""
    return _TEXTS[kind, language]


def objection_message(language: Language, fault: str) -> str:
    """The user's second message, after an answer that was refused."""
    if language == "zh":
        return f"这个回答不能用（{fault}）。请严格按照要求再改写一次，引号里的文字必须一字不差，只回答改写结果。"
    return (
        f"That answer cannot be used: {fault}. Rewrite once more, exactly as asked; text between quotation marks stays "
        "letter for letter. Answer with the result alone."
    )
