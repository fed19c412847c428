"""The body of an HTTP/1 answer: how long it is, and its bytes, as Go's net/http has them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import NamedTuple

from prober.blackbox.http.heads import SWITCHING, Head, Malformed, names, upgrades
from prober.blackbox.http.incoming import Incoming, TooLong

UNKNOWN = -1
CHUNK_LINE = 4096
TRAILER_LIMIT = 4096
SOME = 65_536
CRLF = b"\r\n"
NOT_IN_TRAILERS = frozenset({"transfer-encoding", "trailer", "content-length"})

_LENGTH = re.compile(r"[0-9]+")
_HEX = re.compile(rb"[0-9a-fA-F]*")
_SPACE = " \t\r\n"

Body = AsyncIterator[bytes]
"""The bytes of a body; raises `Malformed` or OSError where it breaks off."""


class Framing(NamedTuple):
    """`told` is what the answer says of its length; `length` is how much is read, -1 to the end."""

    told: int
    length: int
    chunked: bool = False


def framing(head: Head, method: str) -> Framing:
    """How the body after a head is delimited. Raises `Malformed`.

    Takes those headers away that Go keeps from its callers.
    """
    if head.version >= (1, 1) and names(head.headers.get("Connection", []), "close"):
        del head.headers["Connection"]
    chunked = _chunked(head)
    lengths = _lengths(head)
    if chunked:
        _check_trailer(head)
    if method == "HEAD":
        return Framing(_length(lengths), 0)
    if head.status // 100 == 1 or head.status in {204, 304}:
        to_the_end = head.status == SWITCHING and upgrades(head)
        return Framing(0, UNKNOWN if to_the_end else 0)
    if chunked:
        return Framing(UNKNOWN, UNKNOWN, chunked=True)
    length = _length(lengths)
    return Framing(length, length)


def read(incoming: Incoming, frame: Framing) -> Body:
    """The body behind a head that was just read."""
    if frame.chunked:
        return _in_chunks(incoming)
    return _to_the_end(incoming) if frame.length == UNKNOWN else _counted(incoming, frame.length)


def length_of(head: Head) -> int:
    """The length that an answer of HTTP/2 tells, whose frames say where the body really ends."""
    values = head.headers.get("Content-Length", [])
    known = len(values) == 1 and _LENGTH.fullmatch(values[0]) and int(values[0]) < 2**63
    return int(values[0]) if known else UNKNOWN


def _chunked(head: Head) -> bool:
    codings = head.headers.pop("Transfer-Encoding", None)
    if codings is None or head.version < (1, 1):
        return False
    if len(codings) != 1 or codings[0].lower() != "chunked":
        raise Malformed(f"an unsupported transfer encoding: {', '.join(codings)}")
    head.headers.pop("Content-Length", None)
    return True


def _lengths(head: Head) -> list[str]:
    found = head.headers.get("Content-Length", [])
    values = [value.strip(_SPACE) for value in found]
    if len(set(values)) > 1:
        raise Malformed(f"several lengths: {', '.join(values)}")
    if len(values) > 1:
        head.headers["Content-Length"] = values[:1]
    return values


def _length(values: list[str]) -> int:
    if not values or not values[0]:
        return UNKNOWN
    if not _LENGTH.fullmatch(values[0]) or int(values[0]) >= 2**63:
        raise Malformed(f"{values[0][:40]!r} is no length")
    return int(values[0])


def _check_trailer(head: Head) -> None:
    for value in head.headers.pop("Trailer", []):
        for name in value.split(","):
            if name.strip(_SPACE).lower() in NOT_IN_TRAILERS:
                raise Malformed(f"{name.strip(_SPACE)} can't be a trailer")


async def _counted(incoming: Incoming, length: int) -> Body:
    while length > 0:
        data = await incoming.some(min(length, SOME))
        if not data:
            raise Malformed(f"the body ended {length} bytes early")
        length -= len(data)
        yield data


async def _to_the_end(incoming: Incoming) -> Body:
    while data := await incoming.some(SOME):
        yield data


async def _in_chunks(incoming: Incoming) -> Body:
    while size := _chunk_size(await _chunk_line(incoming)):
        async for data in _counted(incoming, size):
            yield data
        end = await incoming.peek(2)
        if end != b"\r\n":
            raise Malformed("a chunk doesn't end where it says")
        await incoming.some(2)
    await _pass_trailer(incoming)


async def _chunk_line(incoming: Incoming) -> bytes:
    try:
        line = await incoming.line(CHUNK_LINE)
    except TooLong:
        raise Malformed("a chunk's size takes too many words") from None
    if not line.endswith(b"\n"):
        raise Malformed("the body ended before its last chunk")
    return line.rstrip(b" \t\r\n").partition(b";")[0]


def _chunk_size(text: bytes) -> int:
    if not _HEX.fullmatch(text) or len(text) > 16:
        raise Malformed(f"{text[:40]!r} is no size of a chunk")
    return int(text or b"0", 16)


async def _pass_trailer(incoming: Incoming) -> None:
    if await incoming.peek(2) == CRLF:
        await incoming.some(2)
        return
    await _check_end(incoming)
    if (await incoming.peek(1)) in {b" ", b"\t"}:
        raise Malformed("the first trailer is indented")
    while line := await _trailer_line(incoming):
        if b":" not in line and line[:1] not in {b" ", b"\t"}:
            raise Malformed("a trailer without a colon")


async def _check_end(incoming: Incoming) -> None:
    """Go wants to see the end of a trailer before it reads any of it."""
    for count in range(4, TRAILER_LIMIT + 1):
        seen = await incoming.peek(count)
        if seen.endswith(CRLF + CRLF):
            return
        if len(seen) < count:
            raise Malformed("the body ended within its trailer")
    raise Malformed("a trailer that is too long")


async def _trailer_line(incoming: Incoming) -> bytes:
    return (await incoming.line(TRAILER_LIMIT)).rstrip(CRLF)
