"""What a server's certificates say, as gauges under blackbox_exporter's names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from cryptography import x509
from cryptography.x509.oid import NameOID

from prober.blackbox.report import Report

UNVERIFIED = -62135596800.0  # Go's zero time: the value where no chain was verified

# In this order Go writes a name's attributes from right to left, several of a kind joined by "+".
SHORT = {
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.POSTAL_CODE: "POSTALCODE",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COMMON_NAME: "CN",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
}
ORDER = {oid: place for place, oid in enumerate(SHORT)}
SINGLE = frozenset({NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER})  # the last of several counts
ESCAPED = frozenset(',+"\\<>;')


def tell(
    report: Report, sent: Sequence[bytes], verified: Sequence[bytes], version: str | None
) -> None:
    """Set the gauges of a handshake, also of a failed one, where the server sent certificates.

    `sent` are its certificates in DER, the leaf first; `verified` is the chain that they were
    verified by, or empty where none was; `version` is TLS's, like "TLSv1.3".
    """
    if sent:
        tell_expiry(report, sent, verified)
        tell_leaf(report, sent)
        tell_version(report, version)


def tell_expiry(report: Report, sent: Sequence[bytes], verified: Sequence[bytes]) -> None:
    """Set the gauges of what expires when."""
    earliest = _earliest(sent)
    if earliest is None:
        return
    report.gauge(
        "probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime", earliest
    )
    chain = _earliest(verified)
    report.gauge(
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "Returns last SSL chain expiry in timestamp",
        UNVERIFIED if chain is None else chain,
    )


def tell_leaf(report: Report, sent: Sequence[bytes]) -> None:
    """Set the gauge that describes the first of the certificates that the server sent."""
    for leaf in _parsed(sent[:1]):
        report.gauge(
            "probe_ssl_last_chain_info",
            "Contains SSL leaf certificate information",
            1,
            {
                "fingerprint_sha256": hashlib.sha256(sent[0]).hexdigest(),
                "subject": shown(leaf.subject),
                "issuer": shown(leaf.issuer),
                "subjectalternative": ",".join(_dns_names(leaf)),
            },
        )


def tell_version(report: Report, version: str | None) -> None:
    """Set the gauge of TLS's version, which is like "TLSv1.3"."""
    said = "unknown" if version is None else version.replace("v", " ")
    help_text = "Returns the TLS version used or NaN when unknown"
    report.gauge("probe_tls_version_info", help_text, 1, {"version": said})


def shown(name: x509.Name) -> str:
    """A name as Go writes it, from the last to the first part: "CN=shop,O=Acme"."""
    known = sorted((a for a in name if a.oid in ORDER), key=lambda a: ORDER[a.oid])
    parts = [_joined(list(same)) for _, same in groupby(known, lambda a: a.oid)]
    others = [_other(attribute) for attribute in name if attribute.oid not in ORDER]
    return ",".join(reversed(others + parts))


def _joined(same: list[x509.NameAttribute[str | bytes]]) -> str:
    kept = same[-1:] if same[0].oid in SINGLE else same
    return "+".join(f"{SHORT[a.oid]}={_escaped(str(a.value))}" for a in kept)


def _other(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = attribute.value
    raw = value.encode() if isinstance(value, str) else value
    tag = 0x13 if _is_printable(raw) else 0x0C
    return f"{attribute.oid.dotted_string}=#{bytes((tag, len(raw) & 0x7F)).hex()}{raw.hex()}"


def _is_printable(raw: bytes) -> bool:
    return all(chr(c).isascii() and (chr(c).isalnum() or c in b" '()+,-./:=?") for c in raw)


def _escaped(value: str) -> str:
    last = len(value) - 1
    return "".join(
        f"\\{c}"
        if c in ESCAPED or (c == " " and place in {0, last}) or (c == "#" and place == 0)
        else c
        for place, c in enumerate(value)
    )


def _dns_names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.get_values_for_type(x509.DNSName)


def _earliest(chain: Iterable[bytes]) -> float | None:
    return min((c.not_valid_after_utc.timestamp() for c in _parsed(chain)), default=None)


def _parsed(chain: Iterable[bytes]) -> Iterator[x509.Certificate]:
    for der in chain:
        try:
            yield x509.load_der_x509_certificate(der)
        except ValueError:
            continue  # a server may send any nonsense
