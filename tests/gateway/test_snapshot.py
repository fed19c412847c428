"""/api/v1/snapshot: the fleet as it was."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from fleets import AT, refusal, service, success
from gateway.watched import Fleet

from prober.model import Observation, Status, Transition
from prober.storage.writer import Writer

MINUTE = 60_000


async def at(client: httpx.AsyncClient, t: int) -> Any:
    return (await client.get("/api/v1/snapshot", params={"t": t})).json()


@pytest.fixture
async def told(fleet: Fleet) -> Fleet:
    """madre: OK for a minute, then BROKEN for one, then OK again."""
    before = success()
    broken = refusal()._replace(checked_at=AT + MINUTE)
    after = success()._replace(checked_at=AT + 2 * MINUTE)
    await fleet.tell(before, broken, after)
    return fleet


@pytest.mark.parametrize(
    ("t", "status"),
    [
        (1, "unknown"),
        (AT - 1, "unknown"),
        (AT, "ok"),
        (AT + MINUTE - 1, "ok"),
        (AT + MINUTE, "broken"),
        (AT + 2 * MINUTE - 1, "broken"),
        (AT + 2 * MINUTE, "ok"),
    ],
)
async def test_a_module_is_as_it_was_at_the_moment(
    client: httpx.AsyncClient, told: Fleet, t: int, status: str
) -> None:
    assert (await at(client, t))["modules"]["madre"]["status"] == status


async def test_a_moment_tells_the_result_that_was_the_last_then(
    client: httpx.AsyncClient, told: Fleet
) -> None:
    said = await at(client, AT + MINUTE + 1)

    assert (said["t"], said["time"]) == (AT + MINUTE + 1, "2026-11-22T15:01:00.124Z")
    assert said["modules"]["madre"] == {
        "status": "broken",
        "since": "2026-11-22T15:01:00.123Z",
        "checked_at": "2026-11-22T15:01:00.123Z",
        "http_code": None,
        "latency_ms": None,
        "endpoint_ok": None,
        "reason": "refused",
    }
    assert said["summary"] == {"total": 4, "healthy": 0, "unhealthy": 1, "unknown": 3}


async def test_zero_and_nothing_mean_now(client: httpx.AsyncClient, told: Fleet) -> None:
    now, zero = (await client.get("/api/v1/snapshot")).json(), await at(client, 0)

    assert now["modules"] == zero["modules"]
    assert zero["modules"]["madre"]["status"] == "ok"
    assert abs(zero["t"] - time.time() * 1000) < 10_000


async def test_what_was_unknown_stays_unknown(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(success())
    writer = Writer(fleet.url)
    lost = Transition("madre", AT + MINUTE, Status.OK, Status.UNKNOWN)
    writer.write([Observation("madre", lost.at, lost.new, None, lost)])
    writer.close()
    await fleet.state.write([Observation("madre", lost.at, lost.new, None, lost)])

    assert (await at(client, AT + 2 * MINUTE))["modules"]["madre"]["status"] == "unknown"
    assert (await at(client, AT + MINUTE - 1))["modules"]["madre"]["status"] == "ok"


async def test_a_module_that_left_is_told_for_as_long_as_it_was_watched(
    client: httpx.AsyncClient, told: Fleet
) -> None:
    told.watch(service("other"))

    during, long_after = await at(client, AT + MINUTE), await at(client, AT + 180 * MINUTE)

    assert during["modules"]["madre"]["status"] == "broken"
    assert "madre" not in long_after["modules"]


@pytest.mark.parametrize(
    ("t", "said"),
    [
        ("-1", "greater than or equal to 0"),
        ("yesterday", "valid integer"),
        ("99999999999999999999", "less than or equal to"),
        (str(AT * 10), "lies in the future"),
    ],
)
async def test_a_moment_that_is_none_is_422(client: httpx.AsyncClient, t: str, said: str) -> None:
    answer = await client.get("/api/v1/snapshot", params={"t": t})

    assert answer.status_code == 422
    assert said in answer.json()["error"]
