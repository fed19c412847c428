"""The fleet as plain JSON data: the shape that `check-once`, `status` and the gateway share."""

from __future__ import annotations

from collections.abc import Sequence

from prober import fleet
from prober.model import Result
from prober.reports.times import rfc3339

NO_RESULT: dict[str, object] = dict.fromkeys(
    ("http_code", "latency_ms", "endpoint_ok", "snippet", "reason", "phase", "checked_at")
)


def as_json(members: Sequence[fleet.Member]) -> dict[str, object]:
    """The verdict, the counts and every service, in the order given; None where unknown.

    `verdict` is "ok" or "broken", statuses are in capitals, `latency_ms` is in milliseconds and
    `checked_at` is RFC 3339 in UTC.
    """
    return summary_json(members) | {"services": [member_json(member) for member in members]}


def summary_json(members: Sequence[fleet.Member]) -> dict[str, object]:
    """The verdict and the counts alone."""
    verdict = fleet.judge(members)
    return {
        "verdict": "ok" if verdict.well else "broken",
        "summary": {
            "ok": verdict.ok,
            "degraded": verdict.degraded,
            "broken": verdict.broken,
            "unknown": verdict.unknown,
            "disabled": verdict.disabled,
            "total": verdict.total,
        },
    }


def member_json(member: fleet.Member) -> dict[str, object]:
    """One service with its status and its last result; all plain JSON values."""
    service = member.service
    return {
        "name": service.name,
        "port": service.port,
        "status": member.status.value,
        "critical": service.critical,
        "maintenance": member.maintenance,
    } | (result_json(member.result) if member.result else NO_RESULT)


def result_json(result: Result) -> dict[str, object]:
    """What one probe found, without the name and the status that it led to."""
    return {
        "http_code": result.http_code,
        "latency_ms": result.latency_ms,
        "endpoint_ok": result.endpoint_ok,
        "snippet": result.snippet,
        "reason": result.reason and result.reason.value,
        "phase": result.phase and result.phase.value,
        "checked_at": rfc3339(result.checked_at),
    }
