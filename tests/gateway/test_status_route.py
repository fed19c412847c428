"""/api/v1/status and /api/v1/overview: the fleet in one answer."""

from __future__ import annotations

import time
from statistics import quantiles

import httpx
import pytest
from fleets import AT, refusal, service, success
from gateway.watched import Fleet

from prober.config.tree import Gateway
from prober.gateway import overview
from prober.gateway.context import Context
from prober.status import State, step

SERVICES = 1000
BUDGET_MS = 10.0  # of the server at p99, with a thousand services


@pytest.fixture
def settings() -> Gateway:
    return Gateway(module="link", version="7.0", aliases={"/vx/status": "/api/v1/status"})


async def test_the_status_tells_ports_modules_and_how_many_are_well(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success(), refusal("a/results"))

    said = (await client.get("/api/v1/status")).json()

    assert (said["ok"], said["status"], said["module"], said["version"]) == (
        True,
        "ok",
        "link",
        "7.0",
    )
    assert said["timestamp"].endswith("Z")
    assert said["ports"]["madre"] == 8001
    assert said["summary"] == {"healthy_modules": 1, "total_modules": 3, "all_healthy": False}


async def test_a_module_tells_its_latest_health(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(success())

    modules = (await client.get("/api/v1/status")).json()["modules"]

    assert modules["madre"] == {
        "status": "ok",
        "since": "2026-11-22T15:00:00.123Z",
        "checked_at": "2026-11-22T15:00:00.123Z",
        "http_code": 200,
        "latency_ms": 12.345,
        "endpoint_ok": "/health",
        "reason": None,
    }
    assert modules["a/results"]["status"] == "unknown"
    assert modules["<script>alert(1)</script>"]["status"] == "disabled"


async def test_a_new_result_replaces_what_was_told(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(success())
    await client.get("/api/v1/status")
    await fleet.tell(refusal()._replace(checked_at=AT + 1000))

    modules = (await client.get("/api/v1/status")).json()["modules"]

    assert (modules["madre"]["status"], modules["madre"]["reason"]) == ("broken", "refused")


async def test_all_are_healthy_when_only_disabled_ones_are_not(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    fleet.watch(service("a"), service("b", enabled=False))
    await fleet.tell(success("a"))

    said = (await client.get("/api/v1/status")).json()

    assert said["summary"] == {"healthy_modules": 1, "total_modules": 1, "all_healthy": True}
    assert set(said["ports"]) == set(said["modules"]) == {"a", "b"}


async def test_the_overview_counts_the_unhealthy(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(success())

    said = (await client.get("/api/v1/overview")).json()

    assert (said["gateway"], said["version"]) == ("link", "7.0")
    assert said["summary"] == {"total": 3, "healthy": 1, "unhealthy": 2}
    assert said["modules_health"]["madre"]["status"] == "ok"


async def test_health_tells_module_and_version_of_the_configuration(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/health")

    assert answer.json() == {"status": "ok", "module": "link", "version": "7.0"}


async def test_an_alias_answers_like_its_route_and_is_documented(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success())

    alias, route = await client.get("/vx/status"), await client.get("/api/v1/status")
    document = (await client.get("/api/v1/openapi.json")).json()

    assert alias.json()["modules"] == route.json()["modules"]
    assert "Also at /api/v1/status." in document["paths"]["/vx/status"]["get"]["description"]


async def test_a_thousand_services_are_told_within_the_budget(context: Context) -> None:
    names = [f"service-{i}" for i in range(SERVICES)]
    context.state.retarget([service(name, 10_000 + i) for i, name in enumerate(names)])
    took_ms = []

    for i in range(400):
        changed = [success(name)._replace(checked_at=AT + i) for name in names[:40]]
        await context.state.write([step(State(), result)[1] for result in changed])
        start = time.thread_time()
        answer = await overview.status(context)
        took_ms.append((time.thread_time() - start) * 1000)

    assert bytes(answer.body).count(b'"http_code"') == SERVICES
    # The time of the processor: the clock on the wall also counts what else the machine does.
    assert quantiles(took_ms, n=100)[98] < BUDGET_MS
