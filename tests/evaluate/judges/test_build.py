"""A run's judges from its settings, and the one line that names all that is missing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from endpoint import Answer, serving
from PIL import Image
from tiny_towers import save_clip, save_dinov2, save_mask2former

from hanmo.errors import RequestError
from hanmo.evaluate.judges.build import JudgeConfig, build
from hanmo.evaluate.judges.replay import Recording, Replay

RED = Image.new("RGB", (8, 8), "red")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def listing(names: str = '{"data": [{"id": "judge"}, {"id": "other"}]}', status: int = 200) -> Answer:
    return Answer(raw=names.encode(), status=status)


def test_only_what_is_needed_is_built_and_nothing_is_read_yet(tmp_path: Path) -> None:
    clip, dino = save_clip(tmp_path / "clip"), save_dinov2(tmp_path / "dino")
    found = save_mask2former(tmp_path / "detector", {0: "cat", 1: "dog"})
    for folder in (clip, dino, found):
        (folder / "model.safetensors").write_bytes(b"torn, which is seen at first use")
    config = JudgeConfig(detector=str(found), embedders={"clip": str(clip), "style": str(dino)})
    judges = build(["detector", "embedder:clip", "embedder:style", "embedder:clip"], config)
    assert judges.the_detector().describe()["name"] == str(found)
    assert list(judges.embedders) == ["clip", "style"]
    assert judges.the_embedder("style").describe()["kind"] == "embedder of pictures"
    assert (judges.vlm, judges.ocr) == (None, None)
    assert build([], JudgeConfig()).embedders == {}


def test_an_endpoint_is_asked_once_for_its_models_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    with serving("yes") as server:
        server.listing = listing()
        judges = build(["vlm"], JudgeConfig(vlm_url=server.url, vlm_model="judge", vlm_key_env="MY_KEY"))
        assert server.looks == ["Bearer secret"]
        assert server.requests == []
        assert judges.the_vlm().ask([RED], "?") == "yes"


def test_an_endpoint_without_a_list_of_models_is_fine() -> None:
    with serving("yes") as server:
        server.listing = listing("not here", status=404)
        assert build(["vlm"], JudgeConfig(vlm_url=server.url, vlm_model="judge")).vlm is not None


@pytest.mark.parametrize(
    ("answer", "why"),
    [(listing("", 401), "401 Unauthorized; set HANMO_VLM_KEY"), (listing("", 503), "503 .*; check vlm_url")],
)
def test_an_endpoint_that_refuses_is_named_before_anything_is_asked(answer: Answer, why: str) -> None:
    with serving("yes") as server:
        server.listing = answer
        with pytest.raises(RequestError, match=why):
            build(["vlm"], JudgeConfig(vlm_url=server.url, vlm_model="judge"))
    assert server.requests == []


def test_an_endpoint_that_is_silent_or_not_there_is_named_soon() -> None:
    with serving("yes") as server:
        gone = server.url
    begun = time.monotonic()
    with pytest.raises(RequestError, match=r"vlm \(http://127.*could not be asked.*check vlm_url"):
        build(["vlm"], JudgeConfig(vlm_url=gone, vlm_model="judge"))
    assert time.monotonic() - begun < 20.0


def test_a_model_that_was_not_named_is_asked_for_with_what_there_is() -> None:
    with serving("yes") as server:
        server.listing = listing()
        with pytest.raises(RequestError, match="give vlm_model, one of judge, other"):
            build(["vlm"], JudgeConfig(vlm_url=server.url))


def test_all_that_is_missing_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    config = JudgeConfig(detector=str(tmp_path / "empty"))
    needs = ["detector", "vlm", "embedder:clip", "embedder:style"]
    with pytest.raises(RequestError) as caught:
        build(needs, config)
    said = str(caught.value)
    assert said.startswith("4 of the judges cannot be had: detector (")
    assert "\n" not in said
    assert "vlm (nobody answers: give one of vlm_url (--vlm, with --vlm-model), vlm_local (--vlm-local)" in said
    assert "embedder:clip (openai/clip-vit-large-patch14 could not be fetched" in said
    assert "embedder:style (give embedders.style, a folder or hub id (--embedder style=MODEL))" in said
    with pytest.raises(RequestError, match="role 'tongue' does not exist"):
        build(["tongue"], config)


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    with serving("yes") as server:
        server.listing = listing()
        recording = build(["vlm"], JudgeConfig(vlm_url=server.url, vlm_model="judge", record=path)).the_vlm()
        assert isinstance(recording, Recording)
        assert recording.ask([RED], "?") == "yes"
    replay = build(["vlm"], JudgeConfig(replay=path)).the_vlm()
    assert isinstance(replay, Replay)
    assert replay.ask([RED], "?") == "yes"


def test_the_reader_of_text_is_the_measured_one() -> None:
    pytest.importorskip("rapidocr")
    assert build(["ocr"], JudgeConfig()).the_ocr().describe()["name"].startswith("RapidOCR")


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="vlm_url and replay were given"):
        JudgeConfig(vlm_url="http://host/v1", replay=tmp_path)
    with pytest.raises(RequestError, match="without vlm_url"):
        JudgeConfig(vlm_model="judge")
    with pytest.raises(RequestError, match="record was given with replay"):
        JudgeConfig(record=tmp_path, replay=tmp_path)
    with pytest.raises(RequestError, match="give seconds above 0"):
        JudgeConfig(seconds=0.0)
    with pytest.raises(RequestError, match="give 1 or more"):
        JudgeConfig(threads=0)


def test_the_settings_are_known_without_torch(root: Path) -> None:
    code = (
        "import sys; import hanmo.evaluate.judges.build; sys.exit('torch' in sys.modules or 'rapidocr' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_vlm_reads_text_where_it_is_told_to() -> None:
    with serving("SHOP") as server:
        server.listing = listing()
        judges = build(["ocr"], JudgeConfig(vlm_url=server.url, vlm_model="judge", ocr="vlm"))
        assert [line.text for line in judges.the_ocr().read(RED)] == ["SHOP"]
    assert judges.vlm is None
    with pytest.raises(RequestError, match=r"ocr \(nobody answers"):
        build(["ocr"], JudgeConfig(ocr="vlm"))
