"""TLS of our own: what it measures, and what it leaves to libcurl to say."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvloop
from authorities import Authority
from fetching import fetch
from patience import given_time
from servers import (
    Certificate,
    Handler,
    answers,
    black_hole,
    echoes,
    hangs,
    read_request,
    resets,
    response,
    serving,
)

from prober.model import Phase, Reason
from prober.probes import securing
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options
from prober.probes.securing import Trusts
from prober.probes.speaking import Security
from prober.wire import TlsOptions, Wire

KEPT = Options(keep_alive=True)
LIBCURLS = Wire(source_address="127.0.0.1")  # it knows no other reason to carry such a request


def old(certificate: Certificate) -> ssl.SSLContext:
    """A server's TLS that nobody should speak any more."""
    context = certificate.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def demanding(certificate: Certificate) -> ssl.SSLContext:
    """A server's TLS that wants to know who asks, and says so once the handshake is done."""
    context = certificate.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate.cert)
    return context


async def answers_in_plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer what is no HTTP, as a port without TLS does."""
    await reader.read(1000)
    writer.write(b"HTTP/1.1 400 No\r\n\r\n")


Secured = Callable[[Authority], ssl.SSLContext | None]
REFUSED: dict[str, tuple[Secured, Handler]] = {
    "expired": (lambda a: a.issue("dated", -30, -3).context(), answers(200)),
    "not valid yet": (lambda a: a.issue("early", 2, 30).context(), answers(200)),
    "another host's": (lambda a: a.issue("other", names="DNS:a.test").context(), answers(200)),
    "an old version": (lambda a: old(a.issue("aged")), answers(200)),
    "a certificate wanted": (lambda a: demanding(a.issue("strict")), answers(200)),
    "a plain port": (lambda _: None, answers_in_plain),
    "closed in the handshake": (lambda _: None, resets(at_once=True)),
}


@pytest.mark.parametrize("options", [Options(), KEPT], ids=["fresh", "kept"])
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_wrong_with_tls_is_told_in_libcurls_words(
    trusting: Engine, authority: Authority, name: str, options: Options
) -> None:
    context, handler = REFUSED[name]
    with serving(handler, context(authority)) as server:
        url = f"https://127.0.0.1:{server.port}"
        theirs = await fetch(trusting, url, options=Options(wire=LIBCURLS))
        ours = [await fetch(trusting, url, options=options) for _ in range(2)]

    assert theirs.error is not None
    assert [told(exchange) for exchange in ours] == [told(theirs)] * 2


def told(exchange: Exchange) -> tuple[object, ...]:
    return exchange.reason, exchange.phase, exchange.message, exchange.tls_expiry


async def test_an_unknown_issuer_is_told_in_libcurls_words(
    engine: Engine, authority: Authority
) -> None:
    with serving(answers(200), authority.issue("strange").context()) as server:
        exchanges = [await fetch(engine, server.url) for _ in range(2)]

    said = "TLS: the certificate comes from an issuer that is not trusted, CN=Test Authority"
    assert [e.message for e in exchanges] == [f"{said} (CN=strange)"] * 2


async def test_libcurl_is_asked_about_a_certificate_once(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(answers(200), certificate.context()) as server:
        counts = []
        for _ in range(3):
            await fetch(engine, server.url)
            counts.append(server.accepted)

    assert counts == [2, 3, 4]


async def test_a_changed_certificate_is_shown_to_libcurl(
    trusting: Engine, authority: Authority
) -> None:
    context = authority.issue("first").context()
    with serving(answers(200), context) as server:
        before = [await fetch(trusting, server.url) for _ in range(2)][1]
        renewed = authority.issue("second", last_day=90)
        context.load_cert_chain(renewed.cert, renewed.key)
        accepted = server.accepted
        after = await fetch(trusting, server.url)

        assert server.accepted == accepted + 2
    assert (after.tls_expiry or 0) - (before.tls_expiry or 0) == 60 * 86_400


async def test_what_is_refused_goes_to_libcurl_at_once_the_next_time(
    engine: Engine, authority: Authority
) -> None:
    with serving(answers(200), authority.issue("strange").context()) as server:
        for _ in range(2):
            await fetch(engine, server.url)

        assert server.accepted <= 3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_phases_and_expiry_of_a_handshake_are_told(
    engine: Engine, certificate: Certificate, version: ssl.TLSVersion, name: str
) -> None:
    context = certificate.context()
    context.maximum_version = version
    with serving(answers(200, b"ok", delay_s=0.05), context) as server:
        url = f"https://{name}:{server.port}"
        exchange = [await fetch(engine, url) for _ in range(2)][1]

    assert exchange.body == b"ok"
    assert exchange.timings.connect > 0
    assert exchange.timings.tls > 0
    assert exchange.timings.processing >= 50
    assert sum(exchange.timings) == pytest.approx(exchange.total_ms, abs=0.01)
    assert 29 < ((exchange.tls_expiry or 0) - time.time()) / 86_400 <= 30


async def test_a_kept_connection_makes_one_handshake(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(answers(200), certificate.context()) as server:
        exchanges = [await fetch(engine, server.url, options=KEPT) for _ in range(5)]

        assert server.accepted == 3  # to have it judged by libcurl, libcurl's, and ours
    assert [e.tls_expiry is not None for e in exchanges] == [True, True, False, False, False]
    assert exchanges[-1].timings[:3] == (0.0, 0.0, 0.0)


async def test_a_large_request_is_sent_whole(engine: Engine, certificate: Certificate) -> None:
    body = b"x" * 500_000
    options = Options("POST", body=body, follow_redirects=False, body_limit=1_000_000)
    with serving(echoes(), certificate.context()) as server:
        exchange = [await fetch(engine, server.url, options=options) for _ in range(2)][1]

    assert exchange.body.endswith(b"\r\n\r\n" + body)


async def test_a_connection_closed_as_it_is_used_again_is_replaced(
    engine: Engine, certificate: Certificate
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(response(200, b"ok"))
        await read_request(reader)

    with serving(once, certificate.context()) as server:
        exchanges = [await fetch(engine, server.url, options=KEPT) for _ in range(4)]

    assert [e.http_code for e in exchanges] == [200] * 4


@contextmanager
def accepting(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The url of a server that serves each connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(link,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@contextmanager
def shaking(delays_s: list[float], certificate: Certificate) -> Iterator[str]:
    """The url of a server that waits before its handshakes, for the last of these ever after."""
    over = threading.Event()

    def serve(link: socket.socket) -> None:
        over.wait(delays_s.pop(0) if len(delays_s) > 1 else delays_s[0])
        try:
            with certificate.context().wrap_socket(link, server_side=True) as secured:
                secured.recv(1000)
                secured.sendall(response(200))
        except OSError:
            link.close()

    with accepting(serve) as url:
        yield url
        over.set()


@pytest.mark.parametrize("known", [False, True])
async def test_a_handshake_that_takes_too_long_is_a_timeout_in_tls(
    engine: Engine, certificate: Certificate, known: bool
) -> None:
    with shaking([0.0, 0.0, 5.0] if known else [5.0], certificate) as url:
        if known:
            await fetch(engine, url)
        exchange = await given_time(
            lambda s: fetch(engine, url, s), lambda found: found.phase is Phase.TLS, 0.3, 3.0
        )

    assert (exchange.reason, exchange.phase) == (Reason.TIMEOUT, Phase.TLS)
    assert (exchange.message or "").endswith("in time: stuck in tls")


async def test_who_only_answers_libcurl_is_asked_by_libcurl(
    engine: Engine, certificate: Certificate
) -> None:
    with shaking([5.0, 0.0], certificate) as url:
        exchange = await fetch(engine, url, 2.0)

    assert exchange.http_code == 200


async def test_a_host_that_is_not_reached_is_a_timeout_in_connect(engine: Engine) -> None:
    with black_hole() as url:
        exchange = await fetch(engine, url.replace("http", "https"), 0.3)

    assert (exchange.reason, exchange.phase) == (Reason.TIMEOUT, Phase.CONNECT)


def test_a_file_of_authorities_is_read_again_where_it_has_changed(
    certificate: Certificate, authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "authorities.crt"
    shutil.copy(certificate.cert, file)
    trusts, security = Trusts(str(file)), Security(None, (b"http/1.1",))
    before = [trusts.of(security) for _ in range(2)]
    file.write_text(authority.cert.read_text())

    assert before[0] is before[1] is not trusts.of(security)


def test_a_file_of_authorities_is_read_again_after_an_hour(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(securing, "GOOD_FOR_S", 0.0)
    trusts, security = Trusts(str(certificate.cert)), Security(None, (b"http/1.1",))

    assert trusts.of(security) is not trusts.of(security)


async def test_a_file_of_authorities_that_is_missing_is_probers_own_trouble(
    engine: Engine, certificate: Certificate
) -> None:
    options = Options(wire=Wire(tls=TlsOptions(ca_file="/nowhere.crt")))
    with serving(answers(200), certificate.context()) as server:
        exchange = await fetch(engine, server.url, options=options)

    assert exchange.reason is Reason.PROBER


async def test_what_follows_the_goodbye_holds_nobody_up(
    engine: Engine, certificate: Certificate
) -> None:
    # rustls takes none of it, and some of what is built on it goes round in circles then.
    with rambling(certificate) as url:
        exchanges = [await fetch(engine, url, 2.0) for _ in range(2)]

    assert [e.http_code for e in exchanges] == [200, 200]


@contextmanager
def rambling(certificate: Certificate) -> Iterator[str]:
    """The url of a server that answers, says goodbye, and sends rubbish in the same breath."""

    def serve(link: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = certificate.context().wrap_bio(incoming, outgoing, server_side=True)
        try:
            step(session.do_handshake, link, incoming, outgoing)
            step(session.read, link, incoming, outgoing)
            session.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            farewell(session)
            link.sendall(outgoing.read() + b"\x17\x03\x03\x40\x00" * 40_000)
            link.recv(1000)
        except OSError:
            pass
        finally:
            link.close()

    with accepting(serve) as url:
        yield url


def step(
    act: Callable[[], object], link: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    """Do something with a session, and carry its bytes to and fro until it is done."""
    while True:
        try:
            act()
        except ssl.SSLWantReadError:
            link.sendall(outgoing.read())
            incoming.write(link.recv(65_536))
        else:
            link.sendall(outgoing.read())
            return


def farewell(session: ssl.SSLObject) -> None:
    try:
        session.unwrap()
    except ssl.SSLWantReadError:
        return


def test_tls_works_on_uvloop_too(certificate: Certificate) -> None:
    async def thrice(url: str) -> list[Exchange]:
        engine = Engine(asyncio.get_running_loop(), str(certificate.cert))
        try:
            return [await fetch(engine, url, options=KEPT) for _ in range(3)]
        finally:
            engine.close()

    with (
        serving(answers(200, b"ok"), certificate.context()) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        exchanges = runner.run(thrice(server.url))

    assert [(e.http_code, e.body) for e in exchanges] == [(200, b"ok")] * 3


async def test_a_cancelled_handshake_leaves_the_engine_working(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(hangs()) as dumb, serving(answers(200), certificate.context()) as server:
        fetching = asyncio.create_task(fetch(engine, dumb.url.replace("http", "https")))
        await asyncio.sleep(0.05)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching

        assert (await fetch(engine, server.url)).http_code == 200
