"""The routes of config/vx11.yaml, each with the shape that VX11 knows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gateway.gates import HEADER, Gate, gate
from servers import answers_by_path, dead_port, response, serving

from prober.config import load

VX11 = Path(__file__).parents[2] / "config" / "vx11.yaml"
SECRET = "a-token-for-the-vx11-fleet"
PAGES = ["/shub/dashboard", "/hermes/resources", "/queen/status", "/report?limit=50"]
OPEN = ["/health", "/vx11/status"]
GUARDED = [
    "/vx11/circuit-breaker/status",
    "/operator/session/s1",
    "/vx11/overview",
    "/shub/dashboard",
    "/resources",
    "/hormiguero/queen/status",
    "/hormiguero/report?limit=50",
    "/operator/snapshot?t=0",
    "/debug/events/cardinality",
    "/debug/events/correlations",
]
EVENT = {"type": "test.event", "payload": {"a": 1}, "source": "madre"}


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Gate]:
    """A gateway by VX11's configuration, all of whose services are one server."""
    config = load.load([VX11], {"VX11_TOKEN": SECRET})
    pages = {page: response(200, json.dumps({"page": page}).encode()) for page in PAGES}
    pages["/operator/chat"] = response(200, b'{"response":"Hola"}')
    with serving(answers_by_path(pages)) as server:
        services = [replace(s, url=server.url, port=server.port) for s in config.services]
        async with gate(tmp_path, services, config.gateway) as client:
            client.headers[HEADER] = SECRET
            yield client


async def got(link: Gate, path: str) -> Any:
    answer = await link.get(path)
    assert answer.status_code == 200
    return answer.json()


async def test_health(link: Gate) -> None:
    assert await got(link, "/health") == {
        "status": "ok",
        "module": "tentaculo_link",
        "version": "7.0",
    }


@pytest.mark.parametrize("path", OPEN)
async def test_two_routes_are_open(link: Gate, path: str) -> None:
    del link.headers[HEADER]

    assert (await link.get(path)).status_code == 200


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    ("token", "code", "error"), [(None, 401, "auth_required"), ("wrong", 403, "forbidden")]
)
async def test_the_others_are_guarded(
    link: Gate, path: str, token: str | None, code: int, error: str
) -> None:
    del link.headers[HEADER]

    answer = await link.get(path, headers={HEADER: token} if token else {})

    assert answer.json() == {"error": error, "status_code": code}


@pytest.mark.parametrize(
    ("path", "body"), [("/operator/chat", {"message": "hi"}), ("/events/ingest", EVENT)]
)
async def test_what_writes_is_guarded(link: Gate, path: str, body: object) -> None:
    del link.headers[HEADER]

    assert (await link.post(path, json=body)).status_code == 401


async def test_status(link: Gate) -> None:
    said = await got(link, "/vx11/status")

    assert (said["ok"], said["status"], said["module"]) == (True, "ok", "tentaculo_link")
    assert {"timestamp", "version"} <= said.keys()
    assert len(said["ports"]) == len(said["modules"]) == 11
    assert said["summary"].keys() == {"healthy_modules", "total_modules", "all_healthy"}


async def test_breakers(link: Gate) -> None:
    said = await got(link, "/vx11/circuit-breaker/status")

    assert said.keys() == {"breakers", "timestamp"}
    assert said["breakers"]["hermes"].keys() == {"state", "failure_count", "last_failure"}


async def test_chat_and_its_session(link: Gate) -> None:
    answer = await link.post("/operator/chat", json={"message": "hola", "session_id": "s1"})

    assert answer.json() == {"response": "Hola", "session_id": "s1"}
    assert (await got(link, "/operator/session/s1")).keys() == {
        "session_id",
        "user_id",
        "created_at",
        "message_count",
        "messages",
        "summary",
    }


async def test_an_event(link: Gate) -> None:
    answer = await link.post("/events/ingest", json=EVENT)

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok" and answer.json()["event_id"]


async def test_overview(link: Gate) -> None:
    said = await got(link, "/vx11/overview")

    assert said.keys() == {"gateway", "version", "modules_health", "summary"}
    assert said["summary"].keys() == {"total", "healthy", "unhealthy"}


@pytest.mark.parametrize(
    ("path", "page"),
    zip(
        [
            "/shub/dashboard",
            "/resources",
            "/hormiguero/queen/status",
            "/hormiguero/report?limit=50",
        ],
        PAGES,
        strict=True,
    ),
)
async def test_forwarded_routes_reach_their_page(link: Gate, path: str, page: str) -> None:
    assert await got(link, path) == {"page": page}


async def test_a_dead_module_opens_its_circuit(link: Gate) -> None:
    with dead_port() as port:
        members = link.context.state.members()
        dead = [replace(m.service, url=f"http://127.0.0.1:{port}") for m in members]
        link.context.state.retarget(dead)
        codes = [(await link.get("/resources")).status_code for _ in range(4)]
        answer = await link.get("/resources")

    assert codes == [502, 502, 502, 503]
    assert answer.json() == {"status": "circuit_open", "module": "hermes"}


async def test_snapshot(link: Gate) -> None:
    said = await got(link, "/operator/snapshot?t=0")

    assert len(said["modules"]) == 11


async def test_cardinality_and_correlations(link: Gate) -> None:
    await link.post("/events/ingest", json=EVENT)

    assert (await got(link, "/debug/events/cardinality"))["total_events"] == 1
    graph = (await got(link, "/debug/events/correlations"))["graph"]
    assert {"nodes", "edges"} <= graph.keys()
