"""What the kinds of probe on demand but HTTP have in common: deadlines, refusals, no leaks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import Any

import pytest
from blackbox.jobs import Spec, job
from patience import least, took_s
from servers import black_hole, dead_port, serving
from zoo.speaking import closes, resets, says

from prober import loop
from prober.blackbox import KINDS, dns, icmp, streams
from prober.blackbox.guard import Refused
from prober.module import Addressing, Allowed, DnsModule, IcmpModule, Step, TcpModule
from prober.wire import TlsOptions

Place = Callable[[], AbstractContextManager[str]]

IP4 = Addressing("ip4")
INSECURE = TlsOptions(insecure=True)
SHORT_S = 0.3  # what a probe that never ends is given
LIMIT_S = 0.55  # and when it is over at the latest

ASKS = DnsModule("example.com", addressing=IP4)
SPECS: dict[str, Spec] = {
    "reads": TcpModule(IP4, (Step(expect="never"),)),
    "floods": TcpModule(IP4, (Step(send="x" * 20_000_000),)),
    "tls": TcpModule(IP4, tls=True, tls_options=INSECURE),
    "starttls": TcpModule(IP4, (Step(starttls=True),), tls_options=INSECURE),
    "dns-tcp": ASKS._replace(transport="tcp"),
    "dns-tls": ASKS._replace(transport="tcp", over_tls=True, tls_options=INSECURE),
    "dns-udp": ASKS,
}
PINGS = IcmpModule(IP4)
OPEN_SOCKET = streams.open_socket


async def deaf(*_: object) -> None:
    """Read nothing, and say nothing."""
    await asyncio.Event().wait()


@contextmanager
def silent() -> Iterator[str]:
    """A target that takes connections and packets, and does nothing else."""
    with serving(deaf) as server, closing(socket.socket(type=socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", server.port))
        yield f"127.0.0.1:{server.port}"


@contextmanager
def nowhere() -> Iterator[str]:
    """A target that doesn't even take a connection."""
    with black_hole() as url:
        yield url.removeprefix("http://")


@contextmanager
def closing_at_once() -> Iterator[str]:
    """A target that closes each connection."""
    with serving(says(ending=closes)) as server:
        yield f"127.0.0.1:{server.port}"


@contextmanager
def resetting() -> Iterator[str]:
    """A target that resets each connection."""
    with serving(says(ending=resets)) as server:
        yield f"127.0.0.1:{server.port}"


@contextmanager
def refusing() -> Iterator[str]:
    """A target that refuses each connection."""
    with dead_port() as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that probes open from now on."""
    sockets: list[socket.socket] = []

    def open_socket(*how: Any) -> socket.socket:
        sockets.append(OPEN_SOCKET(*how))
        return sockets[-1]

    for module in (streams, dns, icmp):
        monkeypatch.setattr(module, "open_socket", open_socket)
    return sockets


def are_closed(sockets: list[socket.socket]) -> bool:
    """Whether there were sockets, and all are closed."""
    return bool(sockets) and all(sock.fileno() == -1 for sock in sockets)


ENDLESS = [(silent, kind) for kind in SPECS] + [(nowhere, k) for k in SPECS if k != "dns-udp"]
ENDINGS = [silent, nowhere, closing_at_once, resetting, refusing]


@pytest.mark.parametrize(("place", "kind"), ENDLESS)
async def test_a_probe_without_an_end_is_ended_by_its_deadline(place: Place, kind: str) -> None:
    spec = SPECS[kind]

    async def ends_badly() -> None:
        with job(target, spec, SHORT_S) as asked:
            well = await KINDS[type(spec)](asked)
        assert (well, asked.report.log[-1]) == (False, "timed out")

    with place() as target:
        duration_s = await least(partial(took_s, ends_badly), LIMIT_S)

    assert SHORT_S - 0.01 <= duration_s <= LIMIT_S


@pytest.mark.parametrize("place", ENDINGS)
@pytest.mark.parametrize("kind", SPECS)
async def test_a_probe_leaves_no_socket_open(
    place: Place, kind: str, opened: list[socket.socket]
) -> None:
    spec = SPECS[kind]
    with place() as target, job(target, spec, SHORT_S) as asked:
        await KINDS[type(spec)](asked)

    assert are_closed(opened)


@pytest.mark.parametrize("kind", SPECS)
async def test_a_cancelled_probe_leaves_no_socket_open(
    kind: str, opened: list[socket.socket]
) -> None:
    spec = SPECS[kind]
    with silent() as target, job(target, spec) as asked:
        probe = asyncio.ensure_future(KINDS[type(spec)](asked))
        await asyncio.sleep(0.1)

        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)

    assert are_closed(opened)


async def test_a_ping_leaves_no_socket_open(opened: list[socket.socket]) -> None:
    with job("127.0.0.1", PINGS) as asked:
        await KINDS[IcmpModule](asked)

    assert are_closed(opened)


def test_probes_work_on_the_event_loop_of_a_worker() -> None:
    greets = TcpModule(IP4, (Step(expect="ready"),))

    async def verdicts(target: str) -> list[bool]:
        with job("127.0.0.1", PINGS) as ping, job(target, greets) as talk:
            return [await KINDS[IcmpModule](ping), await KINDS[TcpModule](talk)]

    with serving(says(b"ready\n")) as server:
        assert loop.run(verdicts(f"127.0.0.1:{server.port}")) == [True, True]


@pytest.mark.parametrize("kind", SPECS)
def test_deadlines_hold_on_the_event_loop_of_a_worker(kind: str) -> None:
    spec = SPECS[kind]

    async def asked_s() -> float:
        with job(target, spec, SHORT_S) as asked:
            return await took_s(lambda: KINDS[type(spec)](asked))

    with silent() as target:
        assert SHORT_S - 0.01 <= loop.run(least(asked_s, LIMIT_S)) <= LIMIT_S


KINDLY: dict[str, tuple[str, Spec]] = {
    "tcp": ("127.0.0.1:80", SPECS["reads"]),
    "dns": ("127.0.0.1", ASKS),
    "icmp": ("127.0.0.1", PINGS),
}


@pytest.mark.parametrize("kind", KINDLY)
async def test_an_address_outside_the_networks_is_refused(kind: str) -> None:
    target, spec = KINDLY[kind]
    with (
        job(target, spec, allowed=Allowed(networks=("10.0.0.0/8",))) as asked,
        pytest.raises(Refused, match=r"127\.0\.0\.1 is not allowed"),
    ):
        await KINDS[type(spec)](asked)


@pytest.mark.parametrize("kind", KINDLY)
async def test_a_name_outside_the_hosts_is_refused_before_it_is_looked_up(kind: str) -> None:
    target, spec = KINDLY[kind]
    named = target.replace("127.0.0.1", "localhost")
    with (
        job(named, spec, allowed=Allowed(("*.example",), ("0.0.0.0/0",))) as asked,
        pytest.raises(Refused, match=r"localhost.* is not allowed"),
    ):
        await KINDS[type(spec)](asked)


@pytest.mark.parametrize("kind", KINDLY)
async def test_a_name_that_stands_for_a_forbidden_address_is_refused(kind: str) -> None:
    target, spec = KINDLY[kind]
    named = target.replace("127.0.0.1", "localhost")
    with (
        job(named, spec, allowed=Allowed(networks=("10.0.0.0/8",))) as asked,
        pytest.raises(Refused),
    ):
        await KINDS[type(spec)](asked)
