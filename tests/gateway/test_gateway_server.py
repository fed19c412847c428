"""The embedded server: binding, starting, and stopping in time."""

from __future__ import annotations

import asyncio
import signal
import socket
import time

import pytest
from starlette.types import Receive, Scope, Send

from prober.errors import AddressInUse
from prober.gateway.server import Server, bind

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(3600)


async def connect(listener: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
    writer.write(REQUEST)
    return reader, writer


def test_an_address_in_use_is_named_with_a_remedy() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(AddressInUse) as raised:
            bind("127.0.0.1", port)

    said = f"gateway: 127.0.0.1:{port} is in use; stop the other process or set gateway.port"
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "gateway: 192.0.2.1:0 is no address of this host; set gateway.host"),
        ("no such host", "gateway: no such host:0 has no such host; set gateway.host to"),
    ],
)
def test_an_address_of_elsewhere_is_refused_with_a_remedy(host: str, said: str) -> None:
    with pytest.raises(AddressInUse) as raised:
        bind(host, 0)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_the_server_answers_once_it_has_started(host: str) -> None:
    with bind(host, 0) as listener:
        server = Server(answer, listener)
        await server.start()

        reader, writer = await connect(listener)

        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await server.stop()


@pytest.mark.parametrize("app", [answer, hang])
async def test_stop_waits_for_no_client(app: object) -> None:
    with bind("127.0.0.1", 0) as listener:
        server = Server(app, listener)  # type: ignore[arg-type]  # an ASGI function either way
        await server.start()
        idle = await asyncio.open_connection(*listener.getsockname())
        busy = await connect(listener)
        await asyncio.sleep(0.05)  # for the request to arrive
        before_s = time.monotonic()

        await server.stop()

        assert time.monotonic() - before_s < 15
        for _, writer in (idle, busy):
            writer.close()


async def test_signal_handlers_stay_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with bind("127.0.0.1", 0) as listener:
        server = Server(answer, listener)
        await server.start()

        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

        assert during == before
        await server.stop()


async def test_a_server_that_never_started_can_be_stopped() -> None:
    with bind("127.0.0.1", 0) as listener:
        await Server(answer, listener).stop()
