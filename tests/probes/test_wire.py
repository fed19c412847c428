"""How requests travel: versions, encodings, redirects, proxies, addresses and TLS."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from authorities import Authority
from fetching import fetch
from servers import (
    Handler,
    answers,
    closes,
    dead_port,
    echoes,
    path_of,
    read_request,
    redirects,
    response,
    says,
    serving,
)

from prober.model import Phase, Reason, Service
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.exchange import Options
from prober.probes.http import HttpProbe
from prober.wire import TlsOptions, Wire

ENCODERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def wired() -> AsyncIterator[Engine]:
    """An engine that trusts what the system trusts."""
    engine = Engine(asyncio.get_running_loop())
    yield engine
    engine.close()


def over(**wire: object) -> Options:
    return Options(wire=Wire(**wire))  # type: ignore[arg-type]  # a plain dict of its fields


async def probe(engine: Engine, url: str, wire: Wire) -> Attempt:
    host, _, port = url.rpartition("/")[2].rpartition(":")
    service = Service("madre", url, host, int(port), wire=wire)
    return await HttpProbe(engine).run(service, "/", time.monotonic() + 5)


@pytest.mark.parametrize(("version", "line"), [("1.0", b"HTTP/1.0"), ("1.1", b"HTTP/1.1")])
async def test_a_version_is_spoken_as_asked(wired: Engine, version: str, line: bytes) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(wired, server.url, options=over(http_version=version))

    assert exchange.body.startswith(b"GET / " + line)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_version_of_the_answer_is_told(wired: Engine, version: str) -> None:
    said = f"HTTP/{version} 200 OK\r\nContent-Length: 0\r\n\r\n"
    with serving(says(said.encode())) as server:
        exchange = await fetch(wired, server.url)

    assert exchange.http_version == version


async def test_http_2_to_a_server_that_does_not_speak_it_is_a_failure(wired: Engine) -> None:
    with serving(closes(response(400))) as server:
        exchange = await fetch(wired, server.url, options=over(http_version="2"))

    assert exchange.reason in {Reason.PROTOCOL, Reason.RESET}


def encoded(encoding: str, body: bytes) -> Handler:
    return says(response(200, ENCODERS[encoding](body), {"Content-Encoding": encoding}))


@pytest.mark.parametrize("encoding", ENCODERS)
async def test_an_encoded_body_is_decoded(wired: Engine, encoding: str) -> None:
    with serving(encoded(encoding, b"well" * 100)) as server:
        exchange = await fetch(wired, server.url, options=over(compression=(encoding,)))

    assert exchange.body == b"well" * 100


async def test_encodings_are_asked_for_in_order(wired: Engine) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(wired, server.url, options=over(compression=("br", "gzip")))

    assert b"Accept-Encoding: br, gzip\r\n" in exchange.body


async def test_the_body_limit_stops_a_bomb(wired: Engine) -> None:
    options = over(compression=("gzip",))._replace(body_limit=1000)
    with serving(encoded("gzip", bytes(50_000_000))) as server:
        exchange = await fetch(wired, server.url, options=options)

    assert (exchange.error, exchange.cut, exchange.body) == (None, True, bytes(1000))


async def test_what_is_not_encoded_as_it_says_is_a_failure(wired: Engine) -> None:
    with serving(says(response(200, b"plain", {"Content-Encoding": "gzip"}))) as server:
        exchange = await fetch(wired, server.url, options=over(compression=("gzip",)))

    assert (exchange.reason, exchange.phase) == (Reason.PROTOCOL, Phase.TRANSFER)


@pytest.mark.parametrize(("size", "cut"), [(9, False), (10, False), (11, True)])
async def test_a_body_is_cut_where_it_is_longer_than_the_limit(
    wired: Engine, size: int, cut: bool
) -> None:
    with serving(answers(200, b"x" * size)) as server:
        exchange = await fetch(wired, server.url, options=Options(body_limit=10))

    assert exchange.cut is cut


async def test_redirects_end_at_their_limit(wired: Engine) -> None:
    with serving(redirects("/again")) as server:
        exchange = await fetch(wired, server.url, options=over(max_redirects=3))

        # Once by ourselves, then by libcurl.
        assert (exchange.reason, server.accepted) == (Reason.PROTOCOL, 1 + 4)


async def takes_cookies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sets a cookie and redirects to /seen, which echoes the request."""
    while True:
        request = await read_request(reader)
        if path_of(request) == "/seen":
            writer.write(response(200, request))
        else:
            cookie = {"Set-Cookie": "session=1", "Location": "/seen"}
            writer.write(response(302, b"", cookie))


async def test_cookies_are_kept_between_redirects(wired: Engine) -> None:
    with serving(takes_cookies) as server:
        exchange = await fetch(wired, server.url)

    assert b"Cookie: session=1\r\n" in exchange.body


async def test_cookies_are_forgotten_between_probes(wired: Engine) -> None:
    with serving(takes_cookies) as server:
        await fetch(wired, server.url)
        exchange = await fetch(wired, server.url + "/seen")

    assert b"Cookie" not in exchange.body


async def test_headers_are_those_of_the_last_answer(wired: Engine) -> None:
    last = says(response(200, b"", {"X-A": "1", "x-a": " two "}))
    with serving(last) as there, serving(redirects(there.url)) as here:
        exchange = await fetch(wired, here.url, options=Options(wants_headers=True))

    assert exchange.headers == (("Content-Length", "0"), ("X-A", "1"), ("x-a", "two"))


async def test_a_proxy_is_asked_for_the_whole_url(wired: Engine) -> None:
    with serving(echoes()) as proxy:
        options = over(proxy=proxy.url)
        exchange = await fetch(wired, "http://no-such-host.invalid/x", options=options)

    assert exchange.body.startswith(b"GET http://no-such-host.invalid/x HTTP/1.1\r\n")


async def test_a_proxy_gets_its_user_and_password(wired: Engine) -> None:
    with serving(echoes()) as proxy:
        url = proxy.url.replace("://", "://me:pw@")
        exchange = await fetch(wired, "http://a.invalid/", options=over(proxy=url))

    assert b"Proxy-Authorization: Basic bWU6cHc=\r\n" in exchange.body


async def test_a_host_of_no_proxy_is_asked_directly(wired: Engine) -> None:
    options = over(proxy="http://127.0.0.1:1", no_proxy=("127.0.0.1", "b.test"))
    with serving(answers(200)) as server:
        exchange = await fetch(wired, server.url, options=options)

    assert exchange.http_code == 200


async def test_a_proxy_that_refuses_is_no_failure_of_the_service(wired: Engine) -> None:
    with dead_port() as port:
        options = over(proxy=f"http://127.0.0.1:{port}")
        exchange = await fetch(wired, "http://a.invalid/", options=options)

    assert (exchange.reason, exchange.phase) == (Reason.PROBER, Phase.CONNECT)
    assert f"the proxy 127.0.0.1:{port}" in (exchange.message or "")


@pytest.mark.parametrize(
    ("code", "reason"), [(502, Reason.REFUSED), (407, Reason.PROBER), (403, Reason.PROBER)]
)
async def test_a_proxy_that_makes_no_tunnel_is_told_from_one_that_cannot(
    wired: Engine, code: int, reason: Reason
) -> None:
    with serving(answers(code)) as proxy:
        exchange = await fetch(wired, "https://a.invalid/", options=over(proxy=proxy.url))

    assert (exchange.reason, exchange.http_code) == (reason, None)


@pytest.mark.parametrize(
    ("protocol", "host"),
    [("ip4", "127.0.0.1"), ("prefer_ip4", "127.0.0.1"), ("ip6", "::1"), ("prefer_ip6", "::1")],
)
async def test_localhost_is_reached_by_the_wanted_protocol(
    wired: Engine, protocol: str, host: str
) -> None:
    with serving(answers(200), host=host) as server:
        url = f"http://localhost:{server.port}/"
        exchange = await fetch(wired, url, options=over(ip_protocol=protocol))

    assert exchange.http_code == 200


@pytest.mark.parametrize(("protocol", "host"), [("prefer_ip4", "::1"), ("prefer_ip6", "127.0.0.1")])
async def test_a_preference_falls_back(wired: Engine, protocol: str, host: str) -> None:
    with serving(answers(200), host=host) as server:
        url = f"http://localhost:{server.port}/"
        exchange = await fetch(wired, url, options=over(ip_protocol=protocol))

    assert exchange.http_code == 200


@pytest.mark.parametrize(("protocol", "host"), [("ip4", "::1"), ("ip6", "127.0.0.1")])
async def test_the_other_protocol_is_not_used(wired: Engine, protocol: str, host: str) -> None:
    with serving(answers(200), host=host) as server:
        url = f"http://localhost:{server.port}/"
        exchange = await fetch(wired, url, options=over(ip_protocol=protocol))

    assert exchange.reason is Reason.REFUSED


@pytest.mark.parametrize(("protocol", "answering"), [("prefer_ip4", 0), ("prefer_ip6", 1)])
async def test_the_preferred_protocol_is_tried_first(
    wired: Engine, protocol: str, answering: int
) -> None:
    with serving(answers(200, b"0")) as four:
        async with await asyncio.start_server(lambda r, w: w.close(), "::1", four.port):
            url = f"http://localhost:{four.port}/"
            exchange = await fetch(wired, url, options=over(ip_protocol=protocol))

    assert exchange.reason is (Reason.RESET if answering else None)


async def test_a_request_comes_from_the_given_address(wired: Engine) -> None:
    async def tells(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response(200, writer.get_extra_info("peername")[0].encode()))

    with serving(tells) as server:
        exchange = await fetch(wired, server.url, options=over(source_address="127.0.0.77"))

    assert exchange.body == b"127.0.0.77"


async def test_a_source_address_of_another_host_is_probers_own_trouble(wired: Engine) -> None:
    with serving(answers(200)) as server:
        exchange = await fetch(wired, server.url, options=over(source_address="192.0.2.1"))

    assert exchange.reason is Reason.PROBER


async def test_a_unix_socket_is_asked_in_place_of_the_host(wired: Engine, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    async with await asyncio.start_unix_server(echoes(), path):
        exchange = await fetch(
            wired, "http://no-such-host.invalid/x", options=over(unix_socket=path)
        )

    assert b"GET /x HTTP/1.1\r\nHost: no-such-host.invalid\r\n" in exchange.body


async def test_a_unix_socket_that_is_not_there_refuses(wired: Engine, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    exchange = await fetch(wired, "http://a.invalid/", options=over(unix_socket=path))

    assert (exchange.reason, exchange.message) == (Reason.REFUSED, f"refused by {path}")


async def test_an_authority_of_ones_own_is_trusted(wired: Engine, authority: Authority) -> None:
    tls = TlsOptions(ca_file=str(authority.cert))
    with serving(answers(200), authority.issue("own").context()) as server:
        exchange = await fetch(wired, server.url, options=over(tls=tls))

    assert exchange.http_code == 200


async def test_insecure_takes_any_certificate(wired: Engine, authority: Authority) -> None:
    expired = authority.issue("expired", -9, -2, "DNS:elsewhere.test")
    with serving(answers(200), expired.context()) as server:
        exchange = await fetch(wired, server.url, options=over(tls=TlsOptions(insecure=True)))

    assert exchange.http_code == 200
    assert (exchange.tls_expiry or 0) < time.time()


async def test_a_client_certificate_is_shown(wired: Engine, authority: Authority) -> None:
    context = authority.issue("server").context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.cert)
    client = authority.issue("client")
    mine = TlsOptions(str(authority.cert), str(client.cert), str(client.key))
    with serving(answers(200), context) as server:
        with_it = await fetch(wired, server.url, options=over(tls=mine))
        without = await fetch(wired, server.url, options=over(tls=TlsOptions(mine.ca_file)))

    assert (with_it.http_code, without.http_code) == (200, None)


@pytest.mark.parametrize("file", ["ca_file", "cert_file"])
async def test_a_file_that_is_not_there_is_probers_own_trouble(wired: Engine, file: str) -> None:
    tls = TlsOptions(**{file: "/nowhere.pem"})  # type: ignore[arg-type]  # one of its fields
    with serving(answers(200)) as server:
        url = server.url.replace("http", "https")
        exchange = await fetch(wired, url, options=over(tls=tls))

    assert exchange.reason is Reason.PROBER


async def test_a_server_of_old_tls_is_refused_where_a_newer_one_is_wanted(
    wired: Engine, authority: Authority
) -> None:
    context = authority.issue("old").context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    options = over(tls=TlsOptions(str(authority.cert), min_version="1.3"))
    with serving(answers(200), context) as server:
        exchange = await fetch(wired, server.url, options=options)

    assert (exchange.reason, exchange.phase) == (Reason.TLS, Phase.TLS)


async def test_a_server_name_stands_in_for_the_host_in_tls_only(
    wired: Engine, authority: Authority
) -> None:
    named = authority.issue("named", names="DNS:shop.test")
    tls = TlsOptions(str(authority.cert), server_name="shop.test")
    asked: list[str] = []
    context = named.context()
    context.sni_callback = lambda _, name, __: asked.append(str(name))
    with serving(echoes(), context) as server:
        attempt = await probe(wired, server.url, Wire(tls=tls))

    assert (attempt.ok, asked) == (True, ["shop.test"])
    assert f"Host: 127.0.0.1:{server.port}" in (attempt.snippet or "")


async def test_another_server_name_than_the_certificates_fails(
    wired: Engine, authority: Authority
) -> None:
    tls = TlsOptions(str(authority.cert), server_name="shop.test")
    with serving(answers(200), authority.issue("local").context()) as server:
        attempt = await probe(wired, server.url, Wire(tls=tls))

    assert attempt.reason is Reason.TLS
    assert "and not for shop.test" in (attempt.message or "")
