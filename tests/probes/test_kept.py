"""What becomes of connections that are kept, and which requests they carry."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from fetching import fetch
from patience import until
from servers import (
    Handler,
    answers,
    black_hole,
    closes,
    echoes,
    hangs,
    read_request,
    redirects,
    reset,
    response,
    says,
    serving,
)

from prober.model import Phase, Reason
from prober.probes import kept as kept_connections
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request
from prober.probes.speaking import spoken
from prober.wire import TlsOptions, Wire

KEPT = Options(keep_alive=True)
STAYING = KEPT._replace(follow_redirects=False)
LIBCURLS = Wire(source_address="127.0.0.1")  # it knows no other reason to carry such a request


def tls(**options: Any) -> Options:
    return KEPT._replace(wire=Wire(tls=TlsOptions(**options)))


ASKED: dict[str, tuple[str, Options]] = {
    "a bare host": ("", KEPT),
    "a query without a path": ("?a=b", KEPT),
    "a fragment": ("/a?b=c#d", KEPT),
    "dots": ("/a/../b", KEPT),
    "a host of its own": ("/", KEPT._replace(headers=(("X-A", "1"), ("host", "madre.local")))),
    "an agent of its own": ("/", KEPT._replace(headers=(("X-A", "1"), ("User-Agent", "me")))),
    "an empty header": ("/", KEPT._replace(headers=(("X-Empty", ""), ("X-B", "señal")))),
    "a body": ("/", STAYING._replace(method="PUT", body=b'{"a": 1}')),
    "a POST without a body": ("/", STAYING._replace(method="POST")),
    "a DELETE without a body": ("/", STAYING._replace(method="DELETE")),
}

FOR_LIBCURL: dict[str, tuple[str, Options]] = {
    "TLS that is not verified": ("https://127.0.0.1:80/", tls(insecure=True)),
    "a certificate of our own": ("https://127.0.0.1:80/", tls(cert_file="/me.pem")),
    "old TLS": ("https://127.0.0.1:80/", tls(min_version="1.0")),
    "another scheme": ("ftp://127.0.0.1:80/", KEPT),
    "a POST that may be redirected": ("http://127.0.0.1:80/", KEPT._replace(method="POST")),
    "a proxy": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(proxy="http://p:1"))),
    "a Unix socket": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(unix_socket="/s"))),
    "a source address": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(source_address="::1"))),
    "compression": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(compression=("gzip",)))),
    "HTTP/2": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(http_version="2"))),
    "a kind of address": ("http://127.0.0.1:80/", KEPT._replace(wire=Wire(ip_protocol="ip4"))),
    "another server's name": (
        "http://shop.test:80/",
        KEPT._replace(wire=Wire(tls=TlsOptions(server_name="shop.test"))),
    ),
    "headers that are wanted": ("http://127.0.0.1:80/", KEPT._replace(wants_headers=True)),
    "a header that frames": (
        "http://127.0.0.1:80/",
        KEPT._replace(headers=(("Connection", "close"),)),
    ),
    "a blank in the target": ("http://127.0.0.1:80/a b", KEPT),
    "a password": ("http://me:secret@127.0.0.1:80/", KEPT),
}

NOT_KEPT: dict[str, bytes] = {
    "a close that is announced": response(200, b"ok", {"Connection": "close"}),
    "HTTP/1.0": response(200, b"ok").replace(b"/1.1", b"/1.0"),
    "data behind the answer": response(200, b"ok") + b"more",
    "a line break behind the answer": response(200, b"ok") + b"\r\n",
    "two answers": response(200, b"ok") * 2,
}


@pytest.mark.parametrize("name", ASKED)
async def test_a_kept_connection_carries_what_libcurl_would_send(engine: Engine, name: str) -> None:
    path, options = ASKED[name]
    with serving(echoes()) as server:
        kept = await fetch(engine, server.url + path, options=options)
        by_libcurl = await fetch(engine, server.url + path, options=options._replace(wire=LIBCURLS))

        assert spoken(Request(server.url + path, server.host, server.port, options)) is not None
    assert kept.body == by_libcurl.body


@pytest.mark.parametrize("name", FOR_LIBCURL)
def test_what_is_not_simple_is_left_to_libcurl(name: str) -> None:
    url, options = FOR_LIBCURL[name]

    assert spoken(Request(url, "127.0.0.1", 80, options)) is None


@pytest.mark.parametrize("host", ["127.1", "0x7f", "Shop.test", "shop.test.", "señal.test", "a_b"])
def test_a_host_that_may_be_read_in_two_ways_is_left_to_libcurl(host: str) -> None:
    assert spoken(Request(f"http://{host}:80/", host, 80, KEPT)) is None


async def test_only_a_fresh_connection_takes_time_to_connect(engine: Engine) -> None:
    with serving(answers(200, b"ok", delay_s=0.02)) as server:
        first, second = [await fetch(engine, server.url, options=KEPT) for _ in range(2)]

    assert first.timings.connect > 0
    assert second.timings[:3] == (0.0, 0.0, 0.0)
    assert second.timings.processing == pytest.approx(20, abs=15)


@pytest.mark.parametrize("name", NOT_KEPT)
async def test_a_connection_that_is_not_safe_to_use_again_is_not(engine: Engine, name: str) -> None:
    with serving(says(NOT_KEPT[name])) as server:
        exchanges = [await fetch(engine, server.url, options=KEPT) for _ in range(2)]

        assert server.accepted == 2
    assert [(e.http_code, e.body) for e in exchanges] == [(200, b"ok")] * 2


@pytest.mark.parametrize("resetting", [False, True])
async def test_a_connection_closed_as_it_is_used_again_is_replaced(
    engine: Engine, resetting: bool
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response(200, b"ok"))
        await read_request(reader)
        if resetting:
            await reset(writer)

    with serving(once) as server:
        exchanges = [await fetch(engine, server.url, options=KEPT) for _ in range(3)]

    assert [e.http_code for e in exchanges] == [200] * 3


async def test_an_answer_that_breaks_off_on_a_used_connection_is_a_failure(engine: Engine) -> None:
    async def twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response(200, b"ok"))
        await read_request(reader)
        writer.write(b"HTTP/1.1 2")

    with serving(twice) as server:
        exchanges = [await fetch(engine, server.url, options=KEPT) for _ in range(2)]

    assert [e.reason for e in exchanges] == [None, Reason.RESET]


async def test_a_redirect_is_handed_to_libcurl_and_the_next_time_at_once(engine: Engine) -> None:
    with serving(answers(200, b"there")) as there, serving(redirects(there.url)) as here:
        exchanges = [await fetch(engine, here.url, options=KEPT) for _ in range(2)]

        assert here.accepted == 2  # one of our own, and libcurl's, which keeps it too
    assert [e.body for e in exchanges] == [b"there"] * 2


async def test_a_cancelled_request_gives_up_its_connection(engine: Engine) -> None:
    with serving(hangs()) as server:
        fetching = asyncio.create_task(fetch(engine, server.url, options=KEPT))
        await until(lambda: server.accepted)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await fetch(engine, server.url, 0.1, KEPT)

        await until(lambda: server.accepted == 2)


async def test_a_late_answer_is_not_taken_for_the_next(engine: Engine) -> None:
    with serving(answers(200, b"late", delay_s=0.1)) as server:
        first = await fetch(engine, server.url, 0.05, KEPT)
        second = await fetch(engine, server.url, 5.0, KEPT)

    assert (first.reason, second.body) == (Reason.TIMEOUT, b"late")
    assert second.timings.processing >= 90


async def test_a_connection_that_lay_idle_for_long_is_closed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_connections, "IDLE_S", 0.05)
    with serving(answers(200)) as server:
        await fetch(engine, server.url, options=KEPT)
        await asyncio.sleep(0.1)
        await fetch(engine, server.url, options=KEPT)

        assert server.accepted == 2


async def test_closing_cancels_what_is_still_connecting() -> None:
    engine = Engine(asyncio.get_running_loop())
    with black_hole() as url:
        fetching = asyncio.create_task(fetch(engine, url, options=KEPT))
        await asyncio.sleep(0.05)
        engine.close()

        with pytest.raises(asyncio.CancelledError):
            await fetching


async def test_localhost_is_reached_by_its_second_address(engine: Engine) -> None:
    with serving(answers(200, b"four")) as server:
        exchange = await fetch(engine, f"http://localhost:{server.port}/", options=KEPT)

    assert exchange.body == b"four"


@pytest.mark.parametrize("handler", [answers(200, b"ok"), closes(b"HTTP/1.1 2")])
def test_kept_connections_work_on_uvloop_too(handler: Handler) -> None:
    async def twice(url: str) -> list[Exchange]:
        engine = Engine(asyncio.get_running_loop())
        try:
            return [await fetch(engine, url, options=KEPT) for _ in range(2)]
        finally:
            engine.close()

    with (
        serving(handler) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        first, second = runner.run(twice(server.url))

    assert (first.http_code, first.phase) == (second.http_code, second.phase)
    assert first.phase in (None, Phase.PROCESSING)
