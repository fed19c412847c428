"""Which of several addresses is connected to, and what is said where none is."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path

import pytest
from servers import answers, black_hole, dead_port, serving

from prober.probes import reaching
from prober.probes.reaching import reached


def sockets() -> int:
    return sum(link.is_socket() for link in Path("/proc/self/fd").iterdir())


async def test_the_first_address_that_answers_is_taken() -> None:
    with (
        serving(answers(200)) as server,
        await reached(("127.0.0.1", "127.0.0.9"), server.port) as s,
    ):
        assert s.getpeername() == ("127.0.0.1", server.port)


async def test_an_address_that_refuses_gives_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "HEAD_START_S", 5.0)
    began = time.monotonic()
    with serving(answers(200)) as server, await reached(("::1", "127.0.0.1"), server.port) as s:
        assert s.getpeername() == ("127.0.0.1", server.port)

    assert time.monotonic() - began < 4.0


async def test_a_silent_address_has_a_head_start_only() -> None:
    before = sockets()
    with black_hole() as hole:
        port = int(hole.rpartition(":")[2])
        with (
            serving(answers(200), host="127.0.0.2", port=port),
            await reached(("127.0.0.1", "127.0.0.2"), port) as sock,
        ):
            assert sock.getpeername() == ("127.0.0.2", port)
            assert sock.getblocking() is False

    assert sockets() <= before


async def test_where_all_refuse_the_last_refusal_is_told() -> None:
    with dead_port() as port, pytest.raises(ConnectionRefusedError):
        await reached(("127.0.0.1", "::1"), port)


@pytest.mark.parametrize("addresses", [("2001:db8::1", "127.0.0.1"), ("127.0.0.1", "2001:db8::1")])
def test_a_lack_of_routes_does_not_excuse_an_address_that_refuses(
    addresses: tuple[str, ...],
) -> None:
    lacking = OSError(errno.ENETUNREACH, "no route")
    refusing = OSError(errno.ECONNREFUSED, "refused")
    errors = [lacking if ":" in address else refusing for address in addresses]

    assert reaching._telling(errors) is refusing


async def test_cancelling_leaves_no_socket_behind() -> None:
    with black_hole() as hole:
        port = int(hole.rpartition(":")[2])
        before = sockets()
        reaching_it = asyncio.create_task(reached(("127.0.0.1", "127.0.0.1"), port))
        await asyncio.sleep(0.05)
        reaching_it.cancel()
        await asyncio.wait((reaching_it,))

        assert sockets() == before
