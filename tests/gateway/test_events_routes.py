"""/api/v1/events: what is taken in, what is refused, and what becomes of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import httpx
import pytest
from databases import execute, rows
from gateway.watched import Fleet
from hearing import Ear

from prober.config.access import Auth, Token
from prober.config.events import Events
from prober.config.tree import Gateway
from prober.gateway import reception
from prober.hub import EVENT, Hub
from prober.storage import inspection, migrate

API = "/api/v1/events"
TOKEN = "a-token-of-the-test"
ALERT = {"alert_id": "a1", "severity": "L3", "message": "full", "timestamp": 1}
SCHEMA = {
    "type": "object",
    "required": list(ALERT),
    "properties": {"timestamp": {"type": "integer"}},
}


@pytest.fixture
def settings() -> Gateway:
    """One canonical type, and a token that is good for sending and reading."""
    token = Token.model_validate({"name": "t", "token": TOKEN, "scopes": ["ingest", "read"]})
    alert = {"schema": SCHEMA, "nature": "incident", "max_bytes": "500B"}
    return Gateway(
        auth=Auth(tokens=(token,)),
        events=Events.model_validate({"types": {"system.alert": alert}}),
        aliases={"/events/ingest": API},
    )


@pytest.fixture
async def sender(client: httpx.AsyncClient, fleet: Fleet) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token, of a gateway whose database has its tables."""
    migrate.upgrade(fleet.url)
    client.headers["X-Prober-Token"] = TOKEN
    yield client


def stored(fleet: Fleet) -> list[tuple[str, dict[str, Any]]]:
    """The events of the ledger and their payloads."""
    found = rows(fleet.url, "SELECT event, payload FROM forensic_ledger ORDER BY id")
    return [(event, json.loads(payload)) for event, payload in found]


async def test_an_event_is_in_the_ledger_once_it_is_answered(
    sender: httpx.AsyncClient, fleet: Fleet
) -> None:
    event = {"type": "system.alert", "payload": ALERT, "source": "madre"}

    answer = await sender.post(API, json=event)

    said = answer.json()
    assert (answer.status_code, said["status"], said["type"]) == (200, "ok", "system.alert")
    [(type_, payload)] = stored(fleet)
    assert (type_, payload["event"]) == ("system.alert", event)
    assert payload["event_id"] == said["event_id"] == str(uuid.UUID(said["event_id"]))


async def test_an_event_is_stored_to_the_letter(sender: httpx.AsyncClient, fleet: Fleet) -> None:
    body = '{"type": "x",\n  "n": 123456789012345678901234567890, "e": 1.50, "u": "\\u00e9é"}'

    await sender.post(API, content=body.encode())

    [(event, payload, hash_)] = rows(fleet.url, "SELECT event, payload, hash FROM forensic_ledger")
    assert body in payload
    assert hash_ == sha256(f"{event}:{payload}".encode()).hexdigest()


async def test_the_fields_may_stand_beside_the_type(sender: httpx.AsyncClient) -> None:
    answer = await sender.post(API, json={"type": "system.alert", **ALERT})

    assert answer.json()["status"] == "ok"


BREAKING: list[dict[str, Any]] = [
    {"payload": {**ALERT, "timestamp": "soon"}},
    {"payload": {**ALERT, "timestamp": True}},
    {"payload": {"alert_id": "a1"}},
    {"payload": {}},
    {"payload": [1]},
    {"payload": "text"},
    {},
    {"payload": {**ALERT, "message": "x" * 500}},
]


@pytest.mark.parametrize("rest", BREAKING)
async def test_a_canonical_event_that_breaks_its_schema_is_refused(
    sender: httpx.AsyncClient, rest: dict[str, Any]
) -> None:
    answer = await sender.post(API, json={"type": "system.alert", **rest})

    said = answer.json()
    assert (answer.status_code, said["status"]) == (200, "rejected")
    assert said["reason"] == "schema_validation_failed"
    assert said["detail"]


async def test_a_refusal_is_recorded_with_its_event(
    sender: httpx.AsyncClient, fleet: Fleet
) -> None:
    said = (await sender.post(API, json={"type": "system.alert"})).json()

    [(event, payload)] = stored(fleet)
    assert event == "event.rejected"
    assert payload["event"] == {"type": "system.alert"}
    assert (payload["event_id"], payload["detail"]) == (said["event_id"], said["detail"])


@pytest.mark.parametrize("rest", [*BREAKING, {"payload": None, "metadata": 7, "source": []}])
async def test_an_event_of_another_type_is_never_refused_for_its_shape(
    sender: httpx.AsyncClient, rest: dict[str, Any]
) -> None:
    answer = await sender.post(API, json={"type": "of.their.own", **rest})

    assert answer.json()["status"] == "ok"


MALFORMED = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b'{"type": "x", "n": NaN}', 400, "no JSON"),
    (b'{"type": "x", "n": 1e999}', 400, "no JSON"),
    (b'{"type": "\xff"}', 400, "no JSON"),
    (b'{"type": "\\ud800"}', 400, "no JSON"),
    (b'{"type": "x", "type": "y"}', 400, "'type' stands there twice"),
    (b'{"type": "x", "p": {"a": [{"b": 1, "b": 1}]}}', 400, "'b' stands there twice"),
    (b'{"type": "x", "p": ' + b"[" * 65 + b"]" * 65 + b"}", 400, "levels deep"),
    (b'{"type": "x", "p": ' + b"[" * 9000 + b"]" * 9000 + b"}", 400, "no JSON"),
    (b"[]", 422, "no JSON object"),
    (b'"text"', 422, "no JSON object"),
    (b"null", 422, "no JSON object"),
    (b"{}", 422, "type: must be"),
    (b'{"type": 7}', 422, "type: must be"),
    (b'{"type": ""}', 422, "type: must be"),
    (b'{"type": "a\\u0000"}', 422, "type: must be"),
    (b'{"type": "' + b"x" * 256 + b'"}', 422, "type: must be"),
    (b'{"type": "x", "p": "' + b"x" * 65_536 + b'"}', 413, "larger than 65536 bytes"),
]


@pytest.mark.parametrize(("body", "status", "said"), MALFORMED)
async def test_what_is_no_event_is_refused_with_a_reason(
    sender: httpx.AsyncClient, fleet: Fleet, body: bytes, status: int, said: str
) -> None:
    answer = await sender.post(API, content=body)

    assert (answer.status_code, answer.json()["status_code"]) == (status, status)
    assert said in answer.json()["error"]
    assert stored(fleet) == []


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 403)])
@pytest.mark.parametrize("path", [API, "/events/ingest"])
async def test_nobody_sends_events_without_a_token(
    sender: httpx.AsyncClient, fleet: Fleet, path: str, token: str | None, status: int
) -> None:
    del sender.headers["X-Prober-Token"]

    answer = await sender.post(
        path, json={"type": "x"}, headers={"X-Prober-Token": token} if token else {}
    )

    assert answer.status_code == status
    assert stored(fleet) == []


async def test_an_alias_takes_events_in_too(sender: httpx.AsyncClient, fleet: Fleet) -> None:
    answer = await sender.post("/events/ingest", json={"type": "x"})

    assert answer.json()["status"] == "ok"
    assert len(stored(fleet)) == 1


async def test_a_locked_database_is_no_ok(sender: httpx.AsyncClient, fleet: Fleet) -> None:
    with closing(sqlite3.connect(fleet.url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN EXCLUSIVE")
        answer = await sender.post(API, json={"type": "x"})
        other.rollback()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"] == "the event is not known to be stored; send it again"
    assert (await sender.post(API, json={"type": "x"})).json()["status"] == "ok"


async def test_a_full_database_is_no_ok(sender: httpx.AsyncClient, fleet: Fleet) -> None:
    full = (
        "CREATE TRIGGER full BEFORE INSERT ON forensic_ledger BEGIN SELECT RAISE(ABORT, 'x'); END"
    )
    execute(fleet.url, full)

    answer = await sender.post(API, json={"type": "x"})

    assert answer.status_code == 503
    assert stored(fleet) == []


async def test_a_defect_answers_500_as_on_every_route(
    sender: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(body: bytes) -> None:
        raise KeyError("detail")

    monkeypatch.setattr(reception, "parse", fail)

    answer = await sender.post(API, json={"type": "x"})

    assert (answer.status_code, answer.json()["error"]) == (500, "internal error")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_events_at_once_make_one_whole_chain(sender: httpx.AsyncClient, fleet: Fleet) -> None:
    sent = [sender.post(API, json={"type": "x", "n": n}) for n in range(60)]
    answers = [answer.json()["event_id"] for answer in await asyncio.gather(*sent)]

    assert {payload["event_id"] for _, payload in stored(fleet)} == set(answers)
    found = inspection.inspect(fleet.url, None, lambda _: None)
    assert (found.well, found.rows) == (True, 60)


@pytest.mark.parametrize(
    ("broadcast", "published"), [(True, True), (False, False), ("yes", False), (None, False)]
)
async def test_an_event_is_broadcast_where_it_says_so(
    sender: httpx.AsyncClient, hub: Hub, broadcast: object, published: bool
) -> None:
    hub.join(ear := Ear(), {EVENT})

    said = (await sender.post(API, json={"type": "x", "broadcast": broadcast})).json()

    heard = [json.loads(text)["event_id"] for text in ear.texts]
    assert heard == ([said["event_id"]] if published else [])


async def test_a_refused_event_is_not_broadcast(sender: httpx.AsyncClient, hub: Hub) -> None:
    hub.join(ear := Ear(), {EVENT})

    await sender.post(API, json={"type": "system.alert", "broadcast": True})

    assert ear.texts == []


async def test_cardinality_counts_events_by_type(sender: httpx.AsyncClient) -> None:
    for type_ in ("a", "b", "a", "system.alert"):  # the last of which is refused
        await sender.post(API, json={"type": type_})

    said = (await sender.get(f"{API}/cardinality")).json()

    assert {type_: found["count"] for type_, found in said["events"].items()} == {"a": 2, "b": 1}
    assert said["total_events"] == 3
    assert said["events"]["a"]["rate_per_min"] > 0
    assert 0 <= said["window_seconds"] < 60


async def test_correlations_link_events_that_share_something(sender: httpx.AsyncClient) -> None:
    event = {"type": "system.alert", "payload": ALERT, "metadata": {"session_id": "s"}}
    first = (await sender.post(API, json=event)).json()["event_id"]
    second = (await sender.post(API, json={"type": "x", "session_id": "s"})).json()["event_id"]

    graph = (await sender.get(f"{API}/correlations")).json()["graph"]

    assert graph["nodes"][0] == {
        "id": first,
        "type": "system.alert",
        "timestamp": 1,
        "severity": "L3",
        "nature": "incident",
    }
    [edge] = graph["edges"]
    assert (edge["source"], edge["target"]) == (first, second)
    assert 0.6 < edge["strength"] < 0.8
    assert (graph["total_nodes"], graph["total_edges"]) == (2, 1)
