"""Small servers on loopback for tests: what a service may do, well or badly, as handlers.

    with serving(answers(200, b"well")) as server:
        get(server.url)

Each server runs in a thread with an event loop of its own, so that plain and async tests and
other processes can use it alike.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LOOPBACK = "127.0.0.1"


@dataclass
class Server:
    """A running server; `accepted` counts the connections that it got."""

    url: str
    host: str
    port: int
    accepted: int = 0


@dataclass(frozen=True)
class Certificate:
    """Files of a self-signed certificate and its key, in PEM."""

    cert: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server that shows it needs."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, self.key)
        return context


@contextmanager
def serving(
    handler: Handler, tls: ssl.SSLContext | None = None, host: str = LOOPBACK, port: int = 0
) -> Iterator[Server]:
    """Serve connections until the block ends; then all are closed. A port of 0 is a free one."""
    server = Server("", host, 0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.accepted += 1
        # A client that leaves early is its own affair.
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await handler(reader, writer)
        with suppress(OSError):
            writer.close()

    with _loop_in_thread() as loop:
        opening = asyncio.start_server(serve, host, port, ssl=tls, backlog=1024)
        listener = asyncio.run_coroutine_threadsafe(opening, loop).result()
        server.port = listener.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        server.url = f"http{'s' if tls else ''}://{shown}:{server.port}"
        yield server
        loop.call_soon_threadsafe(listener.close)


@contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    asyncio.run_coroutine_threadsafe(_cancel_others(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _cancel_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def response(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole HTTP/1.1 response with its length."""
    lines = [f"HTTP/1.1 {status} Said so", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The next request of a connection, head and body; raises EOFError where none comes."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def path_of(request: bytes) -> str:
    """The target of a request: path and query."""
    return request.split(b" ", 2)[1].decode()


def says(data: bytes, delay_s: float = 0.0) -> Handler:
    """Answer each request with exactly these bytes, `delay_s` after it came."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(delay_s)
            writer.write(data)
            await writer.drain()

    return handler


def answers(status: int, body: bytes = b"", delay_s: float = 0.0) -> Handler:
    """Answer each request with a well-formed response."""
    return says(response(status, body), delay_s)


def answers_by_path(responses: Mapping[str, bytes], delay_s: float = 0.0) -> Handler:
    """Answer by the request's path, with 404 for any other."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            path = path_of(await read_request(reader))
            await asyncio.sleep(delay_s)
            writer.write(responses.get(path, response(404, b"no such page")))

    return handler


def echoes() -> Handler:
    """Answer with the raw request as the body."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(response(200, await read_request(reader)))

    return handler


def redirects(to: str, delay_s: float = 0.0) -> Handler:
    """Answer each request with a redirect."""
    return says(response(302, b"", {"Location": to}), delay_s)


def hangs(after: bytes = b"") -> Handler:
    """Read the request, say `after`, and then nothing more."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(after)
        await asyncio.Event().wait()

    return handler


def drips(start: bytes, every_s: float = 0.01, drop: bytes = b"x") -> Handler:
    """Say `start`, and then a drop every now and then, for ever."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(start)
        while True:
            await asyncio.sleep(every_s)
            writer.write(drop)
            await writer.drain()

    return handler


def floods(start: bytes, wave: bytes) -> Handler:
    """Say `start`, and then the same wave for ever, as fast as it is read."""
    return drips(start, 0.0, wave)


def closes(after: bytes = b"") -> Handler:
    """Read the request, say `after`, and close the connection in good order."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(after)

    return handler


def resets(after: bytes = b"", at_once: bool = False) -> Handler:
    """Say `after` to a request and then reset the connection; or reset it with the first byte."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (reader.read(1) if at_once else read_request(reader))
        writer.write(after)
        await reset(writer)

    return handler


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection, once what was written is out."""
    await writer.drain()
    await asyncio.sleep(0.02)  # a reset discards what the peer has not read yet
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


@contextmanager
def dead_port() -> Iterator[int]:
    """A port on loopback that refuses, and that nobody else gets meanwhile."""
    with closing(socket.socket()) as owner:
        owner.bind((LOOPBACK, 0))
        yield owner.getsockname()[1]


@contextmanager
def black_hole() -> Iterator[str]:
    """The URL of a port that never completes a connection: its backlog is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(closing(socket.socket()))
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(closing(socket.socket()))
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://{LOOPBACK}:{listener.getsockname()[1]}"


def make_certificate(folder: Path, name: str = "localhost", days: int = 30) -> Certificate:
    """Make a certificate for `name`, and for 127.0.0.1 and ::1 where it is localhost.

    It signs itself, but no other: rustls takes no authority for a server.
    """
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    addresses = ",IP:127.0.0.1,IP:::1" if name == "localhost" else ""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}{addresses}"]
    subject += ["-addext", "basicConstraints=critical,CA:FALSE"]
    command = ["openssl", "req", "-x509", *curve, "-nodes", "-days", str(days), *subject]
    command += ["-keyout", str(made.key), "-out", str(made.cert)]
    subprocess.run(command, check=True, capture_output=True)
    return made
