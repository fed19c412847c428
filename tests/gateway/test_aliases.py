"""Further paths of routes, and the table of routes that they may lead to."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from gateway.gates import HEADER, gate

from prober.config.routing import BUILT_IN
from prober.gateway import ROUTERS

ALIASES = {
    "/shown": "/api/v1/status",
    "/said/{session_id}": "/api/v1/sessions/{session_id}",
    "/say": "/api/v1/chat",
    "/alive": "/health",
}


def test_the_configuration_knows_every_route() -> None:
    found = {
        route.path
        for router in ROUTERS.values()
        for route in router.routes
        if isinstance(route, APIRoute | APIWebSocketRoute)
    }

    assert found <= set(BUILT_IN)


@pytest.mark.parametrize(
    ("path", "code"), [("/shown", 200), ("/alive", 200), ("/said/nobody", 404), ("/say", 405)]
)
async def test_an_alias_answers(tmp_path: Path, path: str, code: int) -> None:
    async with gate(tmp_path, [], aliases=ALIASES) as client:
        answer = await client.get(path)

    assert answer.status_code == code


async def test_an_alias_is_guarded_like_its_route(tmp_path: Path) -> None:
    async with gate(tmp_path, [], aliases=ALIASES) as client:
        del client.headers[HEADER]
        answers: list[httpx.Response] = [
            await client.get("/said/nobody"),
            await client.post("/say", json={"message": "hi"}),
        ]

    assert [answer.status_code for answer in answers] == [401, 401]


async def test_aliases_are_documented_with_their_parameters(tmp_path: Path) -> None:
    async with gate(tmp_path, [], aliases=ALIASES) as client:
        paths = (await client.get("/api/v1/openapi.json")).json()["paths"]

    assert paths.keys() >= ALIASES.keys()
    assert paths["/said/{session_id}"]["get"]["parameters"][0]["name"] == "session_id"
    assert "401" in paths["/say"]["post"]["responses"]
