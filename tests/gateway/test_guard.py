"""The token guard, asked over real connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256

import httpx
import pytest
from fastapi import FastAPI
from gateway.watched import serving

from prober.gateway import guard
from prober.gateway.admission import Admission
from prober.gateway.answers import handle_errors
from prober.gateway.guard import Guard, Key, Policy, Scope, needs

HEADER = "X-VX11-Token"


class Held:
    """The part of the context that the guard's dependency asks for."""

    def __init__(self, guard: Guard) -> None:
        self.admission = Admission()
        self.admission.guard = guard


def key(name: str, *scopes: Scope) -> Key:
    """A key whose token is its name."""
    return Key(name, sha256(name.encode()).digest(), frozenset(scopes))


KEYS = (
    key("reader", Scope.READ),
    key("sender", Scope.INGEST),
    key("operator", Scope.OPERATE),
    key("root", Scope.ADMIN),
)


def routes(policy: Policy) -> FastAPI:
    """An app with a route for each scope, named like it."""
    app = FastAPI()
    app.state.context = Held(Guard(policy))
    handle_errors(app)
    for scope in Scope:

        @app.post(f"/{scope}", dependencies=[needs(scope)])
        async def done() -> str:
            return "done"

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    policy = Policy(HEADER, reading_is_open=False, keys=KEYS)
    async with (
        serving(routes(policy)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("scope", Scope)
async def test_no_token_is_401(client: httpx.AsyncClient, scope: Scope) -> None:
    answer = await client.post(f"/{scope}")

    assert answer.status_code == 401
    assert answer.json() == {"error": "auth_required", "status_code": 401}


@pytest.mark.parametrize(
    "token", ["wrong", "readers", "READER", "read", "é", "r\xf6ot", "x" * 8000]
)
async def test_a_wrong_token_is_403(client: httpx.AsyncClient, token: str) -> None:
    answer = await client.post("/read", headers=[(HEADER.encode(), token.encode())])

    assert answer.status_code == 403
    assert answer.json() == {"error": "forbidden", "status_code": 403}


@pytest.mark.parametrize(
    ("token", "allowed"),
    [
        ("reader", {"read"}),
        ("sender", {"ingest"}),
        ("operator", {"read", "operate"}),
        ("root", {"read", "ingest", "operate", "admin"}),
    ],
)
async def test_a_token_is_good_for_what_its_scopes_grant(
    client: httpx.AsyncClient, token: str, allowed: set[str]
) -> None:
    codes = {s: (await client.post(f"/{s}", headers={HEADER: token})).status_code for s in Scope}

    assert {scope for scope, code in codes.items() if code == 200} == allowed
    assert set(codes.values()) <= {200, 403}


async def test_a_token_may_come_as_a_bearer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/read", headers={"Authorization": "Bearer reader"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("scope", "code"), [("read", 200), ("ingest", 403), ("operate", 403), ("admin", 403)]
)
async def test_without_tokens_only_reading_is_reachable(scope: str, code: int) -> None:
    async with serving(routes(Policy())) as url, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{url}/{scope}", headers={HEADER: "anything"})

    assert answer.status_code == code
    assert code == 200 or answer.json()["error"] == guard.CLOSED


@pytest.mark.parametrize("token", ["reader", "root", "wrong"])
def test_each_key_is_compared_whatever_the_token(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    monkeypatch.setattr(guard, "compare_digest", compare)

    Guard(Policy(keys=KEYS)).find(token)

    assert compared == [key.digest for key in KEYS]
