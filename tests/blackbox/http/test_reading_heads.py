"""Heads are read as leniently and as strictly as Go reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.blackbox.http import heads
from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.incoming import Incoming

Arriving = Callable[..., Incoming]


@pytest.mark.parametrize(
    ("line", "proto", "status"),
    [
        (b"HTTP/1.1 200 OK", "HTTP/1.1", 200),
        (b"HTTP/1.0 404", "HTTP/1.0", 404),
        (b"HTTP/2.0 200 ", "HTTP/2.0", 200),
        (b"HTTP/1.1   099 odd", "HTTP/1.1", 99),
        (b"HTTP/1.1 +20 odd", "HTTP/1.1", 20),
    ],
)
async def test_first_lines_are_read(
    arriving: Arriving, line: bytes, proto: str, status: int
) -> None:
    head = await heads.read(arriving(line + b"\r\n\r\n"))

    assert (head.proto, head.status) == (proto, status)


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.10 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n",
        b"HTTP/1.1 103 Hints\r\n\r\n" * 6 + b"HTTP/1.1 200 OK\r\n\r\n",
        b"",
    ],
)
async def test_nonsense_is_refused(arriving: Arriving, raw: bytes) -> None:
    with pytest.raises(Malformed):
        await heads.read(arriving(raw))


async def test_a_head_has_a_limit(arriving: Arriving) -> None:
    endless = b"X: " + b"y" * heads.HEAD_LIMIT

    with pytest.raises(Malformed, match="more than"):
        await heads.read(arriving(b"HTTP/1.1 200 OK\r\n", endless))


async def test_headers_keep_all_of_their_values(arriving: Arriving) -> None:
    head = await heads.read(arriving(b"HTTP/1.1 200 OK\r\nx-two: a\r\nX-TWO: b\r\n\r\n"))

    assert head.headers == {"X-Two": ["a", "b"]}


async def test_folded_lines_are_one(arriving: Arriving) -> None:
    head = await heads.read(arriving(b"HTTP/1.1 200 OK\nX: a\n b\n\tc\n\n"))

    assert head.first("X") == "a b c"


async def test_interim_answers_are_passed_over(arriving: Arriving) -> None:
    head = await heads.read(arriving(b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 204 None\r\n\r\n"))

    assert head.status == 204
