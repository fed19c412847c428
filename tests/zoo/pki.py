"""Certificates of all kinds, also those that no authority should issue."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from servers import Certificate

HERE = ("localhost", "127.0.0.1")
NOW = datetime.now(UTC).replace(microsecond=0)

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

KEYS: dict[str, Callable[[], Key]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
}


@dataclass(frozen=True)
class Signed:
    """A certificate with its private key."""

    cert: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return self.cert.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Wish:
    """What a certificate is to be. Days count from now; `names` are hosts and addresses."""

    subject: str | x509.Name = "shop"
    names: Sequence[str] = HERE
    first_day: float = -1
    last_day: float = 30
    key: str = "p256"
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = ()


def authority(path_length: int | None = None) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """What makes an authority of a certificate."""
    return ((x509.BasicConstraints(ca=True, path_length=path_length), True), (_USAGE, True))


def signed(wish: Wish, issuer: Signed | None = None) -> Signed:
    """A certificate by an issuer, or by itself."""
    key = KEYS[wish.key]()
    name = wish.subject if isinstance(wish.subject, x509.Name) else called(wish.subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.cert.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=wish.first_day))
        .not_valid_after(NOW + timedelta(days=wish.last_day))
    )
    if wish.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(wish.names)), False)
    for extension, critical in wish.extensions:
        builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Signed(builder.sign(signer, digest), key)


def renewed(old: Signed, last_day: int, issuer: Signed | None = None) -> Signed:
    """An authority with the key and name of another, for another time."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.cert.subject)
        .issuer_name((issuer or old).cert.subject)
        .public_key(old.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(NOW + timedelta(days=last_day))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return Signed(builder.sign((issuer or old).key, hashes.SHA256()), old.key)


def called(name: str) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def written(folder: Path, name: str, leaf: Signed, *others: Signed) -> Certificate:
    """Files with a leaf, what is sent behind it, and its key."""
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    made.cert.write_bytes(leaf.pem + b"".join(other.pem for other in others))
    made.key.write_bytes(
        leaf.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


def by_sha1(folder: Path, issuer: Signed) -> Signed:
    """A certificate with a signature that nobody should trust any more."""
    authority = written(folder, "old", issuer)
    request, names, made = folder / "old.csr", folder / "old.ext", folder / "old.pem"
    names.write_text("subjectAltName = DNS:localhost\n")
    leaf = KEYS["rsa2048"]()
    asked = x509.CertificateSigningRequestBuilder().subject_name(called("old"))
    pem = asked.sign(leaf, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    request.write_bytes(pem)
    signing = ["openssl", "x509", "-req", "-sha1", "-CAcreateserial"]
    files = {"-in": request, "-out": made, "-extfile": names, "-CA": authority.cert}
    for option, file in {**files, "-CAkey": authority.key}.items():
        signing += [option, str(file)]
    subprocess.run(signing, check=True, capture_output=True)
    return Signed(x509.load_pem_x509_certificate(made.read_bytes()), leaf)


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    return [_one(name) for name in names]


def _one(name: str) -> x509.GeneralName:
    if "@" in name:
        return x509.RFC822Name(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
