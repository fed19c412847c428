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
GZIP_PLAIN = GZIP_START + bytes(GZIP_HEAD - len(GZIP_START))
EXTRA, TEXTS, CHECKSUM = 4, (8, 16), 2  # flags: what follows on gzip's head
LONGEST_TEXT = 512  # with its end, as Go has it
READER = 4096  # so much of a body Go's reader takes before it finds that it is no gzip
GZIP_WINDOW, RAW_WINDOW = 31, -15  # zlib's way to name formats


class Inflating(Protocol):
    """What zlib keeps while it decompresses."""

    def decompress(self, data: bytes) -> bytes:
        """What the next bytes amount to."""

    def copy(self) -> Inflating:
        """Another one in the same state."""


class Foreign(Malformed):
    """A body doesn't even begin in its compression; `rest` of its bytes were not looked at."""

    def __init__(self, rest: int, encoding: str = "gzip") -> None:
        super().__init__(f"the body is not {encoding}")
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


UNCHANGED = frozenset({"", "identity"})
DECODERS: dict[str, Callable[[], Decoder]] = {
    "br": Brotli,
    "deflate": Deflated,
    "gzip": Gzipped,
}


async def decoded(body: Body, encoding: str) -> AsyncIterator[bytes]:
    """A body without its compression; "identity" and an empty text change nothing."""
    make = DECODERS.get(encoding.lower())
    if make is None:
        if encoding.lower() not in UNCHANGED:
            raise Foreign(0, encoding)
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
    """The body with a plain head in place of its own, which Go reads in another way than zlib."""
    start, behind = b"", None
    async for data in body:
        start += data
        behind = _behind_head(start)
        if behind is not None:
            break
    if behind is None:
        raise Foreign(max(len(start) - READER, 0))
    yield GZIP_PLAIN + start[behind:]
    async for data in body:
        yield data


def _behind_head(data: bytes) -> int | None:
    """Where gzip's head ends (RFC 1952, 2.3), or None where more is needed. Raises `Foreign`."""
    if len(data) < GZIP_HEAD:
        return None
    flags, at = data[3], GZIP_HEAD
    is_gzip = data.startswith(GZIP_START)
    if flags & EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for _ in filter(flags.__and__, TEXTS):
        at = data.find(b"\0", at, at + LONGEST_TEXT) + 1 or at + LONGEST_TEXT
        is_gzip = is_gzip and data[at - 1 : at] in {b"\0", b""}
    if flags & CHECKSUM:
        is_gzip = is_gzip and data[at : at + 2] in {_checksum(data[:at]), b"", data[at : at + 1]}
        at += 2
    if not is_gzip:
        raise Foreign(max(len(data) - READER, 0))
    return at if at <= len(data) else None


def _checksum(head: bytes) -> bytes:
    return (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
