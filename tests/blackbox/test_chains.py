"""How certificates become gauges, beyond what the zoo shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from prober.blackbox import chains
from prober.blackbox.report import Report


def name(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


def certificate(year: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    called = name((NameOID.COMMON_NAME, "shop"))
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(year, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


NAMES = {
    "CN=shop,O=Acme,C=DE": name(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, "Acme"),
        (NameOID.COMMON_NAME, "shop"),
    ),
    "CN=shop,O=Acme": name(
        (NameOID.COMMON_NAME, "shop"),
        (NameOID.ORGANIZATION_NAME, "Acme"),
    ),
    "CN=last": name((NameOID.COMMON_NAME, "first"), (NameOID.COMMON_NAME, "last")),
    "O=One+O=Two": name((NameOID.ORGANIZATION_NAME, "One"), (NameOID.ORGANIZATION_NAME, "Two")),
    r"CN=a\,b\ ": name((NameOID.COMMON_NAME, "a,b ")),
    "CN=x,1.2.840.113549.1.9.1=#0c0361406b": name(
        (NameOID.EMAIL_ADDRESS, "a@k"), (NameOID.COMMON_NAME, "x")
    ),
}


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_written_as_go_writes_it(text: str) -> None:
    assert chains.shown(NAMES[text]) == text


def test_the_earliest_end_of_what_was_sent_is_told() -> None:
    report = Report()

    chains.tell_expiry(report, [certificate(2031), certificate(2030)], [])

    assert "probe_ssl_earliest_cert_expiry 1.893456e+09\n" in report.render()


def test_a_chain_that_nobody_verified_ends_at_gos_zero_time() -> None:
    report = Report()

    chains.tell_expiry(report, [certificate(2030)], [])

    assert "last_chain_expiry_timestamp_seconds -6.21355968e+10\n" in report.render()


def test_the_verified_chain_has_an_end_of_its_own() -> None:
    report = Report()

    chains.tell_expiry(report, [certificate(2030)], [certificate(2031)])

    assert "last_chain_expiry_timestamp_seconds 1.924992e+09\n" in report.render()


@pytest.mark.parametrize("sent", [[], [b"nonsense"]])
def test_what_is_no_certificate_sets_no_gauge(sent: list[bytes]) -> None:
    report = Report()

    chains.tell_expiry(report, sent, [])
    chains.tell_leaf(report, sent)

    assert report.render() == ""


@pytest.mark.parametrize(
    ("version", "label"), [("TLSv1.3", "TLS 1.3"), ("TLSv1.0", "TLS 1.0"), (None, "unknown")]
)
def test_the_version_is_named_as_go_names_it(version: str | None, label: str) -> None:
    report = Report()

    chains.tell_version(report, version)

    assert f'probe_tls_version_info{{version="{label}"}} 1\n' in report.render()
