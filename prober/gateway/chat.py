"""Chats: what people say is kept in sessions, and answered by a service."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote

import orjson
from fastapi import APIRouter, Body, HTTPException, Path, Response
from pydantic import AfterValidator, BaseModel, Field

from prober import clock
from prober.config.tree import Chat
from prober.gateway import relay
from prober.gateway.answers import UNREADABLE, Json
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, answer, fault
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.relay import SERVER_ERROR, failures
from prober.gateway.shapes import NoSession, Session, Spoken
from prober.model import Service
from prober.reports.times import rfc3339
from prober.sinks.breakers import Call
from prober.storage.sessions import Message, Talk
from prober.upstream import Answer, Asked, TooSlow, Unreachable, UpstreamError

LONGEST = 16_384  # characters of a message
LARGEST_ANSWER = 1024**2  # bytes
ID = "[!-~]{1,128}"
USER, ASSISTANT = "user", "assistant"
SPOKEN = ("response", "message")  # where in an answer the words may stand, the best place first
NOT_FOUND = "session_not_found"
OFF = "no chat is configured; set gateway.chat"


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    try:
        orjson.dumps(metadata)
    except TypeError:
        raise ValueError("holds a number or text that JSON can't carry safely") from None
    return metadata


Id = Annotated[str, Field(pattern=f"^{ID}$")]
Metadata = Annotated[dict[str, Any], AfterValidator(_storable)]
SessionId = Annotated[str, Path(description="The session's id", examples=["6f1c"])]


class Said(BaseModel):
    """What a user says."""

    message: str = Field(min_length=1, max_length=LONGEST, examples=["Which services are down?"])
    session_id: Id | None = Field(None, description="A new session begins where it is not given")
    user_id: Id | None = Field(None, examples=["local"])
    metadata: Metadata | None = None


SENT = {"message": "Which services are down?", "session_id": "6f1c", "user_id": "local"}
Asking = Annotated[Said, Body(openapi_examples={"example": {"value": SENT}})]

SESSION: dict[str, Any] = {
    "session_id": "6f1c",
    "user_id": "local",
    "created_at": "2026-11-22T15:00:00.123Z",
    "message_count": 1,
    "messages": [
        {
            "role": USER,
            "content": "Which services are down?",
            "timestamp": "2026-11-22T15:00:00.123Z",
            "metadata": {},
        }
    ],
    "summary": "user: Which services are down?",
}


ANSWERS: Answers = (
    {200: answer("The service's answer", Spoken, {"response": "None.", "session_id": "6f1c"})}
    | {"default": answer("The service's answer, with its code", Spoken, {"session_id": "6f1c"})}
    | failures("operator-backend")
    | fault(404, OFF)
    | fault(422, "message: Field required")
)
FOUND: Answers = {
    200: answer("The session", Session, SESSION),
    404: answer(
        "There is none",
        NoSession,
        {"error": NOT_FOUND, "session_id": "6f1c", "status_code": 404},
    ),
    **fault(503, UNREADABLE),
}

router = APIRouter(prefix="/api/v1", tags=["chat"], dependencies=[needs(Scope.OPERATE)])


@router.post("/chat", responses=REFUSALS | ANSWERS)
async def chat(said: Asking, context: Given) -> Response:
    """Keep the message in its session, ask the service with the session's summary, keep its answer.

    The service's answer is given as it is, with its status code, and with `session_id`.
    """
    settings, service = _answerer(context)
    session_id = said.session_id or str(uuid.uuid4())
    message = Message(USER, said.message, clock.epoch_ms(), said.metadata or {})
    talk = await _keep(context, session_id, said.user_id, message)
    call = context.outward.breakers.admit(service.name)
    if call is None:
        return relay.circuit_open(service.name)
    try:
        asking = _ask(context, settings, service, _question(said, talk))
        status, told = await _ended(call, settings.timeout, asking)
    except UpstreamError as error:
        return relay.failed(service.name, error)
    if status < SERVER_ERROR:
        answer = Message(ASSISTANT, _words(told), clock.epoch_ms(), {})
        await _keep(context, session_id, said.user_id, answer)
    return Json(told | {"session_id": session_id}, status)


@router.get("/sessions/{session_id}", responses=REFUSALS | FOUND)
async def session(context: Given, session_id: SessionId) -> Json:
    """A session with its last messages; reading it doesn't prolong its life."""
    # The path was routed as it was sent (see `layers.SentPath`), so the id is still quoted.
    session_id, now = unquote(session_id), clock.epoch_ms()
    talk = None
    if re.fullmatch(ID, session_id):
        talk = await context.outward.talks(lambda sessions: sessions.get(session_id, now))
    if talk is None:
        status = HTTPStatus.NOT_FOUND
        body = {"error": NOT_FOUND, "session_id": session_id, "status_code": status.value}
        return Json(body, status)
    return Json(_shown(talk))


def _answerer(context: Context) -> tuple[Chat, Service]:
    settings = context.settings.chat
    member = context.state.member(settings.service) if settings else None
    if settings is None or member is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, OFF)
    return settings, member.service


async def _keep(context: Context, session_id: str, user_id: str | None, message: Message) -> Talk:
    return await context.outward.talks(lambda sessions: sessions.add(session_id, user_id, message))


async def _ended(
    call: Call, timeout_s: float, asking: Awaitable[tuple[int, dict[str, Any]]]
) -> tuple[int, dict[str, Any]]:
    """What was answered in time; its breaker is told. Raises UpstreamError."""
    well = None
    try:
        async with asyncio.timeout(timeout_s):
            status, told = await asking
        well = status < SERVER_ERROR
    except TimeoutError:
        well = False
        raise TooSlow("took too long") from None
    except UpstreamError:
        well = False
        raise
    finally:
        if well is None:
            call.abandon()
        else:
            call.end(well)
    return status, told


def _question(said: Said, talk: Talk) -> bytes:
    return orjson.dumps(
        {
            "session_id": talk.id,
            "user_id": talk.user_id,
            "message": said.message,
            "context_summary": talk.summary(),
            "metadata": said.metadata or {},
        }
    )


async def _ask(
    context: Context, settings: Chat, service: Service, question: bytes
) -> tuple[int, dict[str, Any]]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    headers |= {name.lower(): value for name, value in service.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asked = Asked("POST", settings.to.encode(), raw, question, settings.timeout)
    async with context.outward.upstreams.send(service, asked) as answer:
        return answer.status, await _object(answer)


async def _object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer; raises Unreachable where it is none."""
    body = bytearray()
    async for chunk in answer.chunks():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise Unreachable(f"answered more than {LARGEST_ANSWER} bytes")
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise Unreachable("answered no JSON object")
    return told


def _words(told: dict[str, Any]) -> str:
    """What the answer says: the first text at one of the places, else all of it."""
    words = next((told[key] for key in SPOKEN if told.get(key)), told)
    return (words if isinstance(words, str) else orjson.dumps(words).decode())[:LONGEST]


def _shown(talk: Talk) -> dict[str, Any]:
    return {
        "session_id": talk.id,
        "user_id": talk.user_id,
        "created_at": rfc3339(talk.created_at),
        "message_count": len(talk.messages),
        "messages": [m._asdict() | {"timestamp": rfc3339(m.timestamp)} for m in talk.messages],
        "summary": talk.summary(),
    }
