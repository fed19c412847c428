"""Read the certificates that a server showed, and say what is wrong with them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Listed = Sequence[Sequence[tuple[bytes, bytes]]]
"""What CERTINFO holds: for each certificate, the leaf first, its fields by name."""


class Tls(NamedTuple):
    """What a handshake showed, also where the certificate is not trusted.

    `subject` and `issuer` are the leaf's, like "CN = shop, O = Acme"; `names` are the hosts and
    addresses that it stands for. `expiry` is its notAfter and `chain_expiry` the earliest of all
    certificates that were sent, in epoch seconds. `version` and `cipher` ("TLSv1.3",
    "TLS_AES_256_GCM_SHA384") are known only where an exchange was asked for details.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    expiry: int | None
    chain_expiry: int | None
    version: str | None = None
    cipher: str | None = None


# OpenSSL's numbers of what a verification found, which libcurl puts in brackets at the end.
COMPLAINTS: dict[str, str] = {
    "9": "is not valid yet",
    "10": "expired {ago} ago",
    "18": "is self-signed",
    "19": "comes from an issuer that is not trusted, {issuer}",
    "20": "comes from an issuer that is not trusted, {issuer}",
    "21": "comes from an issuer that is not trusted, {issuer}",
}
SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

_VERIFIED = re.compile(r"verify result: .*\(([0-9]+)\)$")
_MISNAMED = re.compile(r"no alternative certificate subject name matches .*'(.*)'")
_COMMON_NAME = re.compile(r"CN = ([^,]+)")


def read(listed: Listed) -> Tls | None:
    """What the listed certificates say, or None where there are none."""
    if not listed:
        return None
    leaf = dict(listed[0])
    ends = [end for certificate in listed if (end := expiry(certificate)) is not None]
    return Tls(
        _text(leaf.get(b"Subject")),
        _text(leaf.get(b"Issuer")),
        tuple(_names(_text(leaf.get(b"X509v3 Subject Alternative Name")))),
        expiry(listed[0]),
        min(ends, default=None),
    )


def expiry(certificate: Sequence[tuple[bytes, bytes]]) -> int | None:
    """A certificate's notAfter in epoch seconds, or None where that can't be read."""
    for name, value in certificate:
        if name == b"Expire date":
            return _epoch_s(value)
    return None


def complaint(detail: str, tls: Tls | None, now_s: float) -> str:
    """Why a verification failed, in words: "the certificate expired 3 days ago (CN=shop)".

    `detail` is libcurl's text, which is returned where there is nothing to add; `now_s` is the
    epoch time.
    """
    if tls is None:
        return detail
    if misnamed := _MISNAMED.search(detail):
        others = ", ".join(tls.names[:3]) or "no host"
        return f"the certificate is for {others}, and not for {misnamed[1]} ({_called(tls)})"
    verified = _VERIFIED.search(detail)
    if verified is None or verified[1] not in COMPLAINTS:
        return detail
    late_s = now_s - (tls.chain_expiry or now_s)
    what = COMPLAINTS[verified[1]].format(ago=_span(late_s), issuer=_common_name(tls.issuer))
    return f"the certificate {what} ({_called(tls)})"


def _called(tls: Tls) -> str:
    return _common_name(tls.subject)


def _common_name(subject: str) -> str:
    found = _COMMON_NAME.search(subject)
    return f"CN={found[1]}" if found else subject or "without a name"


def _span(seconds: float) -> str:
    size, unit = next((step for step in SPANS if seconds >= step[0]), SPANS[-1])
    count = max(int(seconds // size), 0)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _names(listed: str) -> Iterator[str]:
    for name in filter(None, listed.split(", ")):
        yield name.partition(":")[2] or name


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _epoch_s(text: bytes) -> int | None:
    try:
        return ssl.cert_time_to_seconds(text.decode())
    except ValueError:  # a certificate may hold any nonsense
        return None
