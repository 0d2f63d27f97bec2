from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from PIL import Image

from hanmo.errors import Cancelled, RequestError
from hanmo.pipeline.pipeline import Pipeline
from hanmo.pipeline.session import Session

QUICK: dict[str, Any] = {"steps": 2, "cfg_scale": 1.0}


@pytest.fixture
def session(pipe: Pipeline) -> Session:
    return Session(pipe, tiny.picture(70, 50, 2))


def test_turns_follow_each_other_and_keep_the_pictures_size(session: Session) -> None:
    first = session.edit("red", seed=1, **QUICK)
    second = session.edit("a card", seed=2, **QUICK)
    assert first.size == second.size == (70, 50)
    assert [turn.number for turn in session.history()] == [0, 1, 2]
    assert session.turns[2].call["prompt"] == "a card"
    assert session.turns[2].call["seed"] == 2


def test_undo_redo_branch_and_going_anywhere(session: Session) -> None:
    first, second = session.edit("red", seed=1, **QUICK), session.edit("a card", seed=2, **QUICK)
    assert session.undo() is first
    assert session.redo() is second
    session.undo()
    session.edit("text", seed=3, **QUICK)
    assert [turn.number for turn in session.history()] == [0, 1, 3]
    with pytest.raises(RequestError, match="nothing to redo"):
        session.redo()
    assert session.go(2) is second
    session.go(0)
    with pytest.raises(RequestError, match="nothing to undo"):
        session.undo()
    with pytest.raises(RequestError, match="no turn 9: give 0 to 3"):
        session.go(9)


def test_a_turn_asked_again_is_the_same_picture_and_with_changes_another(session: Session) -> None:
    session.edit("red", seed=1, **QUICK)
    first = np.asarray(session.inpaint((10, 10, 40, 30), "text", seed=2, **QUICK))
    np.testing.assert_array_equal(np.asarray(session.again(2)), first)
    assert session.turns[3].parent == 1
    other = np.asarray(session.again(2, seed=9))
    assert (other != first).any()
    with pytest.raises(RequestError, match="nothing was asked"):
        session.again(0)
    session.go(1)
    with pytest.raises(RequestError, match="steps 0"):
        session.again(2, steps=0)
    assert session.current == 1


def test_ten_turns_of_masked_edits_keep_every_byte_outside_the_masks(session: Session) -> None:
    before = np.asarray(session.image)
    touched = np.zeros((50, 70), dtype=bool)
    for turn in range(10):
        left = 5 * turn % 40
        session.inpaint((left, 10, left + 12, 30), "red", seed=turn, feather=2, steps=1, cfg_scale=1.0)
        touched[8:32, max(0, left - 2) : left + 14] = True
    np.testing.assert_array_equal(np.asarray(session.image)[~touched], before[~touched])
    assert len(session.turns) == 11


def test_a_turn_starts_from_latents_unless_told_otherwise(
    session: Session, pipe: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.edit("red", seed=1, **QUICK)
    calls: list[torch.Size] = []
    encode = pipe.vae.encode
    monkeypatch.setattr(pipe.vae, "encode", lambda pixels: calls.append(pixels.shape) or encode(pixels))
    session.edit("a card", seed=2, **QUICK)
    assert not calls
    session.undo()
    session.edit("a card", source="pixels", seed=2, **QUICK)
    assert len(calls) == 1


def test_a_session_survives_its_file(session: Session, pipe: Pipeline, tmp_path: Path) -> None:
    session.edit("red", seed=1, **QUICK)
    session.inpaint((10, 10, 40, 30), "text", seed=2, **QUICK)
    session.undo()
    session.save(tmp_path / "a.hanmo")
    opened = Session.open(pipe, tmp_path / "a.hanmo")
    assert opened.current == 1
    for mine, theirs in zip(session.turns, opened.turns, strict=True):
        np.testing.assert_array_equal(np.asarray(mine.image), np.asarray(theirs.image))
        assert (mine.number, mine.parent, dict(mine.call)) == (theirs.number, theirs.parent, dict(theirs.call))
        assert (mine.latents is None) == (theirs.latents is None)
        if mine.latents is not None and theirs.latents is not None:
            assert torch.equal(mine.latents, theirs.latents)
    np.testing.assert_array_equal(np.asarray(opened.redo()), np.asarray(session.redo()))
    np.testing.assert_array_equal(np.asarray(opened.again(2)), np.asarray(session.turns[2].image))


def test_what_is_no_session_is_refused_in_one_line(pipe: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="does not exist"):
        Session.open(pipe, tmp_path / "none.hanmo")
    (tmp_path / "text").write_text("no zip")
    with pytest.raises(RequestError, match="is no session"):
        Session.open(pipe, tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "empty", "w") as archive:
        archive.writestr("session.json", '{"version": 99}')
    with pytest.raises(RequestError, match="version 99"):
        Session.open(pipe, tmp_path / "empty")


def test_a_cancelled_turn_leaves_the_session_as_it_was(session: Session) -> None:
    def stop(info: object) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        session.edit("red", seed=1, on_step=stop, **QUICK)
    assert len(session.turns) == 1


def test_a_picture_grows_by_outpainting(session: Session) -> None:
    before = session.image
    after = session.outpaint("red", (0, 20, 0, 0), seed=1, **QUICK)
    assert after.size == (90, 50)
    np.testing.assert_array_equal(np.asarray(after.crop((0, 0, 70, 50))), np.asarray(before))
    assert isinstance(after, Image.Image)
