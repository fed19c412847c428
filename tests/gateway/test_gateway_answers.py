"""What holds for every answer of the gateway: error shape, headers, compression."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
from fleets import service
from gateway.watched import Fleet

from prober.gateway.answers import aside


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/health/", 404),
        ("GET", "/docs", 404),
        ("GET", "/%68ealth%00", 404),
        ("POST", "/health", 405),
        ("DELETE", "/api/v1/services/madre", 405),
        ("GET", "/api/v1/services/madre/results?limit=x", 422),
    ],
)
async def test_every_error_has_one_shape(
    client: httpx.AsyncClient, method: str, path: str, code: int
) -> None:
    answer = await client.request(method, path)

    assert answer.status_code == code
    assert answer.json().keys() == {"error", "status_code"}
    assert answer.json()["status_code"] == code


async def test_a_wrong_method_is_told_the_right_ones(client: httpx.AsyncClient) -> None:
    answer = await client.put("/metrics")

    assert answer.headers["allow"] == "GET"


async def test_a_defect_answers_500_and_tells_no_detail(
    client: httpx.AsyncClient, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> list[object]:
        raise KeyError("detail")

    monkeypatch.setattr(fleet.state, "members", fail)

    answer = await client.get("/api/v1/services")

    assert (answer.status_code, answer.json()["error"]) == (500, "internal error")


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/nowhere"])
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/services"])
async def test_big_answers_are_compressed_for_who_accepts_it(
    client: httpx.AsyncClient, fleet: Fleet, path: str
) -> None:
    fleet.watch(*(service(f"service-{n}") for n in range(200)))

    packed = await client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = await client.get(path, headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers


async def test_the_api_describes_itself(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]

    assert {"/health", "/ready", "/metrics", "/api/v1/services"} <= paths.keys()


async def test_long_work_is_done_beside_the_loop_one_at_a_time() -> None:
    threads = await asyncio.gather(*(aside(threading.get_ident) for _ in range(5)))

    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
