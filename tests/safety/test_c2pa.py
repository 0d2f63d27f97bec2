"""Real signatures with a certificate made here, read back by the library; skipped where it is missing."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import certificate
import numpy as np
import pytest
import tiny
from PIL import Image

from hanmo.errors import HanmoError, RequestError
from hanmo.safety.c2pa import Signing, sign, signing_from, verify
from hanmo.safety.provenance import encode, read_request

RECORD = {"task": "generate", "prompt": '一张 "红" card', "seed": 7, "size": [96, 64], "cfg_scale": 4.0, "images": 0}


@pytest.fixture(scope="module")
def signing() -> Signing:
    pytest.importorskip("c2pa")
    return certificate.new_signing()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_signed_picture_verifies_and_keeps_pixels_and_metadata(tmp_path: Path, signing: Signing, ending: str) -> None:
    plain = encode(tiny.picture(96, 64), ending, RECORD)
    signed = sign(plain, ending, RECORD, signing)
    assert verify(signed, ending) == RECORD
    pixels = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (plain, signed)]
    assert np.array_equal(*pixels)
    (tmp_path / f"a{ending}").write_bytes(signed)
    assert read_request(tmp_path / f"a{ending}") == RECORD


def test_a_manifest_says_that_an_algorithm_made_it(signing: Signing) -> None:
    import c2pa

    kinds = {}
    for images in (0, 1):
        data = sign(encode(tiny.picture(96, 64), ".png", RECORD), ".png", RECORD | {"images": images}, signing)
        with c2pa.Reader("image/png", io.BytesIO(data)) as reader:
            manifest = reader.get_active_manifest()
        (action,) = next(each["data"]["actions"] for each in manifest["assertions"] if "actions" in each["label"])
        kinds[images] = action["digitalSourceType"].rsplit("/", 1)[1]
        assert action["action"] == "c2pa.created"
        assert "thumbnail" not in manifest
    assert kinds == {0: "trainedAlgorithmicMedia", 1: "compositeWithTrainedAlgorithmicMedia"}


def test_a_changed_picture_does_not_verify(signing: Signing) -> None:
    signed = bytearray(sign(encode(tiny.picture(96, 64), ".png", RECORD), ".png", RECORD, signing))
    at = signed.rindex(b"IDAT") + 40
    signed[at] ^= 1
    with pytest.raises(HanmoError, match="mismatch"):
        verify(bytes(signed), ".png")


def test_a_picture_without_a_manifest_is_told_as_such(signing: Signing) -> None:
    with pytest.raises(HanmoError, match="no C2PA manifest"):
        verify(encode(tiny.picture(96, 64), ".png", RECORD), ".png")


def test_a_key_that_does_not_fit_is_one_line(signing: Signing) -> None:
    plain = encode(tiny.picture(96, 64), ".png", RECORD)
    for wrong in (
        replace(signing, key="garbage"),
        replace(signing, algorithm="es384"),
        replace(signing, certificate=""),
    ):
        with pytest.raises(RequestError, match="cannot be signed") as caught:
            sign(plain, ".png", RECORD, wrong)
        assert "\n" not in str(caught.value)
    assert signing.key not in repr(signing)


def test_the_environment_names_the_key_which_is_tried_at_once(tmp_path: Path, signing: Signing) -> None:
    names = certificate.environment(tmp_path, signing)
    assert signing_from(names) == signing
    assert signing_from({}) is None
    with pytest.raises(RequestError, match="cannot be signed"):
        signing_from(names | {"HANMO_C2PA_ALGORITHM": "es384"})


def test_settings_that_cannot_be_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError, match="go together"):
        signing_from({"HANMO_C2PA_KEY": "key.pem"})
    missing = {"HANMO_C2PA_KEY": str(tmp_path / "none"), "HANMO_C2PA_CERTIFICATE": str(tmp_path / "none")}
    with pytest.raises(RequestError, match="cannot be read: No such file"):
        signing_from(missing)
    (tmp_path / "none").write_text("pem")
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(RequestError, match=r"pip install 'hanmo\[provenance\]'"):
        signing_from(missing)
    with pytest.raises(RequestError, match="algorithm 'rot13' is not known"):
        Signing("key", "certificate", "rot13")
