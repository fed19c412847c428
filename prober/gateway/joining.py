"""Send the head of an answer and what directly follows it by one system call."""

from __future__ import annotations

import asyncio

HEAD = b"HTTP/1."


class Joined:
    """What uvicorn writes an answer to: a head waits for the first of the body.

    It never waits longer than until the loop's next turn: a stream's reader gets its head at once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write what is no head at once, behind the head that waits."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data.startswith(HEAD):
            self._head = data
            self._loop.call_soon(self.flush)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write the head that waits, if the connection still stands."""
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def close(self) -> None:
        """Close it, after what was written."""
        self.flush()
        self._transport.close()
