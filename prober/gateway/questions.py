"""Uptime, incidents and months of services as JSON, from history."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query

from prober import clock
from prober.gateway.answers import UNREADABLE, Json
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, answer, fault
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.services import UNKNOWN, Moment, Named
from prober.gateway.shapes import Days, Incidents, Months, Parts
from prober.maintenance import Windows
from prober.reports import availability, outages, sla, times
from prober.storage.cells import Span

MONTH_MS = 30 * 86_400_000
MOST_PARTS = 10_000

SPAN = {"service": "madre", "from": "2026-10-01T00:00:00.000Z", "to": "2026-11-01T00:00:00.000Z"}
PART: dict[str, Any] = SPAN | {
    "uptime": 0.999597,
    "seconds": {"OK": 2_677_320.0, "DEGRADED": 0.0, "BROKEN": 1_080.0, "UNKNOWN": 0.0},
    "results": {"OK": 89_244, "DEGRADED": 0, "BROKEN": 36, "UNKNOWN": 0},
    "maintenance_s": 0.0,
    "reasons": {"timeout": 36},
    "latency_ms": {"min": 0.8, "p50": 12.2, "p95": 31.0, "p99": 54.5, "max": 912.4},
}
INCIDENT = SPAN | {"duration_s": 1_080.0, "reasons": ["timeout"], "snippet": None}
MONTH: dict[str, Any] = SPAN | {
    "uptime": 0.999597,
    "known_s": 2_678_400.0,
    "maintenance_s": 0.0,
    "broken_s": 1_080.0,
    "incidents": 1,
    "mttr_s": 1_080.0,
    "mtbf_s": 2_677_320.0,
    "longest_s": 1_080.0,
    "target": 0.999,
    "verdict": "met",
}
UNREAD = fault(503, UNREADABLE)
UPTIME: Answers = (
    {200: answer("Part by part", Parts, {"service": "madre", "parts": [PART]})}
    | UNKNOWN
    | fault(422, "since: the time that it names is not before until")
    | UNREAD
)
INCIDENTS: Answers = UPTIME | {
    200: answer("The oldest first", Incidents, {"service": "madre", "incidents": [INCIDENT]})
}
DAYS: Answers = (
    {
        200: answer(
            "Day by day; null where nothing is known",
            Days,
            {"first": "2026-11-19", "uptimes": {"madre": [1.0, 0.99875, None]}},
        )
    }
    | fault(422, "count: Input should be less than or equal to 366")
    | UNREAD
)
SLA: Answers = (
    {200: answer("Every service", Months, {"month": "2026-10", "met": True, "services": [MONTH]})}
    | fault(422, "month: '2026-13' is not a month; write 2026-11")
    | UNREAD
)

router = APIRouter(
    prefix="/api/v1", tags=["history"], dependencies=[needs(Scope.READ)], responses=REFUSALS
)

By = Annotated[
    Literal["whole", "hour", "day", "month"], Query(description="The parts to tell, in UTC")
]
Month = Annotated[str, Query(description="A calendar month, UTC", examples=["2026-10"])]
Count = Annotated[int, Query(ge=1, le=366, description="How many days")]
Maintenance = Annotated[
    Literal["in", "out"],
    Query(description="Whether the time of maintenance windows counts, or is left out"),
]
Target = Annotated[float, Query(ge=0, le=100, description="The uptime to reach, in percent")]


@router.get("/services/{name:path}/uptime", responses=UPTIME)
def uptime(
    member: Named,
    context: Given,
    since: Moment = None,
    until: Moment = None,
    by: By = "whole",
    maintenance: Maintenance = "out",
) -> Json:
    """The share of the known time in which a service was well, and percentiles of its latency."""
    span = _span(since, until)
    if by == "hour" and span.end - span.start > MOST_PARTS * availability.HOUR_MS:
        raise _wrong(f"by: hour makes more than {MOST_PARTS} parts; ask by day, or for less time")
    name = member.service.name
    spans = availability.CUTS[by](*span)
    known, windows = _known(context, [name])[name], _windows(context, maintenance)
    parts = availability.of(context.reader, name, spans, known, windows)
    return Json({"service": name, "parts": [availability.record(part) for part in parts]})


@router.get("/services/{name:path}/incidents", responses=INCIDENTS)
def incidents(
    member: Named,
    context: Given,
    since: Moment = None,
    until: Moment = None,
    maintenance: Maintenance = "out",
) -> Json:
    """The times in which a service was BROKEN, oldest first."""
    name, windows = member.service.name, _windows(context, maintenance)
    told = outages.of(context.reader, name, *_span(since, until), windows)
    return Json({"service": name, "incidents": [outages.record(outage) for outage in told]})


@router.get("/sla", responses=SLA)
def months(
    context: Given, month: Month, target: Target = 99.9, maintenance: Maintenance = "out"
) -> Json:
    """Every service in a calendar month, against a target."""
    try:
        span = availability.month(month)
    except ValueError as error:
        raise _wrong(f"month: {error}") from None
    names = [member.service.name for member in context.state.members()]
    known = _known(context, names)
    question = sla.Question(span, target / 100, _windows(context, maintenance))
    lines = [sla.of(context.reader, name, question, known[name]) for name in names]
    return Json(
        {
            "month": month,
            "met": sla.all_met(lines),
            "services": [sla.record(line) for line in lines],
        }
    )


@router.get("/days", responses=DAYS)
def days(context: Given, count: Count = 90) -> Json:
    """The uptime of every service on each of the last days that are over, the oldest first."""
    first = clock.epoch_ms() // availability.DAY_MS - count
    found = context.reader.days(first, count)
    names = [member.service.name for member in context.state.members()]
    return Json(
        {
            "first": times.rfc3339(first * availability.DAY_MS)[:10],
            "uptimes": {name: found.get(name, [None] * count) for name in names},
        }
    )


def _known(context: Context, names: list[str]) -> dict[str, int]:
    services = [member.service for member in context.state.members()]
    return availability.known_until(context.reader, names, services, clock.epoch_ms())


def _windows(context: Context, maintenance: str) -> Windows:
    """The windows to leave out."""
    return context.maintenance() if maintenance == "out" else ()


def _span(since: str | None, until: str | None) -> Span:
    now_ms = clock.epoch_ms()
    end = now_ms if until is None else _moment("until", until, now_ms)
    start = end - MONTH_MS if since is None else _moment("since", since, now_ms)
    if start >= end:
        raise _wrong("since: the time that it names is not before until")
    return Span(max(start, 0), end)


def _moment(parameter: str, text: str, now_ms: int) -> int:
    try:
        return times.moment(text, now_ms)
    except ValueError as error:
        raise _wrong(f"{parameter}: {error}") from None


def _wrong(message: str) -> HTTPException:
    return HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, message)
