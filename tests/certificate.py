"""A signing key with a certificate from an authority of our own, for the tests of signatures.

`cryptography` comes with the extra `provenance`, so it is imported on use.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from hanmo.safety.c2pa import Signing

DAY = datetime.timedelta(days=1)


def new_signing() -> Signing:
    """A new key, valid for a day."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    root, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    own = _certificate(root, "signer", "root", key.public_key(), root.public_key(), False)
    above = _certificate(root, "root", "root", root.public_key(), root.public_key(), True)
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return Signing(pem.decode(), (own + above).decode())


def environment(folder: Path, signing: Signing) -> dict[str, str]:
    """The settings that name the key, which is written to files in `folder`."""
    (folder / "key.pem").write_text(signing.key)
    (folder / "chain.pem").write_text(signing.certificate)
    return {"HANMO_C2PA_KEY": str(folder / "key.pem"), "HANMO_C2PA_CERTIFICATE": str(folder / "chain.pem")}


def _certificate(signer: object, subject: str, issuer: str, public: object, by: object, authority: bool) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    def name(text: str) -> x509.Name:
        oid = x509.oid.NameOID
        parts = ((oid.ORGANIZATION_NAME, "Hanmo's tests"), (oid.COMMON_NAME, text))
        return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])

    now = datetime.datetime.now(datetime.UTC)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    usage |= {"digital_signature": not authority, "key_cert_sign": authority, "crl_sign": authority}
    builder = (
        x509.CertificateBuilder(name(issuer), name(subject), public, x509.random_serial_number(), now - DAY, now + DAY)
        .add_extension(x509.BasicConstraints(authority, None), True)
        .add_extension(x509.KeyUsage(**usage), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, False)
    made: bytes = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return made
