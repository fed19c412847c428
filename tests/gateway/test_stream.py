"""The stream: what its clients are told, what they may say, and who may be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fleets import service
from gateway.gates import AUTH, HEADER, TOKEN, gate
from gateway.streaming import joined, listening, offers
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from prober.config.tree import Gateway
from prober.hub import EVENT, RESULT, STATUS, Hub

SENDER = "a-token-that-may-ingest"
TOKENS = [*AUTH["tokens"], {"name": "i", "scopes": "ingest", "token": SENDER}]
TYPES = {
    "system.alert": {
        "schema": {
            "type": "object",
            "required": ["alert_id"],
            "properties": {"alert_id": {"type": "string"}},
        }
    }
}
EVENTS = {"types": TYPES}
ALERT = {"type": "system.alert", "payload": {"alert_id": "a-17"}}
SENDING: dict[str, Any] = {"additional_headers": {HEADER: SENDER}}
OPEN = {"header": HEADER, "tokens": TOKENS}
CLOSED = OPEN | {"reading": "token"}


async def told(gateway: str, query: str) -> dict[str, Any]:
    url = f"{gateway.replace('http', 'ws', 1)}/api/v1/ws{query}"
    async with connect(url, proxy=None) as connection:
        return dict(json.loads(await connection.recv()))


async def test_the_first_message_tells_the_client_its_own_id(gateway: str) -> None:
    greeting = await told(gateway, "?channel=event&client_id=me")

    assert greeting == {"channel": "control", "type": "connected", "client_id": "me"}


async def test_a_client_without_an_id_gets_one(gateway: str) -> None:
    one, other = await told(gateway, ""), await told(gateway, "")

    assert len({one["client_id"], other["client_id"], ""}) == 3


@pytest.mark.parametrize(
    "message",
    ['{"type": "ping",  "n": 1}', "[1, 2]", '"text"', "7", "null", '{"type": "\\u00e9"}', "{}"],
)
async def test_json_is_echoed_to_the_letter(gateway: str, message: str) -> None:
    async with listening(gateway) as client:
        await client.say(message)

        assert await client.connection.recv() == message


@pytest.mark.parametrize(
    "message", ["{", "", "NaN", '{"a": 1, "a": 2}', "[" * 70 + "]" * 70, b"\xff\xfe"]
)
async def test_what_is_no_json_is_told_and_ends_nothing(gateway: str, message: str | bytes) -> None:
    async with listening(gateway) as client:
        await client.say(message)
        complaint = await client.next()
        await client.say({"still": "here"})

        assert (complaint["channel"], complaint["type"]) == ("control", "error")
        assert complaint["status_code"] == 400
        assert await client.next() == {"still": "here"}


@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ("", ["three"]),
        ("?channel=event", ["three"]),
        ("?channel=status", ["one"]),
        ("?channel=result,status,event", ["one", "two", "three"]),
    ],
)
async def test_a_client_hears_the_channels_that_it_asks_for(
    gateway: str, hub: Hub, query: str, heard: list[str]
) -> None:
    async with listening(gateway, query) as client:
        await joined(hub, 1)
        for topic, text in ((STATUS, "one"), (RESULT, "two"), (EVENT, "three")):
            hub.publish(topic, text)

        assert [await client.connection.recv() for _ in heard] == heard


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 500_000])
async def test_a_text_of_any_size_arrives_whole(gateway: str, hub: Hub, size: int) -> None:
    async with listening(gateway) as client:
        await joined(hub, 1)
        hub.publish(EVENT, "ä" * size, "end")

        assert await client.connection.recv() == "ä" * size
        assert await client.connection.recv() == "end"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?channel=weather", "channel: 'weather' is not among event, result, status"),
        ("?channel=", "channel: '' is not among"),
        ("?client_id=" + "x" * 129, "client_id: must be a text of 1 to 128"),
        ("?client_id=%00", "client_id: must be"),
    ],
)
async def test_what_cant_be_asked_for_is_refused_in_words(
    gateway: str, query: str, said: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await told(gateway, query)

    assert refused.value.response.status_code == 422
    assert said in json.loads(refused.value.response.body)["error"]


async def test_a_canonical_event_is_echoed_and_told_to_the_others(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, [], auth=OPEN, events=EVENTS) as gateway,
        listening(str(gateway.base_url).rstrip("/"), **SENDING) as sender,
        listening(str(gateway.base_url).rstrip("/")) as other,
    ):
        await joined(gateway.context.reception.hub, 2)
        await sender.say(ALERT)
        await sender.say({"type": "end"})

        assert [await sender.next(), await sender.next()] == [ALERT, {"type": "end"}]
        heard = await other.next()
        assert heard.pop("timestamp") > 0
        assert heard == {"channel": "event"} | ALERT


async def test_a_canonical_event_that_breaks_its_schema_is_told_to_nobody(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, [], auth=OPEN, events=EVENTS) as gateway,
        listening(str(gateway.base_url).rstrip("/"), **SENDING) as sender,
        listening(str(gateway.base_url).rstrip("/")) as other,
    ):
        await joined(gateway.context.reception.hub, 2)
        await sender.say({"type": "system.alert", "payload": {}})
        complaint = await sender.next()
        await sender.say(ALERT)

        assert complaint["error"].startswith("schema_validation_failed: payload")
        assert (await other.next())["payload"] == ALERT["payload"]


async def test_no_event_passes_for_a_message_of_probers_own(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, [], auth=OPEN, events=EVENTS) as gateway,
        listening(str(gateway.base_url).rstrip("/"), **SENDING) as sender,
        listening(str(gateway.base_url).rstrip("/")) as other,
    ):
        await joined(gateway.context.reception.hub, 2)
        await sender.say(ALERT | {"channel": "status"})

        assert (await other.next())["channel"] == "event"


@pytest.mark.parametrize(
    ("auth", "token", "code"),
    [
        (OPEN, "", 401),
        (OPEN, TOKEN, 403),
        (OPEN, "wrong", 403),
        ({"tokens": []}, "", 403),
    ],
)
async def test_who_may_not_send_is_only_echoed(
    tmp_path: Path, auth: object, token: str, code: int
) -> None:
    headers: dict[str, Any] = {"additional_headers": {HEADER: token}} if token else {}
    async with (
        gate(tmp_path, [], auth=auth, events=EVENTS) as gateway,
        listening(str(gateway.base_url).rstrip("/"), **headers) as sender,
        listening(str(gateway.base_url).rstrip("/")) as other,
    ):
        await joined(gateway.context.reception.hub, 2)
        await sender.say(ALERT)
        echo, complaint = await sender.next(), await sender.next()
        gateway.context.reception.hub.publish(EVENT, '{"type": "end"}')

        assert (echo, complaint["status_code"]) == (ALERT, code)
        assert await other.next() == {"type": "end"}


@pytest.mark.parametrize("token", ["", "wrong", SENDER])
async def test_who_may_not_read_hears_nothing(tmp_path: Path, token: str) -> None:
    headers = {HEADER: token} if token else {}
    async with gate(tmp_path, [], auth=CLOSED) as gateway:
        with pytest.raises(InvalidStatus) as refused:
            async with listening(str(gateway.base_url).rstrip("/"), additional_headers=headers):
                pass

    assert refused.value.response.status_code == (403 if token else 401)
    assert set(json.loads(refused.value.response.body)) == {"error", "status_code"}


async def test_who_loses_the_right_to_read_by_a_reload_hears_nothing_more(tmp_path: Path) -> None:
    headers = {HEADER: TOKEN}
    async with (
        gate(tmp_path, [], auth=CLOSED) as gateway,
        listening(str(gateway.base_url).rstrip("/"), additional_headers=headers) as client,
    ):
        hub, admission = gateway.context.reception.hub, gateway.context.admission
        await joined(hub, 1)
        admission.take(Gateway.model_validate({"auth": CLOSED}))
        hub.publish(EVENT, "{}")
        still = await client.next()
        admission.take(Gateway.model_validate({"auth": CLOSED | {"tokens": TOKENS[1:]}}))
        hub.publish(EVENT, "{}")

        with pytest.raises(ConnectionClosed, match=r"1008.*may read no longer"):
            await client.next()
    assert still == {}


async def test_a_browser_gives_its_token_as_a_subprotocol(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, [], auth=CLOSED) as gateway,
        listening(str(gateway.base_url).rstrip("/"), subprotocols=offers(TOKEN)) as client,
    ):
        assert client.connection.subprotocol == "prober"


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [("http://evil.example", False), ("null", False), ("https://status.example.org", True)],
)
async def test_pages_of_elsewhere_are_kept_out(tmp_path: Path, origin: str, welcome: bool) -> None:
    cors = {"origins": ["https://status.example.org"]}
    async with gate(tmp_path, [], auth=OPEN, cors=cors) as gateway:
        try:
            async with listening(str(gateway.base_url).rstrip("/"), origin=origin):
                found = True
        except InvalidStatus as refused:
            found = refused.response.status_code != 403

    assert found is welcome


async def test_the_page_of_probers_own_is_let_in(gateway: str) -> None:
    async with listening(gateway, origin=gateway):
        pass


async def test_an_alias_leads_to_the_stream_as_well(tmp_path: Path) -> None:
    async with gate(tmp_path, [], aliases={"/ws": "/api/v1/ws"}) as gateway:
        url = f"ws://127.0.0.1:{gateway.port}/ws?channel=event&client_id=me"
        async with connect(url, proxy=None) as connection:
            greeting = json.loads(await connection.recv())

    assert greeting["client_id"] == "me"


async def test_an_event_that_is_taken_in_is_told(tmp_path: Path) -> None:
    async with (
        gate(tmp_path, [service("madre")], auth=OPEN, events=EVENTS) as gateway,
        listening(str(gateway.base_url).rstrip("/")) as client,
    ):
        await joined(gateway.context.reception.hub, 1)
        sent = ALERT | {"broadcast": True}
        answer = await gateway.post("/api/v1/events", json=sent, headers={HEADER: SENDER})

        assert (await client.next())["event_id"] == answer.json()["event_id"]


async def test_who_has_left_listens_no_more(gateway: str, hub: Hub) -> None:
    async with listening(gateway):
        await joined(hub, 1)
    await joined(hub, 0)
