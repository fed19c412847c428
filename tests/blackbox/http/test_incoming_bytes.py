"""Bytes are taken as they come, in whatever pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from prober.blackbox.http.incoming import Incoming, TooLong

Arriving = Callable[..., Incoming]


async def test_a_line_may_come_in_pieces(arriving: Arriving) -> None:
    incoming = arriving(b"one ", b"line\ntwo")

    assert await incoming.line(100) == b"one line\n"


async def test_the_last_line_may_have_no_end(arriving: Arriving) -> None:
    incoming = arriving(b"two")

    assert await incoming.line(100) == b"two"


async def test_a_line_has_a_limit(arriving: Arriving) -> None:
    incoming = arriving(b"x" * 50, b"x" * 51)

    with pytest.raises(TooLong):
        await incoming.line(100)


async def test_what_is_peeked_at_stays(arriving: Arriving) -> None:
    incoming = arriving(b"a", b"bc")

    assert await incoming.peek(2) == b"ab"
    assert await incoming.some(10) == b"abc"


async def test_the_first_byte_has_a_time(arriving: Arriving) -> None:
    incoming = arriving(b"a")
    before = incoming.first_at

    await incoming.peek(1)

    assert before is None
    assert incoming.first_at is not None
