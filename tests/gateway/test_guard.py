"""The token guard, asked over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from gateway.watched import serving
from hypothesis import given
from hypothesis import strategies as st
from patience import given_time
from starlette.requests import HTTPConnection
from structlog.testing import capture_logs

from prober.config.clients import Rate
from prober.gateway import guard
from prober.gateway.admission import Admission
from prober.gateway.answers import handle_errors
from prober.gateway.attempts import Attempts
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


def routes(policy: Policy, attempts: Attempts | None = None) -> FastAPI:
    """An app with a route for each scope, named like it."""
    app = FastAPI()
    app.state.context = Held(Guard(policy, attempts))
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


@asynccontextmanager
async def asking(rate: Rate | None) -> AsyncIterator[Callable[[str], Awaitable[httpx.Response]]]:
    """A function that asks to read with a token, of a gateway with this rate of wrong ones."""
    app = routes(Policy(HEADER, reading_is_open=False, keys=KEYS), Attempts(rate))
    async with serving(app) as url, httpx.AsyncClient(trust_env=False) as client:
        yield lambda token: client.post(f"{url}/read", headers={HEADER: token} if token else {})


async def test_after_too_many_wrong_tokens_none_is_looked_at() -> None:
    async with asking(Rate(3, 60)) as ask:
        codes = [(await ask(token)).status_code for token in ["a", "b", "c", "reader"]]
        answer = await ask("d")

    assert codes == [403, 403, 403, 429]
    assert answer.json() == {"error": "too many wrong tokens", "status_code": 429}
    assert 0 < int(answer.headers["retry-after"]) <= 20


async def test_a_right_or_missing_token_is_no_failed_attempt() -> None:
    async with asking(Rate(1, 60)) as ask:
        codes = [(await ask(token)).status_code for token in ["reader", "", "sender"] * 3]

    assert codes == [200, 401, 403] * 3


async def test_the_limit_passes() -> None:
    async def codes(seconds: float) -> list[int]:
        async with asking(Rate(1, seconds)) as ask:
            first = [(await ask(token)).status_code for token in ["wrong", "reader"]]
            await asyncio.sleep(seconds * 1.1)
            return [*first, (await ask("reader")).status_code]

    expected = [403, 429, 200]
    assert await given_time(codes, expected.__eq__) == expected


async def test_no_token_is_ever_logged() -> None:
    with capture_logs() as lines:
        async with asking(Rate(2, 60)) as ask:
            for token in ["s3cret-one", "s3cret-two", "s3cret-three", "reader"]:
                await ask(token)

    assert len(lines) == 1
    assert "s3cret" not in str(lines) and "'reader'" not in str(lines)


def connection(headers: list[tuple[bytes, bytes]]) -> HTTPConnection:
    return HTTPConnection(
        {"type": "http", "path": "/", "headers": headers, "client": None, "query_string": b""}
    )


@given(
    st.binary(max_size=300), st.sampled_from([HEADER, "Authorization", "Sec-WebSocket-Protocol"])
)
async def test_no_header_value_opens_the_guard_or_breaks_it(value: bytes, name: str) -> None:
    guarded = Guard(Policy(HEADER, reading_is_open=False, keys=KEYS))

    for prefix in (b"", b"Bearer ", b"prober.token.", b"prober, prober.token."):
        with pytest.raises(HTTPException) as refused:
            guarded.require(Scope.ADMIN, connection([(name.lower().encode(), prefix + value)]))
        assert refused.value.status_code in (401, 403)


def websocket(*headers: tuple[str, str]) -> HTTPConnection:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "websocket", "path": "/ws", "headers": [*sent]})


@pytest.mark.parametrize(
    "origin", ["http://prober.example:8790", "https://status.example.org", None]
)
def test_a_websocket_of_an_own_or_named_page_is_let_in(origin: str | None) -> None:
    guarded = Guard(Policy(origins=frozenset({"https://status.example.org"})))
    headers = [("Host", "prober.example:8790")] + ([("Origin", origin)] if origin else [])

    guarded.require(Scope.READ, websocket(*headers))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://prober.example", "http://["]
)
def test_a_websocket_of_a_foreign_page_is_refused_though_reading_is_open(origin: str) -> None:
    connection = websocket(("Host", "prober.example:8790"), ("Origin", origin))

    with pytest.raises(HTTPException, match="origin") as refused:
        Guard().require(Scope.READ, connection)

    assert refused.value.status_code == 403


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("prober, prober.token.eA", "prober"), ("prober.token.eA", None), ("", None)],
)
def test_the_subprotocol_without_the_token_is_chosen(offered: str, chosen: str | None) -> None:
    assert guard.subprotocol(websocket(("Sec-WebSocket-Protocol", offered))) == chosen
