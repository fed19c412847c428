from __future__ import annotations

import errno
import socket
import time
from typing import Any

import pytest

from prober.model import Phase, Reason, Timings
from prober.probes import routes
from prober.probes.exchange import Exchange
from prober.probes.routes import is_offline, reconsider

NOWHERE = ((socket.AF_INET, ("255.255.255.255", 9)),)  # never routed without leave to broadcast
SELF = ((socket.AF_INET, ("127.0.0.1", 9)),)


def exchange(reason: Reason, os_errno: int = 0) -> Exchange:
    timings = Timings(0.0, 0.0, 0.0, 0.0, 0.0)
    return Exchange(None, b"", timings, 1.0, reason=reason, os_errno=os_errno)


def soon() -> float:
    return time.monotonic() + 1


def addresses(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_host_with_a_route_is_not_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "SOMEWHERE", NOWHERE + SELF)

    assert not is_offline()


async def test_a_name_that_is_not_found_offline_is_probers_own_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "SOMEWHERE", NOWHERE)

    found = await reconsider(exchange(Reason.DNS), "madre", 80, soon())

    assert found.reason is Reason.PROBER


async def test_a_name_that_is_not_found_online_is_the_services_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "SOMEWHERE", SELF)

    found = await reconsider(exchange(Reason.DNS), "madre", 80, soon())

    assert found.reason is Reason.DNS


@pytest.mark.parametrize(
    ("host", "reason"),
    [("255.255.255.255", Reason.PROBER), ("127.0.0.1", Reason.TIMEOUT)],
)
async def test_the_silence_of_an_address_is_probers_own_trouble_where_its_route_is_gone(
    host: str, reason: Reason
) -> None:
    found = await reconsider(exchange(Reason.TIMEOUT), host, 80, soon())

    assert found.reason is reason


@pytest.mark.parametrize(
    ("phase", "reason"), [(Phase.RESOLVE, Reason.PROBER), (Phase.CONNECT, Reason.TIMEOUT)]
)
async def test_a_name_that_times_out_offline_is_probers_own_trouble_until_it_is_resolved(
    monkeypatch: pytest.MonkeyPatch, phase: Phase, reason: Reason
) -> None:
    monkeypatch.setattr(routes, "SOMEWHERE", NOWHERE)

    silent = exchange(Reason.TIMEOUT)._replace(phase=phase)
    found = await reconsider(silent, "madre", 80, soon())

    assert found.reason is reason


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EADDRNOTAVAIL])
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (("127.0.0.1", "255.255.255.255"), Reason.REFUSED),
        (("255.255.255.255",), Reason.PROBER),
        (("127.0.0.1",), Reason.PROBER),  # routed: what was lacking is a local port
        ((), Reason.PROBER),
    ],
)
async def test_a_missing_route_is_the_services_where_another_address_was_reached(
    monkeypatch: pytest.MonkeyPatch, number: int, found: tuple[str, ...], reason: Reason
) -> None:
    addresses(monkeypatch, *found)

    again = await reconsider(exchange(Reason.PROBER, number), "madre", 80, soon())

    assert again.reason is reason


async def test_a_deadline_that_passed_leaves_the_first_word() -> None:
    again = await reconsider(exchange(Reason.PROBER, errno.ENETUNREACH), "localhost", 80, 0.0)

    assert again.reason is Reason.PROBER
