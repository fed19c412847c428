"""The address that is probed is the one that blackbox_exporter would choose."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from prober.blackbox.addresses import NoAddress, allowed, chosen
from prober.blackbox.guard import Guard, Refused
from prober.blackbox.job import Job
from prober.blackbox.report import Report
from prober.module import Addressing, Allowed, Module, TcpModule
from prober.probes.resolver import Resolver

BOTH = ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"]
ANY = Allowed(networks=("0.0.0.0/0", "::/0"))

Resolves = Callable[[str, list[str]], None]


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Resolves:
    """A function that gives a name its addresses; others have none."""
    names: dict[str, list[str]] = {}

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in names[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names.__setitem__


@pytest.fixture
async def job() -> AsyncIterator[Job]:
    deadline = time.monotonic() + 5
    module = Module("tcp", TcpModule())
    resolver = Resolver(asyncio.get_running_loop())
    yield Job("", module, "", deadline, Guard(ANY), Report(), resolver)


def told(job: Job) -> dict[str, str]:
    lines = (line for line in job.report.render().splitlines() if not line.startswith("#"))
    return dict(line.split(" ") for line in lines)


@pytest.mark.parametrize(
    ("addresses", "addressing", "expected"),
    [
        (BOTH, Addressing("ip6"), "2001:db8::1"),
        (BOTH, Addressing("ip4"), "192.0.2.1"),
        (BOTH, Addressing("ip6", fallback=False), "2001:db8::1"),
        (BOTH, Addressing("ip4", fallback=False), "192.0.2.1"),
        (["192.0.2.1", "192.0.2.2"], Addressing("ip6"), "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2"], Addressing("ip4"), "2001:db8::2"),
        (["::ffff:192.0.2.1"], Addressing("ip4", fallback=False), "192.0.2.1"),
    ],
)
async def test_the_preferred_kind_is_taken_or_the_last_of_the_other(
    job: Job, resolves: Resolves, addresses: list[str], addressing: Addressing, expected: str
) -> None:
    resolves("shop", addresses)
    assert await chosen(job, "shop", addressing) == expected


@pytest.mark.parametrize(
    ("host", "addressing"),
    [
        ("192.0.2.1", Addressing("ip6", fallback=False)),
        ("[2001:db8::1]", Addressing("ip4", fallback=False)),
        ("unknown", Addressing()),
    ],
)
async def test_where_there_is_no_such_address_the_gauges_are_zero(
    job: Job, resolves: Resolves, host: str, addressing: Addressing
) -> None:
    with pytest.raises(NoAddress):
        await chosen(job, host, addressing)

    found = told(job)
    assert (found["probe_ip_protocol"], found["probe_ip_addr_hash"]) == ("0", "0")
    assert float(found["probe_dns_lookup_time_seconds"]) > 0


@pytest.mark.parametrize(
    ("host", "protocol", "hashed"),
    [
        ("127.0.0.1", "4", "3.668918509e+09"),  # as blackbox_exporter 0.23 has them
        ("::1", "6", "1.751717746e+09"),
        ("::ffff:127.0.0.1", "4", "3.668918509e+09"),
    ],
)
async def test_the_address_is_told_as_version_and_hash(
    job: Job, host: str, protocol: str, hashed: str
) -> None:
    await chosen(job, host, Addressing())

    found = told(job)
    assert found["probe_ip_protocol"] == protocol
    assert found["probe_ip_addr_hash"] == hashed


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "\u2460\u2461\u2466.0.0.1",
        "127\u30020\u30020\u30021",
        "",
        "a\0b",
        "x" * 70,
    ],
)
async def test_what_only_the_system_takes_for_an_address_has_none(job: Job, host: str) -> None:
    with pytest.raises(NoAddress, match="neither a name nor an address"):
        await allowed(job, host)


async def test_a_name_that_leads_to_forbidden_addresses_only_is_refused(
    job: Job, resolves: Resolves
) -> None:
    resolves("rebound", ["169.254.169.254"])
    with pytest.raises(Refused, match="metadata"):
        await chosen(job, "rebound", Addressing())


async def test_forbidden_addresses_of_a_name_are_passed_over(job: Job, resolves: Resolves) -> None:
    job = job._replace(guard=Guard(Allowed(networks=("192.0.2.0/24",))))
    resolves("mixed", ["2001:db8::1", "127.0.0.1", "192.0.2.7"])
    assert await allowed(job, "mixed") == ["192.0.2.7"]


async def test_a_name_that_is_not_allowed_is_not_even_looked_up(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("it was looked up"))
    with pytest.raises(Refused, match="hosts"):
        await allowed(job._replace(guard=Guard(ANY._replace(hosts=("a",)))), "b")


async def test_a_resolver_that_hangs_is_left_at_the_deadline(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object, **__: object) -> list[object]:
        time.sleep(0.5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(TimeoutError):
        await allowed(job._replace(deadline=time.monotonic() + 0.05), "slow")
