"""What the zoo's TCP servers say, how they end, and the modules that listen to them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from servers import LOOPBACK, Handler, dead_port, reset, serving
from zoo.behaviours import Ground, Serve

Identity = Callable[[Ground], ssl.SSLContext]
Ending = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SOON = "700ms"  # a timeout, for those that wait for it
BANNER = b"220 mail.example ESMTP Postfix\r\n"


async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on until the other side goes."""
    while await reader.read(65_536):
        pass


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close in good order, once it is read."""
    await writer.drain()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    await reset(writer)


def says(*pieces: bytes, ending: Ending = stays, pause_s: float = 0.05) -> Handler:
    """Say these pieces without being asked."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s if len(pieces) > 1 else 0)
        await ending(reader, writer)

    return handler


def replies(greeting: bytes, answers: Mapping[bytes, bytes], otherwise: bytes = b"") -> Handler:
    """Greet, and answer each line by this table."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        while line := await reader.readline():
            writer.write(answers.get(line, otherwise))

    return handler


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say each line again, between brackets."""
    writer.write(b"ready user=alice id=42\n")
    while line := await reader.readline():
        writer.write(b"[" + line.rstrip(b"\n") + b"]\n")


def at(handler: Handler, identity: Identity | None = None, host: str = LOOPBACK) -> Serve:
    """Serve it on a free port; `host` is shown in the target as it is."""

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        tls = identity(ground) if identity else None
        with serving(handler, tls, "::1" if ":" in host else LOOPBACK) as server:
            yield f"{host}:{server.port}"

    return serve


def target(text: str) -> Serve:
    """No server at all."""

    @contextmanager
    def serve(_: Ground) -> Iterator[str]:
        yield text

    return serve


@contextmanager
def refused(_: Ground) -> Iterator[str]:
    """A port that nobody listens on."""
    with dead_port() as port:
        yield f"{LOOPBACK}:{port}"


def tcp(*steps: Mapping[str, Any], timeout: str = "4s", **options: Any) -> dict[str, Any]:
    """A module that prefers IPv4."""
    chosen = {"preferred_ip_protocol": "ip4", **options}
    if steps:
        chosen["query_response"] = list(steps)
    return {"prober": "tcp", "timeout": timeout, "tcp": chosen}


def expect(pattern: str, answer: str = "") -> dict[str, Any]:
    """A step that waits for a line, and perhaps says something then."""
    return {"expect": pattern, "send": answer} if answer else {"expect": pattern}


def send(text: str) -> dict[str, Any]:
    """A step that says something."""
    return {"send": text}


READY = expect(r"^ready user=(?P<user>\w+) id=(\d+)( extra)?")
"""Waits for the greeting of `echo`, and finds three groups in it."""
