"""The services as JSON: the fleet, one service, and its history."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, HTTPException, Path, Query

from prober import clock
from prober.fleet import Member
from prober.gateway.answers import UNREADABLE, Json, aside
from prober.gateway.context import Given
from prober.gateway.described import Answers, answer, fault
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.shapes import Fleet, OneService, Results
from prober.model import Result
from prober.reports import fleet
from prober.reports.times import moment, rfc3339
from prober.status import STATUS_AFTER

router = APIRouter(
    prefix="/api/v1/services",
    tags=["services"],
    dependencies=[needs(Scope.READ)],
    responses=REFUSALS,
)

Name = Annotated[str, Path(description="The service's name, quoted", examples=["madre"])]
Limit = Annotated[int, Query(ge=1, le=10_000, description="At most so many results")]
Moment = Annotated[
    str | None,
    Query(description="RFC 3339, epoch milliseconds, or a duration like 24h that means ago"),
]

FOUND: dict[str, Any] = {
    "http_code": 200,
    "latency_ms": 12.345,
    "endpoint_ok": "/health",
    "snippet": "ok",
    "reason": None,
    "phase": None,
    "checked_at": "2026-11-22T15:00:00.123Z",
}
SERVICE = {"name": "madre", "port": 8001, "status": "OK", "critical": True, "maintenance": None}
SERVICE |= FOUND
SERVICE |= {"message": None}
COUNTS = {"ok": 1, "degraded": 0, "broken": 0, "unknown": 0, "disabled": 0, "total": 1}
DETAILS = {
    "since": "2026-11-22T14:00:00.123Z",
    "enabled": True,
    "url": "http://127.0.0.1:8001",
    "endpoints": ["/health", "/healthz"],
    "interval_s": 30.0,
    "timeout_s": 3.0,
    "group": "vx11",
    "tags": [],
    "depends_on": [],
}
FLEET = {"verdict": "ok", "summary": COUNTS, "services": [SERVICE]}
RESULTS = {"service": "madre", "results": [{"status": "OK", **FOUND, "stalled": False}]}
UNKNOWN = fault(404, "no service is named 'madre'")
HISTORY: Answers = (
    {200: answer("Its results, the newest first", Results, RESULTS)}
    | UNKNOWN
    | fault(422, "limit: Input should be greater than or equal to 1")
    | fault(503, UNREADABLE)
)


def _named(name: Name, context: Given) -> Member:
    # The path was routed as it was sent (see `layers.SentPath`), so the name is still quoted.
    member = context.state.member(unquote(name))
    if member is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no service is named {unquote(name)!r}")
    return member


Named = Annotated[Member, Depends(_named)]


@router.get("", responses={200: answer("The fleet", Fleet, FLEET)})
async def services(context: Given) -> Json:
    """The verdict, the counts, and every service with its last result."""
    members = context.state.members()
    return await aside(lambda: Json(_fleet(members)))


# Before the route of one service, whose name would swallow "/results".
@router.get("/{name:path}/results", responses=HISTORY)
def results(
    member: Named,
    context: Given,
    since: Moment = None,
    until: Moment = None,
    limit: Limit = 100,
) -> Json:
    """What the store holds of one service from `since` until `until`, newest first."""
    now_ms = clock.epoch_ms()
    span = (_moment("since", since, now_ms), _moment("until", until, now_ms))
    name = member.service.name
    rows = context.reader.results(name, *span, limit, newest_first=True)
    return Json({"service": name, "results": [_result(row) for row in rows]})


@router.get(
    "/{name:path}",
    responses={200: answer("The service", OneService, SERVICE | DETAILS), **UNKNOWN},
)
async def service(member: Named) -> Json:
    """One service: how it is, since when, and how it is watched."""
    return Json(fleet.member_json(member) | _message(member) | _details(member))


def _fleet(members: list[Member]) -> dict[str, object]:
    listed = [fleet.member_json(member) | _message(member) for member in members]
    return fleet.summary_json(members) | {"services": listed}


def _moment(parameter: str, text: str | None, now_ms: int) -> int | None:
    try:
        return None if text is None else moment(text, now_ms)
    except ValueError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{parameter}: {error}") from None


def _result(result: Result) -> dict[str, object]:
    status = STATUS_AFTER[result.outcome]
    return {"status": status.value} | fleet.result_json(result) | {"stalled": result.stalled}


def _message(member: Member) -> dict[str, object]:
    return {"message": member.result and member.result.message}


def _details(member: Member) -> dict[str, object]:
    # Headers and bodies of requests stay out: they may carry secrets.
    service = member.service
    return {
        "since": None if member.since is None else rfc3339(member.since),
        "enabled": service.enabled,
        "url": service.url,
        "endpoints": service.endpoints,
        "interval_s": service.interval_s,
        "timeout_s": service.timeout_s,
        "group": service.group,
        "tags": service.tags,
        "depends_on": service.depends_on,
    }
