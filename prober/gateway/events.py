"""Events: take them in at /api/v1/events, count them, and show which belong together."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from prober.gateway.answers import DEFECT, Json, refused
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, answer, fault
from prober.gateway.guard import REFUSALS, needs
from prober.gateway.guard import Scope as Permission
from prober.gateway.intake import NotStored
from prober.gateway.shapes import Cardinality, Correlations, Rejected, Taken

AGAIN = "the event is not known to be stored; send it again"
RETRY_S = 1

PATH = "/api/v1/events"

router = APIRouter(prefix=PATH, tags=["events"], responses=REFUSALS)


ID = "6f0f5c5e-0f0b-4c5a-9a57-3b1f0f6f8a11"
SENT: dict[str, Any] = {
    "type": "system.alert",
    "payload": {
        "alert_id": "a-17",
        "severity": "L3",
        "message": "queue is full",
        "timestamp": 1_795_359_600_000,
    },
    "source": "madre",
    "broadcast": True,
}
SCHEMA = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "minLength": 1, "maxLength": 255},
        "payload": {"description": "What a canonical type's schema is for; else anything."},
        "metadata": {"description": "Anything."},
        "source": {"description": "Who sends it."},
        "broadcast": {"description": "Listeners are told where this is true."},
    },
}
ACCEPTED = {"status": "ok", "event_id": ID, "type": "system.alert"}
REFUSED = {
    "status": "rejected",
    "reason": "schema_validation_failed",
    "detail": 'payload: "severity" is a required property',
    "event_id": ID,
}


FAULTS: Answers = (
    {200: answer("Recorded", Taken | Rejected, ACCEPTED, REFUSED)}
    | fault(400, "the body is no JSON: unexpected end of data")
    | fault(413, "the body is larger than 65536 bytes", description="The body is too large")
    | fault(422, "the body is no JSON object", "type: must be a text of 1 to 255 …")
    | fault(503, AGAIN, description="Retry-After says when to send it again, in seconds")
)


@router.post(
    "",
    dependencies=[needs(Permission.INGEST)],
    responses=FAULTS,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": SCHEMA, "example": SENT}},
        }
    },
)
async def ingest(request: Request) -> Json:
    """Take in an event; the answer says that it is in the ledger.

    One of a canonical type that breaks its schema is refused, and the refusal recorded: look at
    `status`. Events of all other types are taken as they are.
    """
    return await _taken(request, request.app.state.context)


async def _taken(request: Request, context: Context) -> Json:
    try:
        return Json(await context.reception.take(await _body(request)))
    except NotStored:
        headers = {"Retry-After": str(RETRY_S)}
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, AGAIN, headers) from None


async def _body(request: Request) -> bytes:
    # Nearly always one message; Request.body() makes a stream of it, which takes longer than that.
    body, more = b"", True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


class Shortcut:
    """Answers as `ingest` does before FastAPI looks for it, which takes longer than all else."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        aliases = context.settings.aliases.items()
        self._paths = {PATH} | {path for path, target in aliases if target == PATH}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in self._paths or scope.get("method") != "POST":
            return await self._app(scope, receive, send)
        with suppress(ClientDisconnect):  # nobody waits for an answer
            await self._answer(Request(scope, receive), send)

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            self._context.admission.guard.require(Permission.INGEST, request)
            answer = await _taken(request, self._context)
        except HTTPException as refusal:
            answer = refused(refusal)
        except ClientDisconnect:
            raise
        except Exception:
            await DEFECT(request.scope, request.receive, send)
            raise  # so that uvicorn logs it
        await answer(request.scope, request.receive, send)


CARDINALITY = {
    "status": "ok",
    "timestamp": 1_795_359_600_123,
    "window_seconds": 300.0,
    "events": {"system.alert": {"count": 10, "rate_per_min": 2.0}},
    "total_events": 10,
}
CORRELATIONS = {
    "status": "ok",
    "timestamp": 1_795_359_600_123,
    "graph": {
        "nodes": [
            {
                "id": ID,
                "type": "system.alert",
                "timestamp": 1_795_359_600_000,
                "severity": "L3",
                "nature": "incident",
            }
        ],
        "edges": [],
        "total_nodes": 1,
        "total_edges": 0,
    },
}


@router.get(
    "/cardinality",
    dependencies=[needs(Permission.READ)],
    responses={200: answer("Counts", Cardinality, CARDINALITY)},
)
async def cardinality(context: Given) -> Json:
    """How many events of each type came within the window, and how many a minute that is."""
    return Json(context.reception.cardinality())


@router.get(
    "/correlations",
    dependencies=[needs(Permission.READ)],
    responses={200: answer("The graph", Correlations, CORRELATIONS)},
)
def correlations(context: Given) -> Json:
    """The newest events of the window, and how strongly they belong together."""
    return Json(context.reception.correlations())
