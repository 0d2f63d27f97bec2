from __future__ import annotations

import pytest

from hanmo.errors import RequestError
from hanmo.model import tokens


def test_a_prompt_stands_where_the_templates_say():
    for kind, pictures in (("t2i", 0), ("edit", 1), ("edit_plus", 3)):
        text = tokens.fill(kind, "a {strange} prompt", pictures)
        begin = tokens.user_offset(kind, pictures)
        assert text[begin:].startswith("a {strange} prompt<|im_end|>\n<|im_start|>assistant\n")
        assert text.startswith(tokens.system_part(kind))
        assert text.count(tokens.PICTURE) == pictures


def test_edit_plus_numbers_its_pictures_from_one():
    text = tokens.fill("edit_plus", "swap them", 2)
    assert f"user\nPicture 1: {tokens.PICTURE}Picture 2: {tokens.PICTURE}swap them<|im_end|>" in text


def test_the_templates_are_those_of_diffusers():
    pipelines = pytest.importorskip("diffusers.pipelines.qwenimage")
    for name, kind in (
        ("QwenImagePipeline", "t2i"),
        ("QwenImageEditPipeline", "edit"),
        ("QwenImageEditPlusPipeline", "edit_plus"),
    ):
        pipe = getattr(pipelines, name)(
            **dict.fromkeys(("vae", "text_encoder", "tokenizer", "transformer"))
            | {"scheduler": None}
            | ({} if kind == "t2i" else {"processor": None})
        )
        assert pipe.prompt_template_encode == tokens.TEMPLATE[kind]
        assert pipe.prompt_template_encode_start_idx == tokens.DROP[kind]


@pytest.mark.parametrize(("kind", "pictures"), [("t2i", 1), ("edit", 0), ("edit", 2), ("edit_plus", 0)])
def test_a_wrong_number_of_pictures_is_refused(kind, pictures):
    with pytest.raises(RequestError, match=f"{pictures} pictures were given for '{kind}'"):
        tokens.fill(kind, "x", pictures)


def test_a_prompt_cannot_smuggle_in_a_picture():
    with pytest.raises(RequestError, match="reserved token"):
        tokens.fill("t2i", "look: <|image_pad|>")
