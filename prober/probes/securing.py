"""Make TLS by rustls, without a network: bytes go in and bytes come out.

It says only that a handshake was right. What is wrong with another one is for libcurl to say, and
so is whether a chain of certificates is to be trusted when it is seen for the first time: rustls
and OpenSSL don't agree about every odd certificate.
"""

from __future__ import annotations

import functools
import ssl
import time
from pathlib import Path

from cryptography import x509
from rtls import _rustls

from prober.probes.speaking import Place, Security

# What `ssl` calls CERT_REQUIRED.
REQUIRED = int(ssl.CERT_REQUIRED)
GOOD_FOR_S = 3600.0
PIECE = 16_384
REMEMBERED = 65_536  # certificates

Chain = tuple[bytes, ...]
"""The certificates that a server showed, in DER, its own first."""

Broken = ssl.SSLError
"""A handshake or a record was wrong."""


class Session:
    """The client's side of one TLS connection.

    What `receive` and `send` want sent is in `outgoing`, and so is the first message.
    """

    __slots__ = ("_tls",)

    def __init__(self, tls: _rustls.RustlsClientConnection) -> None:
        self._tls = tls

    def outgoing(self) -> bytes:
        """What is to be sent to the server now."""
        data = self._tls.write_tls()
        while self._tls.wants_write():
            data += self._tls.write_tls()
        return data

    def receive(self, data: bytes) -> bytes:
        """Take what came in; gives what it says in clear. Raises Broken."""
        clear = []
        start = 0
        while start < len(data):
            taken = self._tls.read_tls(data[start : start + PIECE])
            if not taken:  # what comes after the goodbye counts for nothing
                break
            start += taken
            self._tls.process_new_packets()
            while self._tls.pending():
                clear.append(self._tls.read_plaintext(PIECE))
        return b"".join(clear)

    def send(self, data: bytes) -> bytes:
        """What is to be sent to the server, so that it reads `data`."""
        sent = []
        start = 0
        while start < len(data):  # rustls holds 64 KiB
            start += self._tls.write_plaintext(data[start:])
            sent.append(self.outgoing())
        return b"".join(sent)

    def goodbye(self) -> bytes:
        """What is to be sent before the connection is closed in good order."""
        self._tls.send_close_notify()
        return self.outgoing()

    def is_shaking(self) -> bool:
        """Whether the handshake goes on."""
        return self._tls.is_handshaking()

    def was_dismissed(self) -> bool:
        """Whether the server has said goodbye, and all that it had to say has been received."""
        return not self._tls.wants_read()

    def protocol(self) -> bytes | None:
        """The protocol that the server chose of those on offer."""
        return self._tls.alpn_protocol()

    def chain(self) -> Chain:
        """The certificates that the server showed."""
        return tuple(self._tls.peer_certificates() or ())


class Trust:
    """The authorities of one file, and the chains that libcurl was content with lately.

    Raises OSError where the file can't be read. A session is never resumed: a resumed one shows no
    certificate, and costs less than a real visitor's first one.
    """

    def __init__(self, ca_file: str, protocols: tuple[bytes, ...]) -> None:
        self._ca_file = ca_file
        self._known: dict[Place, set[Chain]] = {}
        self._good_until_s = time.monotonic() + GOOD_FOR_S
        self._mark = _mark(ca_file)
        self._builder = _rustls.RustlsConfigBuilder()
        self._builder.add_root_certs_from_pem(Path(ca_file).read_bytes())
        self._builder.set_verify_mode(REQUIRED)
        self._builder.set_check_hostname(True)
        self._builder.set_alpn(list(protocols))

    def session(self, place: Place) -> Session:
        """A session with the server that this place names. Raises Broken where it can't be."""
        return Session(self._builder.build_client_connection(place.host))

    def is_good(self) -> bool:
        """Whether this may still be used: the file is as it was, and was read lately."""
        return time.monotonic() < self._good_until_s and _mark(self._ca_file) == self._mark

    def knows(self, place: Place, chain: Chain | None = None) -> bool:
        """Whether libcurl was content with this chain of a place, or with any."""
        known = self._known.get(place, ())
        return bool(known) if chain is None else chain in known

    def approve(self, place: Place, chain: Chain) -> None:
        """Remember that libcurl was content with a chain."""
        self._known.setdefault(place, set()).add(chain)


class Trusts:
    """What is trusted, for each file of authorities; `ca_file` where none is chosen."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._kept: dict[Security, Trust] = {}

    def of(self, security: Security) -> Trust:
        """The trust to make a connection with now. Raises OSError where its file can't be read."""
        kept = self._kept.get(security)
        if kept is None or not kept.is_good():
            kept = Trust(security.ca_file or self._ca_file, security.protocols)
            self._kept[security] = kept
        return kept


@functools.lru_cache(REMEMBERED)
def expiry(certificate: bytes) -> int:
    """A certificate's notAfter in epoch seconds."""
    return int(x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp())


def _mark(path: str) -> tuple[int, int, int]:
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
