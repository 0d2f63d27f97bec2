"""Signed provenance: a C2PA manifest inside the picture's file (extra `provenance`), when a key is configured.

The manifest says that Hanmo made the picture, by a trained algorithm, and holds its request. A signature is
read back and verified before the file is handed on. That the signer can be trusted is another question: it is
answered by who issued the certificate, and by the reader's own list. Unlike metadata, a manifest tells when the
file was changed; like metadata, it can be cut out.

Settings, from the environment, the first two naming PEM files: HANMO_C2PA_KEY (private key), HANMO_C2PA_CERTIFICATE
(chain, the signer's first), HANMO_C2PA_ALGORITHM (es256 unless said), HANMO_C2PA_TIMESTAMP (URL of a time-stamp
authority, which is asked only when given).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from hanmo import __version__
from hanmo.errors import HanmoError, RequestError
from hanmo.safety.provenance import FORMATS, encode, source_type

ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
LABEL = "hanmo.request"
"""Name of the assertion that holds the request, as JSON text."""

_PLAIN = {"builder": {"thumbnail": {"enabled": False}}}  # a thumbnail would outweigh small pictures


@dataclass(frozen=True)
class Signing:
    """A key and what goes with it.

    Attributes:
        key: private key, PEM.
        certificate: chain, PEM, the signer's certificate first.
        algorithm: one of `ALGORITHMS`; it must fit the key.
        timestamp: URL of a time-stamp authority; None leaves the time out and asks nobody.

    Raises:
        RequestError: at construction, for an unknown algorithm.
    """

    key: str = field(repr=False)
    certificate: str
    algorithm: str = "es256"
    timestamp: str | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without the library."""
        if self.algorithm not in ALGORITHMS:
            raise RequestError(f"C2PA algorithm {self.algorithm!r} is not known: give {', '.join(ALGORITHMS)}")


def signing_from(environment: Mapping[str, str] | None = None) -> Signing | None:
    """The key that is configured, tried on a small picture; None when there is none.

    Args:
        environment: None takes that of the process.

    Raises:
        RequestError: one of key and certificate is missing or cannot be read, they do not fit each other, or the
            extra is not installed.
    """
    given = os.environ if environment is None else environment
    paths = [given.get(name) for name in ("HANMO_C2PA_KEY", "HANMO_C2PA_CERTIFICATE")]
    if not any(paths):
        return None
    if not all(paths):
        raise RequestError("HANMO_C2PA_KEY and HANMO_C2PA_CERTIFICATE go together: set both, or none to sign nothing")
    key, certificate = (_pem(Path(path)) for path in paths if path)
    _library()
    algorithm = given.get("HANMO_C2PA_ALGORITHM", "es256")
    signing = Signing(key, certificate, algorithm, given.get("HANMO_C2PA_TIMESTAMP") or None)
    trial = encode(Image.new("RGB", (16, 16)), ".png", {"prompt": "a trial"})
    sign(trial, ".png", {"prompt": "a trial"}, replace(signing, timestamp=None))
    return signing


def sign(data: bytes, ending: str, record: Mapping[str, Any], signing: Signing) -> bytes:
    """A picture's file with a signed manifest inside, verified.

    Args:
        data: the file, as `provenance.encode` made it; nothing may change it afterwards.
        ending: of the file's name.
        record: of the picture.
        signing: the key.

    Raises:
        RequestError: key, certificate and algorithm do not fit each other, or are none.
        HanmoError: the signature does not verify when it is read back.
    """
    c2pa = _library()
    kind = _media_type(ending)
    out = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(
            signing.algorithm, signing.certificate.encode(), signing.key.encode(), signing.timestamp
        )
        with (
            c2pa.Context.from_dict(_PLAIN) as context,
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(_manifest(record), context) as builder,
        ):
            builder.sign(signer, kind, io.BytesIO(data), out)
    except c2pa.C2paError as error:
        raise RequestError(
            f"the picture cannot be signed ({str(error)[:160]}): check that HANMO_C2PA_KEY, _CERTIFICATE and "
            "_ALGORITHM belong together"
        ) from None
    signed = out.getvalue()
    if verify(signed, ending) != json.loads(json.dumps(dict(record))):
        raise HanmoError("the signed manifest holds another request than it was given: nothing was written")
    return signed


def verify(data: bytes, ending: str) -> dict[str, Any]:
    """The request of a signed file.

    Args:
        data: the file.
        ending: of its name.

    Raises:
        HanmoError: there is no manifest, or its signature or the file's hash does not hold. An issuer that no
            list of trust knows is no error.
    """
    c2pa = _library()
    try:
        with c2pa.Reader(_media_type(ending), io.BytesIO(data)) as reader:
            state = reader.get_validation_state()
            manifest = reader.get_active_manifest() or {}
            results = reader.get_validation_results() or {}
    except c2pa.C2paError as error:
        raise HanmoError(f"the picture has no C2PA manifest that can be read ({str(error)[:160]})") from None
    if state not in ("Valid", "Trusted"):
        faults = [each["code"] for each in results.get("activeManifest", {}).get("failure", [])]
        raise HanmoError(f"the C2PA signature does not hold ({', '.join(faults) or state}): the file was changed")
    held = [each["data"] for each in manifest.get("assertions", []) if each["label"] == LABEL]
    if not held:
        raise HanmoError("the C2PA manifest holds no request: Hanmo did not write it")
    request: dict[str, Any] = json.loads(held[0]["json"])
    return request


def _manifest(record: Mapping[str, Any]) -> dict[str, Any]:
    agent = {"name": "Hanmo", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": source_type(record), "softwareAgent": agent}
    return {
        "claim_generator_info": [agent],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": LABEL, "data": {"json": json.dumps(dict(record))}},  # text: lists of numbers would be packed
        ],
    }


def _media_type(ending: str) -> str:
    return f"image/{FORMATS[ending.lower()].lower()}"


def _pem(path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no PEM text"
        raise RequestError(f"{path}, named by HANMO_C2PA_KEY or _CERTIFICATE, cannot be read: {reason}") from None


def _library() -> ModuleType:
    try:
        import c2pa
    except ImportError:
        raise RequestError(
            "signing needs the C2PA library: pip install 'hanmo[provenance]', or unset HANMO_C2PA_KEY and _CERTIFICATE"
        ) from None
    return c2pa  # type: ignore[no-any-return, unused-ignore]
