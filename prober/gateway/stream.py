"""The stream: a WebSocket that tells what happens, and takes messages from its clients."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import suppress
from http import HTTPStatus

import orjson
from fastapi import APIRouter, HTTPException, WebSocket
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocketDisconnect
from websockets.frames import CloseCode

from prober.gateway.connections import most_streams
from prober.gateway.context import Context
from prober.gateway.guard import Guard, Scope, needs, subprotocol
from prober.gateway.sockets import CLOSE_S, frames, under
from prober.hub import EVENT, TOPICS
from prober.telemetry import Telemetry

MAX_ID = 128  # characters of a client's id
FULL = "all streams are taken; see gateway.limits.streams"
TOO_MANY = "this client has too many streams; see gateway.limits.streams_per_client"
RETRY_S = 5
BINARY = "a message must be text, not binary"

router = APIRouter()


class Listener:
    """A client, as the hub knows it."""

    def __init__(self, websocket: WebSocket, guard: Guard, telemetry: Telemetry) -> None:
        self._websocket = websocket
        self._socket = under(websocket)
        self._guard = guard
        self._policy = guard.policy
        self._dropped = telemetry.stream_dropped

    def hear(self, texts: tuple[str, ...]) -> None:
        """Tell it what was published, as long as it may read that."""
        if self._guard.policy is not self._policy:  # a reload may have taken its token away
            self._look_again()
        if not self._socket.push(frames(texts)):
            self._dropped.inc()

    def _look_again(self) -> None:
        self._policy = self._guard.policy
        try:
            self._guard.require(Scope.READ, self._websocket)
        except HTTPException:
            self._socket.end(CloseCode.POLICY_VIOLATION, "may read no longer", CLOSE_S)


@router.websocket("/api/v1/ws", dependencies=[needs(Scope.READ)])
async def stream(websocket: WebSocket) -> None:
    """Say hello, then tell what is published, and answer what is sent, until the client leaves."""
    context: Context = websocket.app.state.context
    hub, telemetry = context.reception.hub, context.telemetry
    topics, client_id = _channels(websocket.query_params), _client_id(websocket.query_params)
    client = _address(websocket)
    _require_room(context, client)
    listener = Listener(websocket, context.admission.guard, telemetry)
    with (
        context.admission.streams.one(client),
        telemetry.stream_clients.track_inprogress(),
        suppress(WebSocketDisconnect),
    ):
        await websocket.accept(subprotocol(websocket))
        await websocket.send_text(_control("connected", client_id=client_id))
        hub.join(listener, topics)
        try:
            await _converse(websocket, context, listener)
        finally:
            hub.leave(listener)


def _address(websocket: WebSocket) -> str:
    return websocket.client.host if websocket.client else ""


def _require_room(context: Context, client: str) -> None:
    limits, headers = context.admission.settings.limits, {"Retry-After": str(RETRY_S)}
    if len(context.admission.streams) >= most_streams(limits):
        context.telemetry.refused("too_many_streams")
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, FULL, headers)
    if context.admission.streams.of(client) >= limits.streams_per_client:
        context.telemetry.refused("too_many_streams_of_client")
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, headers)


async def _converse(websocket: WebSocket, context: Context, listener: Listener) -> None:
    client = _address(websocket)
    while (message := await websocket.receive())["type"] == "websocket.receive":
        while wait_s := context.admission.requests.take(client):  # noqa: ASYNC110 - a rate
            await asyncio.sleep(wait_s)  # meanwhile nothing more is read from it
        for answer in _answers(message.get("text"), websocket, context, listener):
            await websocket.send_text(answer)


def _answers(
    text: str | None, websocket: WebSocket, context: Context, listener: Listener
) -> list[str]:
    """What is said to who sent this, once others were told where they are to be."""
    if text is None:
        return [_error(HTTPException(HTTPStatus.BAD_REQUEST, BINARY))]
    try:
        event = context.reception.canonical(text.encode())
    except HTTPException as fault:
        return [_error(fault)]
    if event is None:
        return [text]
    try:
        context.admission.guard.require(Scope.INGEST, websocket)
    except HTTPException as refusal:
        return [text, _error(refusal)]
    context.reception.tell(event, but=listener)
    return [text]


def _channels(query: QueryParams) -> frozenset[str]:
    asked = query.get("channel", EVENT)
    topics = frozenset(asked.split(","))
    if not topics <= TOPICS:
        known = ", ".join(sorted(TOPICS))
        message = f"channel: {asked[:MAX_ID]!r} is not among {known}; separate several by commas"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    return topics


def _client_id(query: QueryParams) -> str:
    given = query.get("client_id") or str(uuid.uuid4())
    if len(given) > MAX_ID or not given.isprintable():
        message = f"client_id: must be a text of 1 to {MAX_ID} printable characters"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    return given


def _error(fault: HTTPException) -> str:
    return _control("error", error=fault.detail, status_code=fault.status_code)


def _control(type_: str, **said: str | int) -> str:
    return orjson.dumps({"channel": "control", "type": type_, **said}).decode()
