"""Find the chain that lasts longest among all that a server's certificates can make.

OpenSSL verifies by one chain, and Go by all of them: where an authority was renewed, they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

MOST = 100  # signatures that are looked at, as for Go: a server may send any number of them

Chain = tuple[x509.Certificate, ...]


def longest(
    verified: Sequence[bytes], sent: Sequence[bytes], known: Sequence[bytes]
) -> list[bytes]:
    """The chain that lasts longest, in DER: `verified`, or one from the same leaf.

    `sent` are a server's certificates, and `known` the authorities that are trusted. It decides
    nothing but what is told: that the server is trusted was found by `verified`.
    """
    try:
        chain = tuple(map(x509.load_der_x509_certificate, verified))
        others = [x509.load_der_x509_certificate(der) for der in sent]
        found = [chain, *_Search(others, known).chains(chain[:1])]
    except ValueError:  # a server may send any nonsense
        return list(verified)
    return [one.public_bytes(Encoding.DER) for one in max(found, key=_end)]


def _end(chain: Chain) -> datetime:
    return min(one.not_valid_after_utc for one in chain)


class _Search:
    def __init__(self, others: Sequence[x509.Certificate], known: Sequence[bytes]) -> None:
        self._others = others
        self._known = known
        self._now = datetime.now(UTC)
        self._left = MOST

    def chains(self, begun: Chain) -> Iterator[Chain]:
        """All that begin so, and end with what is trusted."""
        wanted = begun[-1].issuer.public_bytes()
        for anchor in (x509.load_der_x509_certificate(der) for der in self._known if wanted in der):
            if self._issued(anchor, begun[-1]):
                yield (*begun, anchor)
        for other in self._others:
            if other not in begun and self._issued(other, begun[-1]):
                yield from self.chains((*begun, other))

    def _issued(self, issuer: x509.Certificate, one: x509.Certificate) -> bool:
        is_valid = issuer.not_valid_before_utc <= self._now <= issuer.not_valid_after_utc
        if issuer.subject != one.issuer or not is_valid or not self._left:
            return False
        self._left -= 1
        try:
            one.verify_directly_issued_by(issuer)
            basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        return basic.value.ca
