"""The fleet as it was at a moment, from history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, HTTPException, Query

from prober import clock
from prober.fleet import WELL, Member
from prober.gateway.answers import UNREADABLE, Json
from prober.gateway.context import Context, Given
from prober.gateway.described import Answers, answer, fault
from prober.gateway.guard import REFUSALS, Scope, needs
from prober.gateway.modules import health
from prober.gateway.shapes import Snapshot
from prober.model import Result, Status
from prober.reports.times import LATEST, rfc3339
from prober.storage.reader import Reader

SPEAKS_MS = 3_600_000
"""For how long a result speaks for a service at least; longer where it is probed more seldom."""

Moment = Annotated[
    int, Query(ge=0, le=LATEST, description="Epoch milliseconds; 0 means now", examples=[0])
]

EXAMPLE: dict[str, Any] = {
    "t": 1_795_359_600_123,
    "time": "2026-11-22T15:00:00.123Z",
    "modules": {
        "madre": {
            "status": "broken",
            "since": "2026-11-22T14:59:30.120Z",
            "checked_at": "2026-11-22T14:59:30.120Z",
            "http_code": None,
            "latency_ms": None,
            "endpoint_ok": None,
            "reason": "refused",
        }
    },
    "summary": {"total": 1, "healthy": 0, "unhealthy": 1, "unknown": 0},
}

ANSWERS: Answers = (
    {200: answer("Every module as it was then", Snapshot, EXAMPLE)}
    | fault(422, "t: 9795359600123 lies in the future; write epoch milliseconds up to now, or 0")
    | fault(503, UNREADABLE)
)

router = APIRouter(
    prefix="/api/v1", tags=["status"], dependencies=[needs(Scope.READ)], responses=REFUSALS
)


class Was(NamedTuple):
    """How a module was: its status, since when (epoch ms), and its last result until then."""

    status: Status = Status.UNKNOWN
    since: int | None = None
    result: Result | None = None


@router.get("/snapshot", responses=ANSWERS)
def snapshot(context: Given, t: Moment = 0) -> Json:
    """Every module at the moment `t`. What is not known of it then is UNKNOWN."""
    now_ms = clock.epoch_ms()
    if t > now_ms:
        message = f"t: {t} lies in the future; write epoch milliseconds up to now, or 0"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, message)
    members = {member.service.name: member for member in context.state.members()}
    was = _past(context, members, t) if t else {name: _now(m) for name, m in members.items()}
    moment = t or now_ms
    counts = Counter(_word(w.status) for w in was.values())
    summary = {"total": len(was)} | {word: counts[word] for word in WORDS}
    modules = {name: health(*of_module) for name, of_module in was.items()}
    return Json({"t": moment, "time": rfc3339(moment), "modules": modules, "summary": summary})


WORDS = ("healthy", "unhealthy", "unknown")


def _word(status: Status) -> str:
    return "unknown" if status is Status.UNKNOWN else WORDS[status not in WELL]


def _now(member: Member) -> Was:
    return Was(member.status, member.since, member.result)


def _past(context: Context, members: Mapping[str, Member], t: int) -> dict[str, Was]:
    """What history says of `members`, and of those that it still knew then.

    A status that has held since before `t` is taken from memory: history may not have it yet.
    """
    spoken = {name: _speaks_ms(member) for name, member in members.items()}
    stored = _stored(context.reader, t, max(spoken.values(), default=SPEAKS_MS))
    found = {name: Was() for name in members}
    for name, was in stored.items():
        seen = was.result.checked_at if was.result else was.since or 0
        if t - seen <= spoken.get(name, SPEAKS_MS) and was.status is not Status.UNKNOWN:
            found[name] = was
        elif name in members and was.status is Status.UNKNOWN:
            found[name] = Was(since=was.since)
    for name, member in members.items():
        if member.since is not None and member.since <= t:
            found[name] = _held(member, found[name], t)
    return found


def _held(member: Member, was: Was, t: int) -> Was:
    """How a member was that has had its status since before `t`."""
    fresh = member.result is not None and member.result.checked_at <= t
    return Was(member.status, member.since, member.result if fresh else was.result)


def _stored(reader: Reader, t: int, back_ms: int) -> dict[str, Was]:
    statuses = reader.last_statuses(until_ms=t + 1)
    latest = reader.latest(list(statuses), since_ms=max(0, t - back_ms), until_ms=t + 1)
    return {name: Was(*held, latest.get(name)) for name, held in statuses.items()}


def _speaks_ms(member: Member) -> int:
    return max(SPEAKS_MS, round(4 * member.service.interval_s * 1000))
