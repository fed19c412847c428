"""Whether a certificate is a server's, by its name: as Go's crypto/x509 judges it.

OpenSSL accepts no wildcard right below a top-level name, like `*.lan`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from cryptography import x509

_LABEL = re.compile(rb"[a-z0-9_][a-z0-9_-]*")
WILDCARD = b"*"
NOBODY = frozenset({b"", b"."})


def fits(leaf: bytes, name: str) -> bool:
    """Whether a certificate in DER names this host, which is a name or an address."""
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False  # the common name of old is nobody's any more
    try:
        address = _plain(ipaddress.ip_address(name))
    except ValueError:
        return any(matches(known, name) for known in names.get_values_for_type(x509.DNSName))
    return address in [_plain(known) for known in names.get_values_for_type(x509.IPAddress)]


def matches(known: str, name: str) -> bool:
    """Whether a certificate's name, whose first label may be `*`, stands for a host's."""
    one, other = _lower(known), _lower(name)
    pattern, labels = one.split(b"."), other.removesuffix(b".").split(b".")
    if not (_is_name(pattern[pattern[0] == WILDCARD :]) and _is_name(labels)):
        return one == other and one not in NOBODY
    if pattern[0] == WILDCARD:
        pattern[0] = labels[0]
    return pattern == labels


def _lower(name: str) -> bytes:
    return name.encode(errors="replace").lower()  # of ASCII only


def _is_name(labels: Sequence[bytes]) -> bool:
    return all(map(_LABEL.fullmatch, labels))


def _plain(address: object) -> object:
    """IPv4 in IPv6's clothes as IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
