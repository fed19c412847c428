"""What hostile and broken services do to a fetch: which reason and phase, and how long it holds."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from fetching import fetch
from patience import given_time, least, took_s, until
from servers import (
    Certificate,
    Handler,
    answers,
    black_hole,
    closes,
    dead_port,
    drips,
    floods,
    hangs,
    redirects,
    resets,
    response,
    serving,
)

from prober.model import Phase, Reason
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request

HEAD = b"HTTP/1.1 200 OK\r\n"
HALF = HEAD + b"Content-Length: 99\r\n\r\nhalf"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TIMEOUT_S = 0.2

# What a server does; the reason, the phase and httpx's class that must come of it.
FAILURES: dict[str, tuple[Handler, Reason, Phase, type[httpx.RequestError]]] = {
    "hangs": (hangs(), Reason.TIMEOUT, Phase.PROCESSING, httpx.ReadTimeout),
    "hangs in its headers": (
        hangs(b"HTTP/1.1 2"),
        Reason.TIMEOUT,
        Phase.PROCESSING,
        httpx.ReadTimeout,
    ),
    "hangs in its body": (hangs(HALF), Reason.TIMEOUT, Phase.TRANSFER, httpx.ReadTimeout),
    "drips headers": (
        drips(HEAD, drop=b"A: b\r\n"),
        Reason.TIMEOUT,
        Phase.TRANSFER,
        httpx.ReadTimeout,
    ),
    "drips its body": (drips(HEAD + b"\r\n"), Reason.TIMEOUT, Phase.TRANSFER, httpx.ReadTimeout),
    "drips chunks": (
        drips(CHUNKED, drop=b"1\r\na\r\n"),
        Reason.TIMEOUT,
        Phase.TRANSFER,
        httpx.ReadTimeout,
    ),
    "says 100 for ever": (
        drips(b"", drop=b"HTTP/1.1 100 Continue\r\n\r\n"),
        Reason.TIMEOUT,
        Phase.TRANSFER,
        httpx.ReadTimeout,
    ),
    "redirects in circles": (
        redirects("/again", delay_s=0.05),
        Reason.TIMEOUT,
        Phase.PROCESSING,
        httpx.ReadTimeout,
    ),
    "closes at once": (closes(), Reason.RESET, Phase.PROCESSING, httpx.RemoteProtocolError),
    "closes in its body": (
        closes(HALF),
        Reason.RESET,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
    "resets": (resets(), Reason.RESET, Phase.PROCESSING, httpx.ReadError),
    "resets in its body": (resets(HALF), Reason.RESET, Phase.TRANSFER, httpx.ReadError),
    "speaks garbage": (
        closes(b"\x00\x01garbage\r\n\r\n"),
        Reason.PROTOCOL,
        Phase.PROCESSING,
        httpx.RemoteProtocolError,
    ),
    "speaks another protocol": (
        closes(b"220 smtp.example ESMTP\r\n"),
        Reason.PROTOCOL,
        Phase.PROCESSING,
        httpx.RemoteProtocolError,
    ),
    "breaks its chunks": (
        closes(CHUNKED + b"zz\r\nabc"),
        Reason.PROTOCOL,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
    "has a length of nonsense": (
        closes(HEAD + b"Content-Length: many\r\n\r\n"),
        Reason.PROTOCOL,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
    "redirects to another protocol": (
        redirects("ftp://localhost/"),
        Reason.PROTOCOL,
        Phase.PROCESSING,
        httpx.RemoteProtocolError,
    ),
    "redirects to nonsense": (
        redirects("http://[zz/"),
        Reason.PROTOCOL,
        Phase.PROCESSING,
        httpx.RemoteProtocolError,
    ),
    "floods with headers": (
        floods(HEAD, b"".join(b"X-%d: %s\r\n" % (i, b"a" * 4000) for i in range(20))),
        Reason.TOO_LARGE,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
    "floods with small headers": (
        floods(HEAD, b"X: y\r\n" * 4000),
        Reason.TOO_LARGE,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
    "floods with one header": (
        floods(HEAD + b"X: ", b"a" * 65_536),
        Reason.TOO_LARGE,
        Phase.TRANSFER,
        httpx.RemoteProtocolError,
    ),
}


async def is_back_in_time(engine: Engine, url: str, kept: bool = False) -> bool:
    limit_s = TIMEOUT_S + 0.05
    fetching = partial(fetch, engine, url, TIMEOUT_S, Options(keep_alive=kept))
    return await least(partial(took_s, fetching), limit_s) <= limit_s


def times_out(engine: Engine, url: str, phase: Phase, kept: bool = False) -> Awaitable[Exchange]:
    """The exchange that times out in this phase, or else the last one that was asked for it."""
    options = Options(keep_alive=kept)
    return given_time(lambda s: fetch(engine, url, s, options), lambda found: found.phase is phase)


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_has_its_reason_phase_and_class(
    engine: Engine, name: str, kept: bool
) -> None:
    handler, reason, phase, error = FAILURES[name]
    with serving(handler) as server:
        if reason is Reason.TIMEOUT:
            exchange = await times_out(engine, server.url, phase, kept)
        else:
            exchange = await fetch(engine, server.url, options=Options(keep_alive=kept))

    assert (exchange.reason, exchange.phase) == (reason, phase)
    assert type(exchange.error) is error


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
@pytest.mark.parametrize("name", FAILURES)
async def test_no_server_holds_a_fetch_beyond_its_timeout(
    engine: Engine, name: str, kept: bool
) -> None:
    with serving(FAILURES[name][0]) as server:
        assert await is_back_in_time(engine, server.url, kept)


async def test_a_slow_tls_handshake_is_bounded_too(engine: Engine) -> None:
    with serving(hangs()) as server:
        assert await is_back_in_time(engine, server.url.replace("http", "https"))


async def test_a_connection_that_is_never_accepted_is_bounded_too(engine: Engine) -> None:
    with black_hole() as url:
        assert await is_back_in_time(engine, url)


async def test_a_redirect_into_a_black_hole_is_bounded_too(engine: Engine) -> None:
    with black_hole() as hole, serving(redirects(hole)) as server:
        assert await is_back_in_time(engine, server.url)


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_a_closed_port_refuses(engine: Engine, kept: bool) -> None:
    with dead_port() as port:
        exchange = await fetch(
            engine, f"http://127.0.0.1:{port}/", options=Options(keep_alive=kept)
        )

    assert (exchange.reason, exchange.phase) == (Reason.REFUSED, Phase.CONNECT)
    assert exchange.http_code is None
    assert exchange.message == f"refused by 127.0.0.1:{port}"


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_a_name_with_two_addresses_refuses_too(engine: Engine, kept: bool) -> None:
    with dead_port() as port:
        exchange = await fetch(
            engine, f"http://localhost:{port}/", options=Options(keep_alive=kept)
        )

    assert exchange.reason is Reason.REFUSED


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_a_connection_that_is_never_accepted_times_out_in_connect(
    engine: Engine, kept: bool
) -> None:
    with black_hole() as url:
        exchange = await times_out(engine, url, Phase.CONNECT, kept)

    assert (exchange.reason, exchange.phase) == (Reason.TIMEOUT, Phase.CONNECT)
    assert type(exchange.error) is httpx.ConnectTimeout


async def test_an_unknown_name_fails_in_resolve(engine: Engine) -> None:
    exchange = await fetch(engine, "http://no-such-host.invalid/", 5.0)

    assert exchange.phase is Phase.RESOLVE
    assert exchange.reason in {Reason.DNS, Reason.TIMEOUT}  # the latter without a name server


@pytest.mark.parametrize("target", ["hang", "hole", "tls", "dead"])
async def test_a_failure_behind_a_redirect_has_the_phase_of_the_last_request(
    engine: Engine, target: str
) -> None:
    with serving(hangs()) as dumb, black_hole() as hole, dead_port() as port:
        targets = {
            "hang": (dumb.url, Phase.PROCESSING),
            "hole": (hole, Phase.CONNECT),
            "tls": (dumb.url.replace("http", "https"), Phase.TLS),
            "dead": (f"http://127.0.0.1:{port}", Phase.CONNECT),
        }
        url, phase = targets[target]
        with serving(redirects(url)) as server:
            exchange = await times_out(engine, server.url, phase)

    assert (exchange.http_code, exchange.phase) == (302, phase)


async def test_a_stuck_handshake_times_out_in_tls(engine: Engine) -> None:
    with serving(hangs()) as server:
        exchange = await times_out(engine, server.url.replace("http", "https"), Phase.TLS)

    assert (exchange.reason, exchange.phase) == (Reason.TIMEOUT, Phase.TLS)
    assert type(exchange.error) is httpx.ConnectTimeout


async def test_plain_http_on_a_tls_port_is_a_failure_of_tls(engine: Engine) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(response(400))
        await reader.read()

    with serving(plain) as server:
        exchange = await fetch(engine, server.url.replace("http", "https"))

    assert (exchange.reason, exchange.phase) == (Reason.TLS, Phase.TLS)


async def test_a_reset_in_the_handshake_is_a_reset(engine: Engine) -> None:
    with serving(resets(at_once=True)) as server:
        exchange = await fetch(engine, server.url.replace("http", "https"))

    assert (exchange.reason, exchange.phase) == (Reason.RESET, Phase.TLS)


async def test_tls_that_ends_without_goodbye_in_a_body_is_a_reset(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(resets(HALF), certificate.context()) as server:
        exchange = await fetch(engine, server.url)

    assert (exchange.reason, exchange.phase) == (Reason.RESET, Phase.TRANSFER)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def no_free_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[socket.socket] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    with suppress(OSError):
        while True:
            taken.append(socket.socket())
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for one in taken:
        one.close()


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_a_lack_of_file_descriptors_is_probers_own_trouble(
    engine: Engine, kept: bool
) -> None:
    with serving(answers(200)) as server:
        before = descriptors()
        await fetch(engine, server.url)
        await until(lambda: descriptors() <= before)  # the server's end is closed, too
        with no_free_descriptors():
            exchange = await fetch(engine, server.url, options=Options(keep_alive=kept))

        assert exchange.reason is Reason.PROBER


async def test_a_url_that_libcurl_refuses_is_probers_own_trouble(engine: Engine) -> None:
    exchange = await engine.fetch(Request("http://[zz/", "127.0.0.1", 80, Options()), 1.0)

    assert (exchange.reason, exchange.http_code) == (Reason.PROBER, None)


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_the_time_until_a_failure_belongs_to_the_phase_that_failed(
    engine: Engine, kept: bool
) -> None:
    with serving(hangs()) as server:
        exchange = await times_out(engine, server.url, Phase.PROCESSING, kept)

    assert exchange.timings.processing == pytest.approx(exchange.total_ms, abs=20)
    assert exchange.timings.transfer == 0
