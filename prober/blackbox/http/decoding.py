"""Undo a body's compression as Go's readers do, with all that comes out before an error."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Protocol

import brotli

from prober.blackbox.http.bodies import Body
from prober.blackbox.http.heads import Malformed

PIECE = 4096
REPLAYED = 1 << 18
GZIP_START, GZIP_HEAD = b"\x1f\x8b\x08", 10
READER = 4096  # so much of a body Go's reader takes before it finds that it is no gzip
GZIP_WINDOW, RAW_WINDOW = 31, -15  # zlib's way to name formats


class Inflating(Protocol):
    """What zlib keeps while it decompresses."""

    def decompress(self, data: bytes) -> bytes:
        """What the next bytes amount to."""

    def copy(self) -> Inflating:
        """Another one in the same state."""


class NotGzip(Malformed):
    """A body doesn't even begin as gzip; `rest` of its bytes were read and not looked at."""

    def __init__(self, rest: int) -> None:
        super().__init__("the body is not gzip")
        self.rest = rest


class Decoder(Protocol):
    """Undoes one compression."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes amount to; raises `Malformed` behind what was good of them."""

    def finish(self) -> None:
        """No more bytes will come. Raises `Malformed` where some are missing."""


class Deflated:
    """Raw deflate (RFC 1951); what follows its end is not read."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(RAW_WINDOW)

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._inner.eof:
            yield from _inflated(self._inner, data)

    def finish(self) -> None:
        if not self._inner.eof:
            raise Malformed("the compressed body ends early")


class Gzipped:
    """Members of gzip (RFC 1952), one behind the other."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(GZIP_WINDOW)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inner.eof:
                self._inner = zlib.decompressobj(GZIP_WINDOW)
            yield from _inflated(self._inner, data)
            data = self._inner.unused_data

    def finish(self) -> None:
        if not self._inner.eof:
            raise Malformed("the compressed body ends early")


class Brotli:
    """Brotli (RFC 7932).

    Go's reader takes a body for whole that ends early, unless its last bytes bring nothing out.
    """

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._fed = bytearray()
        self._given = 0
        self._is_stuck = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._fed += data[: max(REPLAYED - len(self._fed), 0)]
        try:
            out = bytes(self._inner.process(data))
        except brotli.error as error:
            yield self._whole()[self._given :]
            raise Malformed(f"the body can't be decompressed: {error}") from None
        self._given += len(out)
        self._is_stuck = not out
        yield out

    def finish(self) -> None:
        if self._is_stuck and not self._inner.is_finished():
            raise Malformed("the compressed body ends early")

    def _whole(self) -> bytes:
        """All that comes out where the error is only what follows the end."""
        inner, out = brotli.Decompressor(), bytearray()
        with suppress(brotli.error):
            for at in range(len(self._fed)):
                out += inner.process(bytes(self._fed[at : at + 1]))
                if inner.is_finished():
                    return bytes(out)
        return b""


def _inflated(inner: Inflating, data: bytes) -> Iterator[bytes]:
    spare = inner.copy()
    try:
        out = inner.decompress(data)
    except zlib.error as error:
        # It drops what was good of the data: again, a byte at a time.
        with suppress(zlib.error):
            for at in range(len(data)):
                yield spare.decompress(data[at : at + 1])
        raise Malformed(f"the body can't be decompressed: {error}") from None
    yield out


DECODERS: dict[str, Callable[[], Decoder]] = {
    "br": Brotli,
    "deflate": Deflated,
    "gzip": Gzipped,
}


async def decoded(body: Body, encoding: str) -> AsyncIterator[bytes]:
    """A body without its compression; "identity" and an empty text change nothing."""
    make = DECODERS.get(encoding.lower())
    if make is None:
        async for data in body:
            yield data
        return
    decoder = make()
    if make is Gzipped:
        body = _with_gzip_head(body)
    async for data in body:
        # In small pieces, so that little is done again after an error.
        for at in range(0, len(data), PIECE):
            for out in decoder.feed(data[at : at + PIECE]):
                yield out
    decoder.finish()


async def _with_gzip_head(body: Body) -> AsyncIterator[bytes]:
    start = b""
    async for data in body:
        start += data
        if len(start) >= GZIP_HEAD:
            break
    if len(start) < GZIP_HEAD or not start.startswith(GZIP_START):
        raise NotGzip(max(len(start) - READER, 0))
    yield start
    async for data in body:
        yield data
