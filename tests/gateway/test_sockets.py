"""WebSockets whose clients misbehave: what they may take up, and how they end."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from gateway.streaming import joined, listening
from gateway.watched import counted, serving
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus

from prober.config.tree import Gateway
from prober.gateway import app, server, sockets
from prober.gateway.context import Context
from prober.hub import EVENT, Hub

TEXT = "x" * 50_000


@contextmanager
def raw(gateway: str) -> Iterator[socket.socket]:
    """A client that has asked for the stream, with small buffers, and reads what it likes."""
    address = gateway.removeprefix("http://")
    host, _, port = address.partition(":")
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(
            f"GET /api/v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        client.setblocking(False)
        yield client


async def rest(client: socket.socket) -> bytes:
    """All that comes until the server is done."""
    received, loop = bytearray(), asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while chunk := await loop.sock_recv(client, 2**20):
            received += chunk
    return bytes(received)


def masked(opcode: int, payload: bytes = b"", final: bool = True) -> bytes:
    """A small frame as a client sends it."""
    return struct.pack("!BB", opcode | final << 7, len(payload) | 0x80) + bytes(4) + payload


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of half a second."""
    monkeypatch.setattr(sockets, "CLOSE_S", 0.5)


async def test_who_does_not_read_hinders_nobody_else(gateway: str, hub: Hub) -> None:
    with raw(gateway):
        async with listening(gateway) as client:
            await joined(hub, 2)
            delays_s = []
            for number in range(100):
                before_s = time.perf_counter()
                hub.publish(EVENT, f"{number}{TEXT}")
                assert (await client.connection.recv()).startswith(str(number))  # type: ignore[arg-type]
                delays_s.append(time.perf_counter() - before_s)

            assert sorted(delays_s)[90] < 0.1


async def test_who_does_not_read_is_dropped_and_gone_soon(
    gateway: str, context: Context, hub: Hub, hasty: None
) -> None:
    with raw(gateway):
        await joined(hub, 1)
        for _ in range(200):
            hub.publish(EVENT, TEXT)
            await asyncio.sleep(0)

        await joined(hub, 0)

    assert counted(context, "stream_dropped_total") == 1


async def test_who_reads_too_slowly_is_told_so(gateway: str, hub: Hub, hasty: None) -> None:
    with raw(gateway) as client:
        await joined(hub, 1)
        for _ in range(200):
            hub.publish(EVENT, TEXT)
            await asyncio.sleep(0)
        end = await rest(client)

    assert end.endswith(struct.pack("!H", 1013) + b"reads too slowly")
    assert len(end) < 200 * len(TEXT)


async def test_pings_whose_answers_are_not_read_end_a_connection(
    gateway: str, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "QUEUE_BYTES", 4096)
    loop = asyncio.get_running_loop()
    with raw(gateway) as client:
        await joined(hub, 1)
        with pytest.raises(ConnectionError):
            async with asyncio.timeout(20):
                while True:
                    await loop.sock_sendall(client, masked(9, b"x" * 125) * 100)


async def test_a_message_of_too_many_parts_ends_a_connection(
    gateway: str, hub: Hub, hasty: None
) -> None:
    with raw(gateway) as client:
        await joined(hub, 1)
        client.sendall(masked(1, b'"', final=False) + masked(0, final=False) * 1100)

        assert struct.pack("!H", 1009) in await rest(client)


@pytest.mark.parametrize(("size", "taken"), [(65_534, True), (65_535, False)])
async def test_a_message_may_have_64_kib(gateway: str, size: int, taken: bool) -> None:
    message = f'"{"x" * size}"'
    async with listening(gateway) as client:
        await client.say(message)
        if taken:
            assert await client.connection.recv() == message
        else:
            with pytest.raises(ConnectionClosedError) as closed:
                await client.connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009


async def test_a_client_that_answers_no_ping_is_dropped(
    monkeypatch: pytest.MonkeyPatch, context: Context
) -> None:
    monkeypatch.setattr(server, "PING_S", 0.3)
    async with serving(app.build(context)) as gateway:
        with raw(gateway) as client:
            end = await rest(client)

    assert struct.pack("!H", 1011) in end


async def test_a_client_that_vanishes_in_the_middle_of_a_message_is_forgotten(
    gateway: str, hub: Hub
) -> None:
    with raw(gateway) as client:
        await joined(hub, 1)
        client.sendall(masked(1, b'{"a"', final=False))

    await joined(hub, 0)


async def test_at_the_end_clients_are_told_in_time(context: Context, hub: Hub) -> None:
    with server.bind("127.0.0.1", 0) as listener:
        running = server.Server(app.build(context), listener)
        await running.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with raw(url):
            async with listening(url) as client:
                await joined(hub, 2)
                for _ in range(100):  # so that the other one can't be told
                    hub.publish(EVENT, TEXT)
                before_s = time.monotonic()
                stopping = asyncio.create_task(running.stop())
                with pytest.raises(ConnectionClosed) as closed:
                    while True:
                        await client.connection.recv()
                await stopping

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "prober stops")
    assert time.monotonic() - before_s < 10


@pytest.fixture
def settings() -> Gateway:
    return Gateway.model_validate({"limits": {"streams": 2}})


async def test_streams_have_a_limit_of_their_own(gateway: str, hub: Hub) -> None:
    async with listening(gateway), listening(gateway):
        await joined(hub, 2)
        with pytest.raises(InvalidStatus) as refused:
            async with listening(gateway):
                pass
        async with httpx.AsyncClient(trust_env=False) as client:
            health = await client.get(f"{gateway}/health")

    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["Retry-After"] == "5"
    assert health.status_code == 200


async def test_one_client_has_a_limit_too_and_may_come_again(
    gateway: str, context: Context, hub: Hub
) -> None:
    context.admission.take(Gateway.model_validate({"limits": {"streams_per_client": 1}}))
    async with listening(gateway):
        await joined(hub, 1)
        with pytest.raises(InvalidStatus) as refused:
            async with listening(gateway):
                pass
    await joined(hub, 0)
    async with listening(gateway):
        pass

    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "5"
    assert counted(context, "gateway_refusals_total", reason="too_many_streams_of_client") == 1


async def test_clients_are_counted_as_long_as_they_are_there(
    gateway: str, context: Context, hub: Hub
) -> None:
    async with listening(gateway):
        await joined(hub, 1)
        there = counted(context, "stream_clients")
    await joined(hub, 0)

    assert (there, counted(context, "stream_clients")) == (1, 0)
