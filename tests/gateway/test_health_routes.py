"""/health and /ready."""

from __future__ import annotations

import httpx
import pytest
from gateway.watched import Fleet

from prober import __version__
from prober.gateway.context import Progress


async def test_health_names_the_module_and_its_version(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "module": "vigil", "version": __version__}


@pytest.mark.parametrize(
    ("progress", "code"),
    [
        (Progress("ok", "ok", ready=True), 200),
        (Progress("ok", "spooling", ready=True), 200),
        (Progress("starting", "ok", ready=False), 503),
        (Progress("ok", "stalled", ready=False), 503),
    ],
)
async def test_ready_answers_503_until_schedule_and_store_progress(
    client: httpx.AsyncClient, fleet: Fleet, progress: Progress, code: int
) -> None:
    fleet.progress = progress

    answer = await client.get("/ready")

    assert answer.status_code == code
    assert answer.json() == {
        "schedule": progress.schedule,
        "store": progress.store,
        "ready": progress.ready,
    }


@pytest.mark.parametrize("path", ["/health", "/ready", "/"])
async def test_load_balancers_may_ask_for_headers_only(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.head(path)

    assert (answer.status_code, answer.content) == (200, b"")
