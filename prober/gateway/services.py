"""The services as JSON: the fleet, one service, and its history."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, HTTPException, Query

from prober import clock
from prober.fleet import Member
from prober.gateway.answers import Json, aside
from prober.gateway.context import Given
from prober.gateway.guard import REFUSALS, Scope, needs
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

Limit = Annotated[int, Query(ge=1, le=10_000)]
Moment = Annotated[
    str | None,
    Query(description="RFC 3339, epoch milliseconds, or a duration like 24h that means ago"),
]


def _named(name: str, context: Given) -> Member:
    # The path was routed as it was sent (see `layers.SentPath`), so the name is still quoted.
    member = context.state.member(unquote(name))
    if member is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"no service is named {unquote(name)!r}")
    return member


Named = Annotated[Member, Depends(_named)]


@router.get("")
async def services(context: Given) -> Json:
    """The verdict, the counts, and every service with its last result."""
    members = context.state.members()
    return await aside(lambda: Json(_fleet(members)))


# Before the route of one service, whose name would swallow "/results".
@router.get("/{name:path}/results")
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


@router.get("/{name:path}")
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
