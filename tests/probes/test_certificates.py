from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest
from authorities import Authority
from fetching import fetch
from servers import answers, make_certificate, serving

from prober.probes.certificates import Tls, complaint, read
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options

NOW_S = 1_800_000_000.0
DAY_S = 86_400
EXPIRED = "SSL certificate OpenSSL verify result: certificate has expired (10)"
LEAF = Tls("CN = shop, O = Acme", "CN = Some CA", ("shop.test",), None, None)


async def shown(
    engine: Engine, authority: Authority, name: str, first_day: int = -1, last_day: int = 30
) -> Exchange:
    """What an engine makes of a server with a certificate of these dates."""
    with serving(answers(200), authority.issue(name, first_day, last_day).context()) as server:
        return await fetch(engine, server.url)


@pytest.mark.parametrize(
    ("first_day", "last_day", "message"),
    [
        (-30, -3, "TLS: the certificate expired 3 days ago (CN=dated)"),
        (-30, -1, "TLS: the certificate expired 1 day ago (CN=dated)"),
        (2, 30, "TLS: the certificate is not valid yet (CN=dated)"),
    ],
)
async def test_a_certificate_out_of_its_time_is_told_by_its_age(
    trusting: Engine, authority: Authority, first_day: int, last_day: int, message: str
) -> None:
    exchange = await shown(trusting, authority, "dated", first_day, last_day)

    assert exchange.message == message


async def test_a_certificate_of_another_host_is_told_by_its_names(
    trusting: Engine, authority: Authority
) -> None:
    other = authority.issue("other", names="DNS:a.test,DNS:b.test")
    with serving(answers(200), other.context()) as server:
        exchange = await fetch(trusting, server.url)

    said = "TLS: the certificate is for a.test, b.test, and not for 127.0.0.1 (CN=other)"
    assert exchange.message == said


async def test_an_unknown_issuer_is_named(engine: Engine, authority: Authority) -> None:
    exchange = await shown(engine, authority, "strange")

    said = "TLS: the certificate comes from an issuer that is not trusted, CN=Test Authority"
    assert exchange.message == f"{said} (CN=strange)"


async def test_a_self_signed_certificate_is_called_so(trusting: Engine, tmp_path: Path) -> None:
    with serving(answers(200), make_certificate(tmp_path).context()) as server:
        exchange = await fetch(trusting, server.url)

    assert exchange.message == "TLS: the certificate is self-signed (CN=localhost)"


async def test_the_chain_is_read_also_where_it_is_not_trusted(
    engine: Engine, authority: Authority
) -> None:
    tls = (await shown(engine, authority, "strange", -1, 500)).tls

    assert tls is not None
    assert (tls.subject, tls.issuer) == ("CN = strange, O = Acme", "CN = Test Authority")
    assert tls.names == ("localhost", "127.0.0.1")
    assert ((tls.expiry or 0) - time.time()) // DAY_S == 500
    assert ((tls.chain_expiry or 0) - time.time()) // DAY_S == 399


@pytest.mark.parametrize(
    ("late_s", "ago"),
    [
        (0, "0 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7200, "2 hours"),
        (90_000, "1 day"),
        (400 * DAY_S, "400 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(late_s: int, ago: str) -> None:
    expired = LEAF._replace(chain_expiry=int(NOW_S) - late_s)

    assert complaint(EXPIRED, expired, NOW_S) == f"the certificate expired {ago} ago (CN=shop)"


@pytest.mark.parametrize("detail", ["anything else", "verify result: new (4711)"])
def test_what_libcurl_says_otherwise_is_told_as_it_is(detail: str) -> None:
    assert complaint(detail, LEAF, NOW_S) == detail


def test_nothing_is_read_where_nothing_was_shown() -> None:
    assert read([]) is None


def test_a_certificate_without_sense_is_read_as_far_as_it_goes() -> None:
    found = read([[(b"Subject", b"\xff"), (b"Expire date", b"never")]])

    assert found == Tls("\ufffd", "", (), None, None)


@pytest.mark.parametrize("trusted", [True, False])
async def test_version_and_cipher_are_told_where_they_are_asked_for(
    trusting: Engine, engine: Engine, authority: Authority, trusted: bool
) -> None:
    context = authority.issue("cipher").context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with serving(answers(200), context) as server:
        options = Options(wants_tls=True)
        exchange = await fetch(trusting if trusted else engine, server.url, options=options)

    assert (exchange.error is None) is trusted
    assert exchange.tls is not None
    assert exchange.tls.version == "TLSv1.2"
    assert exchange.tls.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"


async def test_plain_http_shows_no_tls(engine: Engine) -> None:
    with serving(answers(200)) as server:
        exchange = await fetch(engine, server.url, options=Options(wants_tls=True))

    assert exchange.tls is None
