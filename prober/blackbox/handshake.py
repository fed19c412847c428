"""How TLS is begun on demand: contexts that verify as Go does and keep what they are shown."""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from prober.blackbox import lasting, names
from prober.wire import TlsOptions

VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
SPOKEN: dict[int, str] = {number: f"TLSv{version}" for version, number in VERSIONS.items()}
# What Go offers by itself for TLS 1.2 and below: neither more nor less.
CIPHERS = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:"
    "AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:AES256-SHA"
)
HANDSHAKE, CERTIFICATE = 22, 11  # RFC 8446, B.1 and B.3
_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_DER = 2  # of the standard library's own encodings


class WrongName(OSError):
    """A server's certificate is for others."""


class Handshake(ssl.SSLObject):
    """A side of TLS that keeps the certificates of the other, also where it doesn't trust them.

    `sent` are in DER, the leaf first; `spoken` is TLS's version, like "TLSv1.3".
    """

    sent: tuple[bytes, ...] = ()
    spoken: str | None = None
    fits: bool = False

    def shake(self, name: str) -> None:
        """Go on with the handshake with a server of this name, or end it by `WrongName`.

        Raises as `do_handshake` does. Nothing that was written after its certificates came may be
        sent to a server whose name they haven't.
        """
        try:
            self.do_handshake()
        except ssl.SSLWantReadError:
            if self.sent:
                self._check(self.sent[0], name)
            raise
        self._check(self.getpeercert(binary_form=True) or b"", name)

    def _check(self, leaf: bytes, name: str) -> None:
        if self.context.verify_mode is not ssl.CERT_NONE:
            self.fits = names.fits(leaf, name)
            if not self.fits:
                raise WrongName(f"TLS: the certificate is not for {name!r}")

    @property
    def verified(self) -> tuple[bytes, ...]:
        """The chain that was verified and lasts longest, in DER; empty where none was."""
        if not self.fits or self.version() is None:
            return ()  # nobody asked for it, or it failed
        # Public only from Python 3.13 on.
        chain = cast(Any, self)._sslobj.get_verified_chain() or ()
        verified = [certificate.public_bytes(_DER) for certificate in chain]
        known = self.context.get_ca_certs(binary_form=True)
        return tuple(lasting.longest(verified, self.sent, known))


async def context(options: TlsOptions, protocols: tuple[str, ...] = ()) -> ssl.SSLContext:
    """A client's context; shared, since one costs milliseconds, until a file changes.

    `protocols` are offered by ALPN, the preferred one first. Raises OSError where a file, or a
    range of versions, can't be used.
    """
    # In a thread, since the certificates that the system trusts are many.
    return await asyncio.to_thread(_current, options, protocols)


async def check(options: TlsOptions) -> None:
    """Raises OSError where a file, or a range of versions, can't be used."""
    if options.ca_file or options.cert_file or options.max_version:
        await context(options)


def _current(options: TlsOptions, protocols: tuple[str, ...]) -> ssl.SSLContext:
    files = (options.ca_file, options.cert_file, options.key_file)
    changed = tuple(Path(file).stat().st_mtime_ns for file in files if file)
    return _made(options, protocols, changed)


@functools.lru_cache(maxsize=256)
def _made(
    options: TlsOptions, protocols: tuple[str, ...], _changed: tuple[int, ...]
) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.sslobject_class = Handshake
    made.check_hostname = False  # `Handshake.shake` does, and as Go does
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # any certificate of ca_file is an anchor
    made.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    _set_version(made, options.min_version or "1.2")
    if options.max_version:
        if options.max_version < (options.min_version or "1.0"):
            raise OSError("the max_version of TLS is below its min_version")
        made.maximum_version = VERSIONS[options.max_version]
    _set_trust(made, options)
    if protocols:
        made.set_alpn_protocols(protocols)
    if options.cert_file:
        made.load_cert_chain(options.cert_file, options.key_file)
    # The only way to a certificate that failed: the standard library drops it with the handshake.
    cast(Any, made)._msg_callback = _keep
    return made


def _set_version(made: ssl.SSLContext, least: str) -> None:
    made.minimum_version = VERSIONS[least]
    # Whoever asks for old versions means it: their signatures are below every other level.
    made.set_ciphers(f"{CIPHERS}:@SECLEVEL={0 if least < '1.2' else 1}")


def _set_trust(made: ssl.SSLContext, options: TlsOptions) -> None:
    if options.insecure:
        made.verify_mode = ssl.CERT_NONE
    elif options.ca_file:
        _load(made, options.ca_file)
    else:
        made.load_default_certs()


def _load(made: ssl.SSLContext, file: str) -> None:
    """Trust the certificates of a file; broken ones among them are passed over."""
    for pem in _PEM.findall(Path(file).read_text(encoding="latin-1")):
        with suppress(ssl.SSLError):
            made.load_verify_locations(cadata=pem)
    if not made.cert_store_stats()["x509"]:
        raise OSError(f"{file!r} holds no certificate")


def _keep(
    tls: Handshake, direction: str, version: int, content: int, message: int, data: bytes
) -> None:
    if (direction, content, message) == ("read", HANDSHAKE, CERTIFICATE):
        tls.sent = tuple(certificates(data, version >= ssl.TLSVersion.TLSv1_3))
        tls.spoken = SPOKEN.get(version)


def certificates(message: bytes, context_first: bool) -> Iterator[bytes]:
    """Those of a Certificate message: RFC 5246, 7.4.2, or RFC 8446, 4.4.2 with a context first."""
    at = 4 + (1 + message[4] if context_first else 0) + 3
    while at < len(message):
        end = at + 3 + int.from_bytes(message[at : at + 3])
        yield message[at + 3 : end]
        extensions = 2 + int.from_bytes(message[end : end + 2]) if context_first else 0
        at = end + extensions
