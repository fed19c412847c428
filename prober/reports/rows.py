"""A service, and one probe of it, as a row of words for people."""

from __future__ import annotations

from collections.abc import Sequence

from prober import fleet
from prober.model import Reason, Result
from prober.reports.times import rfc3339
from prober.status import STATUS_AFTER

NONE = "-"
JUDGED = frozenset({Reason.STATUS, Reason.CONDITION})

FLEET_COLUMNS = (
    "STATUS",
    "SERVICE",
    "PORT",
    "CODE",
    "LATENCY",
    "ENDPOINT",
    "REASON",
    "SNIPPET",
)
RESULT_COLUMNS = ("CHECKED_AT", "STATUS", "CODE", "LATENCY", "ENDPOINT", "REASON", "SNIPPET")


def fleet_row(member: fleet.Member) -> tuple[str, ...]:
    """One service under `FLEET_COLUMNS`; "-" where nothing is known.

    Its status stands before the first comma, and may be followed by that it is in maintenance.
    """
    service = member.service
    status = member.status.value if service.enabled else "DISABLED"
    status += ", maintenance" if member.maintenance is not None else ""
    return (status, service.name, str(service.port), *_answer(member.result))


def result_row(result: Result) -> tuple[str, ...]:
    """One probe under `RESULT_COLUMNS`; "-" where nothing is known."""
    return (
        rfc3339(result.checked_at),
        STATUS_AFTER[result.outcome].value,
        *_answer(result),
    )


def counts(members: Sequence[fleet.Member]) -> str:
    """The counts in one line: "OK 7 · DEGRADED 0 · BROKEN 1 · UNKNOWN 0 of 8"."""
    verdict = fleet.judge(members)
    parts = [
        f"OK {verdict.ok}",
        f"DEGRADED {verdict.degraded}",
        f"BROKEN {verdict.broken}",
        f"UNKNOWN {verdict.unknown}",
    ]
    parts += [f"DISABLED {verdict.disabled}"] if verdict.disabled else []
    return f"{' · '.join(parts)} of {verdict.total}"


def latency(ms: float | None) -> str:
    """Milliseconds as "0.8 ms", "12 ms" or "1.23 s"."""
    if ms is None:
        return NONE
    if ms >= 1000:
        return f"{ms / 1000:.2f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.1f} ms"


def why(result: Result) -> str:
    """Why a probe did not succeed, in as many words as are known."""
    return result.message or cause(result)


def cause(result: Result) -> str:
    """Why a probe did not succeed, and where unless an answer was judged: "timeout in connect"."""
    if result.reason is None:
        return NONE
    if result.phase is None or result.reason in JUDGED:
        return result.reason.value
    return f"{result.reason} in {result.phase}"


def _answer(result: Result | None) -> tuple[str, ...]:
    if result is None:
        return (NONE,) * 5
    return (
        NONE if result.http_code is None else str(result.http_code),
        latency(result.latency_ms),
        result.endpoint_ok or NONE,
        why(result),
        result.snippet or NONE,
    )
