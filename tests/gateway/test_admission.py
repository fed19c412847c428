"""The whole gateway under its settings: tokens, rates, CORS, proxies, and their reload."""

from __future__ import annotations

import signal
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from daemons import running, until
from gateway.watched import serving
from structlog.testing import capture_logs

from prober.config.access import Auth, Cors, Limits, Token
from prober.config.tree import Gateway
from prober.gateway import app
from prober.gateway.admission import Admission, policy
from prober.gateway.context import Context

TOKEN = "correct-horse-battery"
OTHER = "another-horse-battery"
HEADER = {"X-Prober-Token": TOKEN}
PAGE = "https://status.example.org"


def token(scope: str, secret: str | None = TOKEN) -> Token:
    return Token(name=scope, scopes=(scope,), token=secret)


@asynccontextmanager
async def gateway(context: Context, **settings: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole gateway with these settings."""
    context.admission.take(Gateway.model_validate(settings))
    async with (
        serving(app.build(context)) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/services", "/api/v1/status"])
async def test_reading_by_token_guards_every_reader(context: Context, path: str) -> None:
    auth = Auth(reading="token", tokens=(token("read"),))

    async with gateway(context, auth=auth) as client:
        codes = [(await client.get(path, headers=h)).status_code for h in ({}, HEADER)]

    assert codes == [401, 200]


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_health_is_open_also_where_reading_is_not(context: Context, path: str) -> None:
    async with gateway(context, auth=Auth(reading="token", tokens=(token("read"),))) as client:
        assert (await client.get(path)).status_code == 200


async def test_without_tokens_no_route_writes(context: Context) -> None:
    async with gateway(context) as client:
        paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
        writing = [path for path, methods in paths.items() if "post" in methods]
        codes = [(await client.post(path, json={}, headers=HEADER)).status_code for path in writing]

    assert codes == [403] * len(codes)


async def test_too_many_requests_are_429_with_the_time_to_wait(context: Context) -> None:
    async with gateway(context, limits={"requests": "3 per minute"}) as client:
        answers = [await client.get("/health") for _ in range(4)]

    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[3].json() == {"error": "too many requests", "status_code": 429}
    assert 0 < int(answers[3].headers["retry-after"]) <= 20
    assert answers[3].headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("proxies", "codes"),
    [([], [200, 429, 429]), (["127.0.0.0/8"], [200, 200, 429]), (["192.0.2.1"], [200, 429, 429])],
)
async def test_only_a_trusted_proxy_tells_who_asks(
    context: Context, proxies: list[str], codes: list[int]
) -> None:
    settings = {"limits": {"requests": "1 per minute"}, "trusted_proxies": proxies}
    forwarded = ["198.51.100.1", "198.51.100.2", "203.0.113.9, 198.51.100.1"]

    async with gateway(context, **settings) as client:
        asked = [await client.get("/health", headers={"X-Forwarded-For": f}) for f in forwarded]

    assert [answer.status_code for answer in asked] == codes


async def test_pages_of_elsewhere_are_not_let_in_by_default(context: Context) -> None:
    async with gateway(context) as client:
        answer = await client.get("/api/v1/services", headers={"Origin": PAGE})

    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://evil.example", None)])
async def test_pages_of_named_origins_are_let_in(
    context: Context, origin: str, allowed: str | None
) -> None:
    async with gateway(context, cors=Cors(origins=(PAGE,))) as client:
        answer = await client.get("/api/v1/services", headers={"Origin": origin})

    assert answer.headers.get("access-control-allow-origin") == allowed


async def test_a_preflight_allows_the_tokens_header(context: Context) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "X-Prober-Token, Content-Type",
    }

    async with gateway(context, cors=Cors(origins=(PAGE,))) as client:
        answer = await client.options("/api/v1/events", headers=asked)

    assert answer.status_code == 200
    assert "X-Prober-Token" in answer.headers["access-control-allow-headers"]


async def test_a_reload_changes_tokens_and_limits_of_a_running_gateway(context: Context) -> None:
    auth = Auth(reading="token", tokens=(token("read"),))
    async with gateway(context, auth=auth) as client:
        before = await client.get("/metrics", headers=HEADER)
        rotated = Auth(reading="token", tokens=(token("read", OTHER),))
        context.admission.take(
            Gateway(auth=rotated, limits=Limits.model_validate({"requests": "2 per hour"}))
        )
        codes = [
            (await client.get("/metrics", headers={"X-Prober-Token": t})).status_code
            for t in (TOKEN, OTHER, OTHER)
        ]

    assert (before.status_code, codes) == (200, [403, 200, 429])


def test_a_reload_forgets_no_wrong_token() -> None:
    admission = Admission()
    before = admission.guard.attempts

    admission.take(Gateway(auth=Auth(tokens=(token("read"),))))

    assert admission.guard.attempts is before


@pytest.mark.parametrize(
    ("secret", "said"),
    [("short", "a token is short"), (None, "a token is empty, so that nobody has it")],
)
def test_a_weak_token_is_told_without_showing_it(secret: str | None, said: str) -> None:
    with capture_logs() as lines:
        policy(Gateway(auth=Auth(tokens=(token("read", secret),))))

    assert [line["event"] for line in lines] == [said]
    assert "short" not in str({k: v for k, v in lines[0].items() if k != "event"})


def test_sighup_rotates_the_tokens_of_a_daemon(tmp_path: Path) -> None:
    def settings(secret: str) -> dict[str, object]:
        entry = {"name": "a", "scopes": ["read"], "token": secret}
        return {"auth": {"reading": "token", "tokens": [entry]}}

    def code(secret: str) -> int:
        headers = {"X-Prober-Token": secret}
        return httpx.get(f"{url}/metrics", headers=headers, trust_env=False).status_code

    services = [{"name": "a", "url": "http://127.0.0.1:1"}]
    with running(tmp_path, services) as daemon:
        url = f"http://127.0.0.1:{daemon.port}"
        for secret in (TOKEN, OTHER):
            daemon.keys["gateway"] = {"port": daemon.port, **settings(secret)}
            daemon.configure(services)
            daemon.send(signal.SIGHUP)
            until(lambda: code(secret) == 200)  # noqa: B023  # it is asked before the next turn
        assert code(TOKEN) == 403
        assert TOKEN not in daemon.log and OTHER not in daemon.log


async def test_a_browser_may_offer_its_token_as_a_subprotocol(context: Context) -> None:
    offered = urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    headers = {"Sec-WebSocket-Protocol": f"prober, prober.token.{offered}"}

    async with gateway(context, auth=Auth(reading="token", tokens=(token("read"),))) as client:
        answer = await client.get("/metrics", headers=headers)

    assert answer.status_code == 200
