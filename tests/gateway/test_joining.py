"""What is written of an answer, and when: the head goes with the body, and waits for nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from prober.gateway.joining import Joined

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that notes each call which would send something."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        self.sent.append(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def joined(wire: Wire) -> Joined:
    return Joined(cast(asyncio.Transport, wire), asyncio.get_running_loop())


async def test_a_head_and_its_body_are_sent_together(joined: Joined, wire: Wire) -> None:
    joined.write(HEAD)
    joined.write(b"body")
    await asyncio.sleep(0)

    assert wire.sent == [HEAD + b"body"]


async def test_a_head_without_a_body_is_sent_with_the_loops_next_turn(
    joined: Joined, wire: Wire
) -> None:
    joined.write(HEAD)
    await asyncio.sleep(0)

    assert wire.sent == [HEAD]


async def test_what_follows_later_is_sent_at_once(joined: Joined, wire: Wire) -> None:
    joined.write(HEAD)
    joined.write(b"one")
    joined.write(b"two")

    assert wire.sent == [HEAD + b"one", b"two"]


async def test_a_head_is_sent_before_the_connection_is_closed(joined: Joined, wire: Wire) -> None:
    joined.write(HEAD)
    joined.close()

    assert (wire.sent, wire.closing) == ([HEAD], True)


async def test_a_connection_that_is_gone_is_sent_nothing(joined: Joined, wire: Wire) -> None:
    joined.write(HEAD)
    wire.closing = True
    await asyncio.sleep(0)

    assert wire.sent == []
