"""Connections that wait, drip, or don't read; and very many of them."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from daemons import Daemon, running
from starlette.types import Receive, Scope, Send

from prober.config.access import Limits
from prober.gateway.server import Server, bind

REQUEST = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"
LARGE = b"x" * 2**24
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    body = LARGE if scope["path"] == "/large" else b"ok"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def wait(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.5)
    await answer(scope, receive, send)


@asynccontextmanager
async def serving(app: object = answer, **limits: object) -> AsyncIterator[int]:
    """The port of a server with these limits."""
    with bind("127.0.0.1", 0) as listener:
        server = Server(app, listener, Limits(**limits))  # type: ignore[arg-type]
        await server.start()
        yield int(listener.getsockname()[1])
        await server.stop()


@asynccontextmanager
async def connected(port: int, data: bytes = b"") -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    yield reader, writer
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def closed_after_s(reader: asyncio.StreamReader) -> float:
    """How long it takes until the server closes."""
    before_s = time.monotonic()
    async with asyncio.timeout(10):
        with suppress(ConnectionError):
            await reader.read()
    return time.monotonic() - before_s


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    with suppress(ConnectionError):
        for byte in data * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("start", [b"", b"GET /hea", REQUEST[:-2]], ids=["none", "line", "headers"])
async def test_a_head_that_does_not_come_ends_the_connection(start: bytes) -> None:
    async with serving(head_time="300ms") as port, connected(port, start) as (reader, _):
        assert 0.1 < await closed_after_s(reader) < 8


async def test_a_dripping_head_ends_the_connection_though_it_never_stops() -> None:
    async with serving(head_time="300ms") as port, connected(port) as (reader, writer):
        dripping = asyncio.create_task(drip(writer, b"GET /" + b"a" * 1000))

        assert 0.1 < await closed_after_s(reader) < 8
        dripping.cancel()


async def test_a_second_head_that_drips_ends_the_connection_too() -> None:
    async with serving(head_time="300ms") as port, connected(port, REQUEST) as (reader, writer):
        assert await reader.readuntil(b"ok")
        dripping = asyncio.create_task(drip(writer, REQUEST[:-2] + b"X: " + b"a" * 1000))

        assert 0.1 < await closed_after_s(reader) < 8
        dripping.cancel()


async def test_a_kept_connection_may_rest_longer_than_a_head_may_take() -> None:
    async with serving(head_time="100ms") as port, connected(port, REQUEST) as (reader, writer):
        assert await reader.readuntil(b"ok")
        await asyncio.sleep(0.4)
        writer.write(REQUEST)

        assert await reader.readuntil(b"ok")


async def test_an_answer_may_take_longer_than_a_head() -> None:
    async with serving(wait, head_time="100ms") as port, connected(port, REQUEST) as (reader, _):
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_who_does_not_read_an_answer_is_dropped() -> None:
    async with serving(write_time="300ms") as port:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(REQUEST.replace(b"/health", b"/large"))
            await asyncio.sleep(1)
            client.setblocking(False)

            received = 0
            with pytest.raises((ConnectionError, BlockingIOError)) as ended:
                while chunk := client.recv(2**20):
                    received += len(chunk)
                raise ConnectionResetError

    assert ended.type is ConnectionResetError
    assert received < len(LARGE)


async def test_a_slow_reader_that_goes_on_reading_gets_everything() -> None:
    async with serving(write_time="200ms") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        writer.write(REQUEST.replace(b"/health", b"/large"))
        await reader.readuntil(b"\r\n\r\n")
        received = 0
        while chunk := await reader.read(min(2**18, len(LARGE) - received)):
            received += len(chunk)
            await asyncio.sleep(0.005)
        writer.close()

    assert received == len(LARGE)


async def test_the_longest_idle_connection_makes_room_for_a_new_one() -> None:
    async with (
        serving(connections=2) as port,
        connected(port) as (first, _),
        connected(port) as (second, _),
        connected(port, REQUEST) as (third, _),
    ):
        assert (await third.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        assert await closed_after_s(first) < 8
        assert not second.at_eof()


async def test_a_busy_connection_is_never_closed_for_a_new_one() -> None:
    async with (
        serving(wait, connections=1) as port,
        connected(port, REQUEST) as (busy, _),
    ):
        await asyncio.sleep(0.1)
        async with connected(port, REQUEST) as (new, _):
            assert await closed_after_s(new) < 8
        assert (await busy.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_a_head_that_does_not_end_within_16_kib_is_refused() -> None:
    head = REQUEST[:-2] + b"X: " + b"a" * 2**14

    async with serving() as port, connected(port, head) as (reader, _):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")


@pytest.fixture
def ten_thousand_files() -> Iterator[None]:
    """The right to open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 11_000:
        pytest.skip("this system allows fewer files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 11_000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory_kib(daemon: Daemon) -> int:
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


@pytest.mark.parametrize("start", [b"", REQUEST[:-2]], ids=["silent", "half a head"])
def test_ten_thousand_idle_sockets_leave_the_gateway_well(
    tmp_path: Path, ten_thousand_files: None, start: bytes
) -> None:
    service = {"name": "a", "url": "http://127.0.0.1:1", "interval": "30s"}
    with running(tmp_path, [service]) as daemon, ExitStack() as stack:
        before_kib = memory_kib(daemon)
        for _ in range(10_000):
            client = socket.create_connection(("127.0.0.1", daemon.port))
            stack.enter_context(closing(client))
            with suppress(OSError):
                client.sendall(start)

        times_s = []
        for _ in range(20):
            before_s = time.monotonic()
            daemon.get("/health")
            times_s.append(time.monotonic() - before_s)

        assert sorted(times_s)[10] < 0.1
        assert memory_kib(daemon) - before_kib < 64 * 1024
