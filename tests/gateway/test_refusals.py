"""What the gateway refuses, and what becomes of events, as its metrics tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gateway.gates import AUTH, HEADER, TOKEN, gate
from gateway.watched import counted

SENDER = "a-token-that-may-ingest"
TOKENS = [*AUTH["tokens"], {"name": "i", "scopes": "ingest", "token": SENDER}]
AUTHS = {"header": HEADER, "tokens": TOKENS}
EVENTS = {"types": {"system.alert": {"schema": {"type": "object", "required": ["alert_id"]}}}}
SMALL = {"event_body": "1KiB"}
BODIES = [b"x" * 2000, b'{"type": "a"}']


@pytest.mark.parametrize(
    ("reason", "code", "token", "body", "settings"),
    [
        ("auth_required", 401, "", BODIES[1], {}),
        ("forbidden", 403, "wrong", BODIES[1], {}),
        ("forbidden", 403, TOKEN, BODIES[1], {}),
        ("no_token_configured", 403, "", BODIES[1], {"auth": {}}),
        ("body_too_large", 413, SENDER, BODIES[0], {"limits": SMALL}),
    ],
)
async def test_a_refusal_is_counted_by_its_reason(
    tmp_path: Path, reason: str, code: int, token: str, body: bytes, settings: dict[str, Any]
) -> None:
    async with gate(tmp_path, [], **{"auth": AUTHS} | settings) as client:
        answer = await client.post("/api/v1/events", content=body, headers={HEADER: token})

        assert answer.status_code == code
        assert counted(client.context, "gateway_refusals_total", reason=reason) == 1


@pytest.mark.parametrize(
    ("limit", "token", "reason"),
    [
        ({"requests": "1 per hour"}, SENDER, "too_many_requests"),
        ({"failed_attempts": "1 per hour"}, "wrong", "too_many_wrong_tokens"),
    ],
)
async def test_who_comes_too_often_is_counted(
    tmp_path: Path, limit: object, token: str, reason: str
) -> None:
    async with gate(tmp_path, [], auth=AUTHS, limits=limit) as client:
        for _ in range(3):
            await client.post("/api/v1/events", content=BODIES[1], headers={HEADER: token})

        assert counted(client.context, "gateway_refusals_total", reason=reason) == 2


async def test_a_body_of_unknown_length_counts_once(tmp_path: Path) -> None:
    async with gate(tmp_path, [], auth=AUTHS, limits=SMALL) as client:

        async def parts() -> Any:
            yield BODIES[0]

        await client.post("/api/v1/events", content=parts(), headers={HEADER: SENDER})

        found = counted(client.context, "gateway_refusals_total", reason="body_too_large")
    assert found == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b'{"type": "any"}', "accepted"), (b'{"type": "system.alert", "payload": {}}', "rejected")],
)
async def test_an_event_is_counted_by_what_becomes_of_it(
    tmp_path: Path, body: bytes, outcome: str
) -> None:
    async with gate(tmp_path, [], auth=AUTHS, events=EVENTS) as client:
        await client.post("/api/v1/events", content=body, headers={HEADER: SENDER})

        assert counted(client.context, "events_total", outcome=outcome) == 1


async def test_an_event_that_cant_be_stored_counts_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.gateway.intake.WAITING", 0)
    async with gate(tmp_path, [], auth=AUTHS) as client:
        answer = await client.post("/api/v1/events", content=BODIES[1], headers={HEADER: SENDER})

        assert answer.status_code == 503
        assert counted(client.context, "events_total", outcome="failed") == 1
