"""The bytes of an answer as they come: looked at, taken by line or by number."""

from __future__ import annotations

import time

from prober.blackbox.streams import Stream


class TooLong(Exception):
    """A line has no end within its limit."""


class Incoming:
    """Buffers what a stream brings; `first_at` is when its first byte came, on the monotonic clock.

    Reading raises OSError where the connection breaks.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._ended = False
        self.first_at: float | None = None

    async def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay; fewer only at the end."""
        while len(self._buffer) < count and await self._fill():
            pass
        return bytes(self._buffer[:count])

    async def line(self, limit: int) -> bytes:
        """Up to and with the next line feed, or all that is left at the end. Raises `TooLong`."""
        searched = 0
        while (found := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > limit:
                raise TooLong
            if not await self._fill():
                return self._take(searched)
        if found >= limit:
            raise TooLong
        return self._take(found + 1)

    async def some(self, limit: int) -> bytes:
        """What is there, or what comes next, `limit` bytes at most; nothing at the end."""
        if not self._buffer:
            await self._fill()
        return self._take(limit)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _fill(self) -> bool:
        if self._ended:
            return False
        data = await self._stream.read()
        self._ended = not data
        if data and self.first_at is None:
            self.first_at = time.monotonic()
        self._buffer += data
        return bool(data)
