"""Bodies are as long as Go has it, and their faults are found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.blackbox.http import bodies
from prober.blackbox.http.bodies import Framing
from prober.blackbox.http.heads import Head, Malformed
from prober.blackbox.http.incoming import Incoming

Arriving = Callable[..., Incoming]
CHUNKED = Framing(-1, -1, chunked=True)


def head(status: int = 200, proto: str = "HTTP/1.1", **headers: list[str]) -> Head:
    return Head(proto, status, {name.replace("_", "-"): v for name, v in headers.items()})


@pytest.mark.parametrize(
    ("answer", "method", "frame"),
    [
        (head(Content_Length=["5"]), "GET", Framing(5, 5)),
        (head(Content_Length=["5", " 5"]), "GET", Framing(5, 5)),
        (head(), "GET", Framing(-1, -1)),
        (head(Content_Length=["5"]), "HEAD", Framing(5, 0)),
        (head(204, Content_Length=["5"]), "GET", Framing(0, 0)),
        (head(101, Connection=["Upgrade"], Upgrade=["x"]), "GET", Framing(0, -1)),
        (head(101, Connection=["Upgrade"]), "GET", Framing(0, 0)),
        (head(Transfer_Encoding=["Chunked"], Content_Length=["x"]), "GET", CHUNKED),
        (head(proto="HTTP/1.0", Transfer_Encoding=["chunked"]), "GET", Framing(-1, -1)),
    ],
)
def test_heads_tell_how_long_a_body_is(answer: Head, method: str, frame: Framing) -> None:
    assert bodies.framing(answer, method) == frame


@pytest.mark.parametrize(
    "answer",
    [
        head(Content_Length=["-1"]),
        head(Content_Length=["5, 5"]),
        head(Content_Length=["5", "6"]),
        head(Content_Length=["9223372036854775808"]),
        head(Transfer_Encoding=["gzip, chunked"]),
        head(Transfer_Encoding=["chunked", "chunked"]),
        head(Transfer_Encoding=["chunked"], Trailer=["X, Content-Length"]),
    ],
)
def test_contradictions_are_refused(answer: Head) -> None:
    with pytest.raises(Malformed):
        bodies.framing(answer, "GET")


@pytest.mark.parametrize(
    ("raw", "frame", "whole"),
    [
        (b"hello world", Framing(5, 5), b"hello"),
        (b"hello", Framing(-1, -1), b"hello"),
        (b"5;a=b\r\nhello\r\n1 \r\n!\r\n0\r\n\r\n", CHUNKED, b"hello!"),
        (b"5\nhello\r\n0\nX: y\r\n\r\n", CHUNKED, b"hello"),
    ],
)
async def test_bodies_are_read(
    arriving: Arriving, raw: bytes, frame: Framing, whole: bytes
) -> None:
    read = [data async for data in bodies.read(arriving(raw[:3], raw[3:]), frame)]

    assert b"".join(read) == whole


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        (b"hel", Framing(5, 5)),
        (b"5\r\nhel", CHUNKED),
        (b"5\r\nhello\r\n0\r\n", CHUNKED),
        (b"5\r\nhelloXX0\r\n\r\n", CHUNKED),
        (b"0x5\r\nhello\r\n0\r\n\r\n", CHUNKED),
        (b"11111111111111111\r\n", CHUNKED),
        (b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n", CHUNKED),
        (b"0\r\nno colon\r\n\r\n", CHUNKED),
    ],
)
async def test_faults_are_found(arriving: Arriving, raw: bytes, frame: Framing) -> None:
    with pytest.raises(Malformed):
        [data async for data in bodies.read(arriving(raw), frame)]
