"""Chats and their sessions, over a service that answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fleets import service
from gateway.gates import HEADER, Gate, gate
from servers import Handler, answers, closes, dead_port, hangs, read_request, response, serving

CHAT = {"service": "operator", "to": "/operator/chat"}


def replies(heard: list[Any], **answer: object) -> Handler:
    """Answer each question with JSON, and note what was asked."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            heard.append(request)
            writer.write(response(200, json.dumps(answer).encode()))

    return handler


@asynccontextmanager
async def chatting(folder: Path, handler: Handler, **chat: object) -> AsyncIterator[Gate]:
    with serving(handler) as server:
        operator = service("operator", server.port, headers=(("X-VX11-Token", "theirs"),))
        async with gate(folder, [operator], chat=CHAT | chat) as client:
            yield client


async def said(client: Gate, message: str, session: str | None = "s1", **more: object) -> Any:
    return await client.post(
        "/api/v1/chat", json={"message": message, "session_id": session, **more}
    )


async def test_the_services_answer_comes_back_with_the_session(tmp_path: Path) -> None:
    async with chatting(tmp_path, replies([], response="Hello!", model="m")) as client:
        answer = await said(client, "hi")

    assert answer.status_code == 200
    assert answer.json() == {"response": "Hello!", "model": "m", "session_id": "s1"}


async def test_the_service_is_asked_with_the_summary(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async with chatting(tmp_path, replies(heard, response="Hello!")) as client:
        await said(client, "hi", user_id="u1")
        await said(client, "again", metadata={"source": "ui"})

    head, _, body = heard[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /operator/chat HTTP/1.1\r\n")
    assert b"x-vx11-token: theirs" in head.lower()
    assert json.loads(body) == {
        "session_id": "s1",
        "user_id": "u1",
        "message": "again",
        "context_summary": "user: hi\nassistant: Hello!\nuser: again",
        "metadata": {"source": "ui"},
    }


async def test_a_session_tells_who_said_what(tmp_path: Path) -> None:
    async with chatting(tmp_path, replies([], response="Hello!")) as client:
        await said(client, "hi", user_id="u1", metadata={"a": 1})
        told = (await client.get("/api/v1/sessions/s1")).json()

    messages = [(m["role"], m["content"], m["metadata"]) for m in told["messages"]]
    assert messages == [("user", "hi", {"a": 1}), ("assistant", "Hello!", {})]
    assert (told["session_id"], told["user_id"], told["message_count"]) == ("s1", "u1", 2)
    assert told["summary"] == "user: hi\nassistant: Hello!"
    assert told["created_at"] == told["messages"][0]["timestamp"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"response": "a", "message": "b"}, "a"),
        ({"message": "b"}, "b"),
        ({"response": "", "status": "queued"}, '{"response":"","status":"queued"}'),
        ({"response": {"text": "t"}}, '{"text":"t"}'),
    ],
)
async def test_the_words_of_an_answer_are_found(
    tmp_path: Path, answer: dict[str, object], words: str
) -> None:
    async with chatting(tmp_path, replies([], **answer)) as client:
        await said(client, "hi")
        told = (await client.get("/api/v1/sessions/s1")).json()

    assert told["messages"][1]["content"] == words


async def test_a_new_session_begins_where_none_is_named(tmp_path: Path) -> None:
    async with chatting(tmp_path, replies([], response="Hello!")) as client:
        first, second = await said(client, "hi", None), await said(client, "hi", None)
        ids = [answer.json()["session_id"] for answer in (first, second)]
        told = await client.get(f"/api/v1/sessions/{ids[0]}")

    assert len(set(ids)) == 2
    assert told.json()["message_count"] == 2


@pytest.mark.parametrize("name", ["nobody", "%00", "a%2Fb", "x" * 200])
async def test_an_unknown_session_is_404(tmp_path: Path, name: str) -> None:
    async with chatting(tmp_path, answers(200)) as client:
        answer = await client.get(f"/api/v1/sessions/{name}")

    assert (answer.status_code, answer.json()["error"]) == (404, "session_not_found")


async def test_chats_at_the_same_time_lose_no_message(tmp_path: Path) -> None:
    async with chatting(tmp_path, replies([], response="Hello!")) as client:
        await asyncio.gather(*(said(client, f"m{i}") for i in range(20)))
        told = (await client.get("/api/v1/sessions/s1")).json()

    contents = [m["content"] for m in told["messages"] if m["role"] == "user"]
    assert sorted(contents) == sorted(f"m{i}" for i in range(20))
    assert told["message_count"] == 40


@pytest.mark.parametrize(
    ("handler", "code"),
    [(closes(), 502), (hangs(), 504), (answers(200, b"[]"), 502), (answers(200, b"no"), 502)],
)
async def test_no_answer_names_the_module_and_the_message_stays(
    tmp_path: Path, handler: Handler, code: int
) -> None:
    async with chatting(tmp_path, handler, timeout="300ms" if code == 504 else "10s") as client:
        answer = await said(client, "hi")
        told = (await client.get("/api/v1/sessions/s1")).json()

    assert (answer.status_code, answer.json()["module"]) == (code, "operator")
    assert told["message_count"] == 1


async def test_a_services_refusal_comes_back_and_is_no_answer(tmp_path: Path) -> None:
    async with chatting(tmp_path, answers(500, b'{"error":"x"}')) as client:
        answer = await said(client, "hi")
        told = (await client.get("/api/v1/sessions/s1")).json()

    assert (answer.status_code, answer.json()["error"]) == (500, "x")
    assert told["message_count"] == 1


async def test_an_open_breaker_answers_at_once(tmp_path: Path) -> None:
    with dead_port() as port:
        async with gate(tmp_path, [service("operator", port)], chat=CHAT) as client:
            codes = [(await said(client, "hi")).status_code for _ in range(3)]
            answer = await said(client, "hi")

    assert (codes, answer.status_code) == ([502] * 3, 503)
    assert answer.json() == {"status": "circuit_open", "module": "operator"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"message": ""}',
        '{"message": 1}',
        '{"message": "\\ud800"}',
        '{"message": "a", "session_id": ""}',
        '{"message": "a", "session_id": "a b"}',
        '{"message": "a", "session_id": "\\u0000"}',
        '{"message": "a", "user_id": "é"}',
        '{"message": "a", "metadata": []}',
        '{"message": "a", "metadata": {"x": "\\ud800"}}',
        '{"message": "a", "metadata": {"x": 123456789012345678901234567890}}',
        '{"message": "a", "metadata": ' + '{"x": ' * 300 + "1" + "}" * 301,
        '{"message": "' + "a" * 20_000 + '"}',
    ],
)
async def test_what_is_no_message_is_refused(tmp_path: Path, body: str) -> None:
    async with chatting(tmp_path, replies([], response="x")) as client:
        answer = await client.post(
            "/api/v1/chat", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code in (400, 422)


async def test_without_a_chat_in_the_configuration_there_is_none(tmp_path: Path) -> None:
    async with gate(tmp_path, [service("operator")]) as client:
        answer = await said(client, "hi")

    assert answer.status_code == 404


async def test_chats_need_a_token_that_may_operate(tmp_path: Path) -> None:
    async with chatting(tmp_path, replies([], response="x")) as client:
        del client.headers[HEADER]
        codes = [
            (await said(client, "hi")).status_code,
            (await client.get("/api/v1/sessions/s1")).status_code,
        ]

    assert codes == [401, 401]


async def test_the_configuration_tells_how_much_is_kept(tmp_path: Path) -> None:
    kept = {"messages": 2, "sessions": 1, "ttl": "1h"}
    async with chatting(tmp_path, replies([], response="Hello!"), **kept) as client:
        await said(client, "one", "s1")
        await said(client, "two", "s2")
        await said(client, "three", "s2")
        codes = [(await client.get(f"/api/v1/sessions/{s}")).status_code for s in ("s1", "s2")]
        left = (await client.get("/api/v1/sessions/s2")).json()["messages"]

    assert codes == [404, 200]
    assert [m["content"] for m in left] == ["three", "Hello!"]
