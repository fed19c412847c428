"""A TCP connection that may turn to TLS, and to TLS within TLS, on a non-blocking socket."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

from prober.blackbox.handshake import Handshake

CHUNK = 65_536
T = TypeVar("T")


async def connected(address: str, port: int, source: str | None) -> Stream:
    """Connect to an address. Raises OSError."""
    sock = open_socket(address, socket.SOCK_STREAM, source)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:  # a cancellation, too, must leave nothing open
        sock.close()
        raise
    return Stream(sock)


def open_socket(address: str, kind: int, source: str | None, protocol: int = 0) -> socket.socket:
    """A non-blocking socket fit for an address, bound to `source`. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    try:
        if source:
            sock.bind((_address(source), 0))
    except BaseException:
        sock.close()
        raise
    return sock


def _address(source: str) -> str:
    try:
        return str(ipaddress.ip_address(source))
    except ValueError:
        raise OSError(f"{source!r} is no address that one could send from") from None


class Stream:
    """Bytes both ways; whoever has it closes it. `below` is a stream that it goes through."""

    def __init__(self, sock: socket.socket, below: Stream | None = None) -> None:
        self._sock = sock
        self._below = below
        self._loop = asyncio.get_running_loop()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_safe = False
        self.tls: Handshake | None = None

    async def read(self) -> bytes:
        """What comes next; nothing at the end. Raises OSError."""
        if self.tls is None:
            return await self._receive()
        tls = self.tls
        try:
            return await self._pumped(lambda: tls.read(CHUNK))
        except ssl.SSLZeroReturnError:
            return b""

    async def write(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""
        if self.tls is None:
            await self._send(data)
        else:
            tls = self.tls
            await self._pumped(lambda: tls.write(data))

    async def encrypt(self, context: ssl.SSLContext, name: str) -> None:
        """Begin TLS with a server of this name. Raises OSError; `tls` is there nevertheless."""
        # Brackets, and the last dot of what is asked for, are for others.
        plain = name.removeprefix("[").removesuffix("]")
        asked = plain.removesuffix(".")
        if not plain:
            raise OSError("no server has an empty name")
        if asked.startswith("."):
            asked = ""  # which the standard library refuses to ask for
        try:
            tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=asked or None)
        except ValueError as error:
            raise OSError(f"no server can be called {name!r}: {error}") from error
        self.tls = cast(Handshake, tls)
        known = plain if plain.isascii() else tls.server_hostname or plain
        await self._pumped(functools.partial(self.tls.shake, known))
        self._is_safe = True

    def within(self) -> Stream:
        """A stream through this one, for TLS of its own; then it alone is to be used."""
        return Stream(self._sock, self)

    def close(self) -> None:
        """Say goodbye where there is room for it, and let the socket go."""
        if self._below is not None:
            self._below.close()
            return
        with suppress(OSError):
            if self.tls is not None and self._is_safe:
                self._goodbye(self.tls)
        self._sock.close()

    def _goodbye(self, tls: Handshake) -> None:
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        self._sock.send(self._outgoing.read())

    async def _pumped(self, step: Callable[[], T]) -> T:
        """A step of TLS, with as many bytes carried both ways as it takes."""
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                await self._flush()  # the alert that tells the server why
                raise
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._send(data)

    async def _fill(self) -> None:
        if data := await self._receive():
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _receive(self) -> bytes:
        if self._below is not None:
            return await self._below.read()
        return await self._loop.sock_recv(self._sock, CHUNK)

    async def _send(self, data: bytes) -> None:
        if self._below is not None:
            await self._below.write(data)
        else:
            await self._loop.sock_sendall(self._sock, data)
