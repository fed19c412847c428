"""VX11's fifteen routes, asked as a stranger would: over the network, of a daemon on its file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from daemons import Daemon, until
from gateway.link import HEADER, TOKEN, link
from servers import answers_by_path, response
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

SERVICES = {
    "tentaculo_link": 8000,
    "madre": 8001,
    "switch": 8002,
    "hermes": 8003,
    "hormiguero": 8004,
    "manifestator": 8005,
    "mcp": 8006,
    "shubniggurath": 8007,
    "spawner": 8008,
    "operator-backend": 8011,
    "operator-frontend": 8020,
}
DEAD = "spawner"
LIVE = SERVICES.keys() - {DEAD}
FORWARDED = {
    "/shub/dashboard": "/shub/dashboard",
    "/resources": "/hermes/resources",
    "/hormiguero/queen/status": "/queen/status",
    "/hormiguero/report?limit=50": "/report?limit=50",
}
OPEN = ["/health", "/vx11/status"]
READ = [
    "/vx11/circuit-breaker/status",
    "/operator/session/s1",
    "/vx11/overview",
    *FORWARDED,
    "/operator/snapshot?t=0",
    "/debug/events/cardinality",
    "/debug/events/correlations",
]
WRITTEN = ["/operator/chat", "/events/ingest"]
EVENT = {"type": "test.event", "payload": {"a": 1}, "source": "madre"}
NOW = 1_795_359_600_000
CANONICAL: dict[str, dict[str, Any]] = {
    "system.alert": {"alert_id": "a-17", "severity": "L3", "message": "full", "timestamp": NOW},
    "system.correlation.updated": {
        "correlation_id": "c-1",
        "related_events": ["a-17"],
        "strength": 0.5,
        "timestamp": NOW,
    },
    "forensic.snapshot.created": {"snapshot_id": "f-1", "reason": "asked", "timestamp": NOW},
    "madre.decision.explained": {
        "decision_id": "d-1",
        "summary": "wait",
        "confidence": 1,
        "timestamp": NOW,
    },
    "switch.tension.updated": {"value": 7, "components": {"cpu": 3}, "timestamp": NOW},
    "shub.action.narrated": {
        "action": "mix",
        "reason": "asked",
        "next_step": "listen",
        "timestamp": NOW,
    },
}
ALERT = {"type": "system.alert", "payload": CANONICAL["system.alert"]}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    pages = {
        page: response(200, json.dumps({"page": page}).encode()) for page in FORWARDED.values()
    }
    pages |= {"/health": response(200, b"{}"), "/": response(200, b"<html>")}
    pages |= {"/operator/chat": response(200, b'{"response":"Hola"}')}
    with link(tmp_path_factory.mktemp("vx11"), answers_by_path(pages), LIVE) as daemon:
        until(lambda: json.loads(daemon.get("/vx11/status"))["modules"]["madre"]["status"] == "ok")
        yield daemon


@pytest.fixture
def stranger(daemon: Daemon) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=f"http://127.0.0.1:{daemon.port}", trust_env=False) as client:
        yield client


@pytest.fixture
def client(stranger: httpx.Client) -> httpx.Client:
    """A client with the fleet's token."""
    stranger.headers[HEADER] = TOKEN
    return stranger


def got(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.json()


def test_health(stranger: httpx.Client) -> None:
    said = got(stranger, "/health")

    assert said == {"status": "ok", "module": "tentaculo_link", "version": "7.0"}


@pytest.mark.parametrize("path", OPEN)
def test_two_routes_are_open(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [*(("GET", p) for p in READ), *(("POST", p) for p in WRITTEN)]
)
@pytest.mark.parametrize(
    ("token", "code", "error"), [(None, 401, "auth_required"), ("wrong", 403, "forbidden")]
)
def test_the_others_are_guarded(
    stranger: httpx.Client, method: str, path: str, token: str | None, code: int, error: str
) -> None:
    headers = {HEADER: token} if token else {}

    answer = stranger.request(method, path, headers=headers)

    assert answer.status_code == code
    assert answer.json() == {"error": error, "status_code": code}


def test_status(stranger: httpx.Client) -> None:
    said = got(stranger, "/vx11/status")

    assert (said["ok"], said["status"], said["module"]) == (True, "ok", "tentaculo_link")
    assert {"timestamp", "version", "ports"} <= said.keys()
    assert said["modules"].keys() == SERVICES.keys()
    assert said["modules"]["madre"]["status"] == "ok"
    assert said["summary"].keys() == {"healthy_modules", "total_modules", "all_healthy"}


def test_breakers(client: httpx.Client) -> None:
    said = got(client, "/vx11/circuit-breaker/status")

    assert said.keys() == {"breakers", "timestamp"}
    assert said["breakers"]["hermes"] == {
        "state": "closed",
        "failure_count": 0,
        "last_failure": None,
    }


def test_a_chat_is_answered_and_kept_in_its_session(client: httpx.Client) -> None:
    sent = {"message": "hola", "session_id": "s1", "user_id": "local", "metadata": {"from": "ui"}}
    answer = client.post("/operator/chat", json=sent)
    kept = got(client, "/operator/session/s1")

    assert answer.json() == {"response": "Hola", "session_id": "s1"}
    assert (kept["session_id"], kept["user_id"], kept["message_count"]) == ("s1", "local", 2)
    assert [m["role"] for m in kept["messages"]] == ["user", "assistant"]
    assert kept["messages"][0].keys() == {"role", "content", "timestamp", "metadata"}
    assert kept["summary"] == "user: hola\nassistant: Hola"
    assert kept["created_at"]


def test_an_unknown_session_is_told(client: httpx.Client) -> None:
    assert client.get("/operator/session/nobody").json()["error"] == "session_not_found"


def test_any_event_is_accepted_and_gets_an_id(client: httpx.Client) -> None:
    answer = client.post("/events/ingest", json=EVENT)

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert UUID(answer.json()["event_id"])


@pytest.mark.parametrize("type_", CANONICAL)
@pytest.mark.parametrize("beside", [False, True])
def test_a_canonical_event_has_its_fields_in_the_payload_or_beside_the_type(
    client: httpx.Client, type_: str, beside: bool
) -> None:
    fields = CANONICAL[type_]
    event = {"type": type_} | (fields if beside else {"payload": fields})

    assert client.post("/events/ingest", json=event).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("type_", "field"), [(type_, field) for type_, fields in CANONICAL.items() for field in fields]
)
def test_a_canonical_event_without_a_field_is_rejected_and_recorded(
    client: httpx.Client, daemon: Daemon, type_: str, field: str
) -> None:
    payload = {name: value for name, value in CANONICAL[type_].items() if name != field}

    said = client.post("/events/ingest", json={"type": type_, "payload": payload}).json()

    assert (said["status"], said["reason"]) == ("rejected", "schema_validation_failed")
    query = "SELECT count(*) FROM forensic_ledger WHERE event = 'event.rejected' AND payload LIKE ?"
    assert daemon.rows(query, f"%{said['event_id']}%") == [(1,)]


def test_a_canonical_event_that_is_too_large_is_rejected(client: httpx.Client) -> None:
    event = {"type": "system.alert", "payload": CANONICAL["system.alert"] | {"message": "x" * 2048}}

    assert client.post("/events/ingest", json=event).json()["status"] == "rejected"


def test_overview(client: httpx.Client) -> None:
    said = got(client, "/vx11/overview")

    assert said.keys() == {"gateway", "version", "modules_health", "summary"}
    assert said["summary"].keys() == {"total", "healthy", "unhealthy"}


@pytest.mark.parametrize(("path", "page"), FORWARDED.items())
def test_a_forwarded_route_reaches_its_page(client: httpx.Client, path: str, page: str) -> None:
    assert got(client, path) == {"page": page}


def test_a_snapshot_tells_every_module(client: httpx.Client) -> None:
    said = got(client, "/operator/snapshot?t=0")

    assert said["modules"].keys() == SERVICES.keys()


def test_a_snapshot_of_long_ago_knows_nothing(client: httpx.Client) -> None:
    said = got(client, "/operator/snapshot?t=1")

    assert {module["status"] for module in said["modules"].values()} <= {"unknown", "disabled"}


def test_cardinality_counts_events_by_type(client: httpx.Client) -> None:
    for _ in range(2):
        client.post("/events/ingest", json=EVENT | {"type": "test.counted"})
    said = got(client, "/debug/events/cardinality")

    assert said["events"]["test.counted"]["count"] == 2
    assert said["total_events"] >= 2
    assert said["window_seconds"] > 0


def test_correlations_are_a_graph(client: httpx.Client) -> None:
    ids = [client.post("/events/ingest", json=ALERT).json()["event_id"] for _ in range(2)]
    graph = got(client, "/debug/events/correlations")["graph"]

    assert {"type", "timestamp", "severity", "nature"} <= graph["nodes"][-1].keys()
    assert (graph["nodes"][-1]["severity"], graph["nodes"][-1]["nature"]) == ("L3", "incident")
    assert ids in [[edge["source"], edge["target"]] for edge in graph["edges"]]
    assert all(0 < edge["strength"] <= 1 for edge in graph["edges"])


def stream(daemon: Daemon, client_id: str = "me", token: str = TOKEN) -> ClientConnection:
    url = f"ws://127.0.0.1:{daemon.port}/ws?channel=event&client_id={client_id}"
    headers = {HEADER: token} if token else {}
    return connect(url, additional_headers=headers, proxy=None)


def heard(client: ClientConnection) -> Any:
    return json.loads(client.recv(30))


def test_the_stream_begins_with_a_greeting(daemon: Daemon) -> None:
    with stream(daemon) as client:
        greeting = heard(client)

    assert greeting == {"channel": "control", "type": "connected", "client_id": "me"}


def test_json_is_echoed_to_its_sender(daemon: Daemon) -> None:
    with stream(daemon) as client:
        heard(client)
        client.send('{"type": "ping", "n": 1}')

        assert heard(client) == {"type": "ping", "n": 1}


def test_malformed_json_does_not_end_the_connection(daemon: Daemon) -> None:
    with stream(daemon) as client:
        heard(client)
        client.send("{no json")
        complaint = heard(client)
        client.send('{"still": "here"}')

        assert complaint["type"] == "error"
        assert heard(client) == {"still": "here"}


def test_a_canonical_event_is_told_to_the_others(daemon: Daemon) -> None:
    with stream(daemon, "sender") as sender, stream(daemon, "other") as other:
        heard(sender)
        heard(other)
        other.send("{}")  # once it is echoed, the other one listens
        assert heard(other) == {}
        sender.send('{"type": "of no meaning"}')
        sender.send(json.dumps(ALERT))
        echoes, told = [heard(sender), heard(sender)], heard(other)

        assert echoes == [{"type": "of no meaning"}, ALERT]
        assert told.pop("timestamp") > 0
        assert told == {"channel": "event"} | ALERT


@pytest.mark.parametrize(("broadcast", "told"), [(True, 1), (False, 0)])
def test_an_ingested_event_is_told_where_it_is_to_be(
    daemon: Daemon, client: httpx.Client, broadcast: bool, told: int
) -> None:
    with stream(daemon) as listener:
        heard(listener)
        listener.send("{}")
        assert heard(listener) == {}
        said = client.post("/events/ingest", json=EVENT | {"broadcast": broadcast}).json()
        listener.send('{"end": 1}')
        found = [heard(listener) for _ in range(told)]

        assert [event["event_id"] for event in found] == [said["event_id"]] * told
        assert heard(listener) == {"end": 1}


@pytest.mark.parametrize(("token", "code"), [("", 401), ("wrong", 403)])
def test_the_stream_is_guarded(daemon: Daemon, token: str, code: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        stream(daemon, token=token)

    assert refused.value.response.status_code == code


def test_a_dead_module_opens_its_circuit(tmp_path_factory: pytest.TempPathFactory) -> None:
    headers = {HEADER: TOKEN}
    with link(tmp_path_factory.mktemp("dead"), live=()) as daemon:
        url = f"http://127.0.0.1:{daemon.port}"
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
            answers = [client.get("/shub/dashboard") for _ in range(4)]
            breakers = got(client, "/vx11/circuit-breaker/status")["breakers"]

    assert [answer.status_code for answer in answers] == [502, 502, 502, 503]
    assert answers[3].json() == {"status": "circuit_open", "module": "shubniggurath"}
    assert (breakers["shubniggurath"]["state"], breakers["hermes"]["state"]) == ("open", "closed")
