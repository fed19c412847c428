"""/api/v1/services: the fleet, one service, and its history."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fleets import AT, explained, refusal, success
from gateway.watched import SERVICES, Fleet

from prober.reports import fleet as report

API = "/api/v1/services"


def history(count: int, name: str = "madre") -> list[Any]:
    """Results a second apart, the last one at AT."""
    return [success(name)._replace(checked_at=AT - n * 1000) for n in reversed(range(count))]


async def test_the_fleet_is_the_shape_that_check_once_prints(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success())

    answer = await client.get(API)

    said = answer.json()
    for service in said["services"]:
        del service["message"]
    assert said == report.as_json(fleet.state.members())


async def test_the_fleet_tells_in_a_sentence_why_a_service_is_broken(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(explained())

    answer = await client.get(API)

    messages = {s["name"]: s["message"] for s in answer.json()["services"]}
    assert messages["madre"] == "refused by 127.0.0.1:8001"
    assert set(messages.values()) == {"refused by 127.0.0.1:8001", None}


async def test_one_service_tells_how_it_is_and_how_it_is_watched(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success())

    answer = await client.get(f"{API}/madre")

    assert answer.json() == {
        "name": "madre",
        "port": 8001,
        "status": "OK",
        "critical": True,
        "maintenance": None,
        "http_code": 200,
        "latency_ms": 12.345,
        "endpoint_ok": "/health",
        "snippet": '{"status":"ok"}',
        "reason": None,
        "phase": None,
        "checked_at": "2026-11-22T15:00:00.123Z",
        "message": None,
        "since": "2026-11-22T15:00:00.123Z",
        "enabled": True,
        "url": "http://127.0.0.1:8001",
        "endpoints": ["/health"],
        "interval_s": 30.0,
        "timeout_s": 5.0,
        "group": "core",
        "tags": ["brain"],
        "depends_on": [],
    }


@pytest.mark.parametrize("name", [service.name for service in SERVICES])
async def test_any_name_is_found_when_it_is_quoted(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"{API}/{quote(name, safe='')}")

    assert (answer.status_code, answer.json()["name"]) == (200, name)


async def test_a_quoted_slash_tells_a_name_from_a_history(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success("a/results"))

    answer = await client.get(f"{API}/a%2Fresults/results")

    assert answer.json()["service"] == "a/results"
    assert len(answer.json()["results"]) == 1


@pytest.mark.parametrize("path", ["", "/results"])
async def test_an_unknown_service_is_404(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"{API}/nobody{path}")

    assert answer.status_code == 404
    assert answer.json() == {"error": "no service is named 'nobody'", "status_code": 404}


@pytest.mark.parametrize("path", ["/", API, f"{API}/madre", "/metrics", "/api/v1/openapi.json"])
async def test_secrets_of_a_service_stay_inside(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert "s3cret" not in answer.text and "X-VX11-Token" not in answer.text


async def test_results_come_newest_first(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(*history(2), refusal()._replace(checked_at=AT + 1000))

    answer = await client.get(f"{API}/madre/results")

    found = [(row["checked_at"][17:], row["status"]) for row in answer.json()["results"]]
    assert found == [("01.123Z", "BROKEN"), ("00.123Z", "OK"), ("59.123Z", "OK")]


async def test_a_result_tells_what_was_found(client: httpx.AsyncClient, fleet: Fleet) -> None:
    await fleet.tell(refusal())

    [row] = (await client.get(f"{API}/madre/results")).json()["results"]

    assert row == {
        "status": "BROKEN",
        "http_code": None,
        "latency_ms": None,
        "endpoint_ok": None,
        "snippet": None,
        "reason": "refused",
        "phase": "connect",
        "stalled": False,
        "checked_at": "2026-11-22T15:00:00.123Z",
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 100),
        ({"limit": 7}, 7),
        ({"limit": 10_000}, 120),
        ({"since": AT - 9_000, "limit": 1000}, 10),
        ({"since": "2026-11-22T14:59:51.123Z"}, 10),
        ({"since": "2026-11-22T16:59:51.123+02:00"}, 10),
        ({"until": AT - 100_000, "limit": 1000}, 19),
        ({"since": AT - 3_000, "until": AT - 1_000}, 2),
        ({"since": AT + 1}, 0),
    ],
)
async def test_history_is_cut_by_time_and_count(
    client: httpx.AsyncClient, fleet: Fleet, query: dict[str, str | int], count: int
) -> None:
    await fleet.tell(*history(120))

    answer = await client.get(f"{API}/madre/results", params=query)

    assert len(answer.json()["results"]) == count


async def test_a_service_without_history_has_no_results(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    await fleet.tell(success("a/results"))

    answer = await client.get(f"{API}/madre/results")

    assert answer.json() == {"service": "madre", "results": []}


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        ("limit", "0", "greater than or equal to 1"),
        ("limit", "10001", "less than or equal to 10000"),
        ("limit", "many", "valid integer"),
        ("since", "yesterday", "'yesterday' is not a time"),
        ("until", "99999999999999999", "outside the years 1970 to 9999"),
    ],
)
async def test_a_bad_parameter_is_named_with_what_is_wrong(
    client: httpx.AsyncClient, parameter: str, value: str, said: str
) -> None:
    answer = await client.get(f"{API}/madre/results", params={parameter: value})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"{parameter}: ")
    assert said in answer.json()["error"]


async def test_a_lost_database_is_503_without_naming_its_place(
    client: httpx.AsyncClient, fleet: Fleet
) -> None:
    answer = await client.get(f"{API}/madre/results")

    assert answer.status_code == 503
    assert answer.json() == {"error": "the history can't be read now", "status_code": 503}
