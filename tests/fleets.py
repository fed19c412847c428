"""Services, results and fleets for tests, with everything said that a test doesn't care about."""

from __future__ import annotations

from typing import Any

from prober.fleet import Member
from prober.model import Outcome, Phase, Reason, Result, Service
from prober.status import STATUS_AFTER

AT = 1_795_359_600_123
"""2026-11-22T15:00:00.123Z in epoch milliseconds."""


def service(name: str = "madre", port: int = 8001, **settings: Any) -> Service:
    """A service on loopback."""
    return Service(name, f"http://127.0.0.1:{port}", "127.0.0.1", port, **settings)


def success(name: str = "madre", snippet: str | None = '{"status":"ok"}') -> Result:
    """A probe that /health answered in 12.345 ms."""
    return Result(name, AT, Outcome.SUCCESS, 200, 12.345, "/health", snippet)


def refusal(name: str = "madre") -> Result:
    """A probe whose connection was refused."""
    return Result(name, AT, Outcome.FAILURE, reason=Reason.REFUSED, phase=Phase.CONNECT)


def explained(name: str = "madre") -> Result:
    """The same, with a sentence for people."""
    return refusal(name)._replace(message="refused by 127.0.0.1:8001")


def wrong_answer(name: str = "madre", snippet: str | None = "oops") -> Result:
    """A probe that was answered with 503."""
    return Result(
        name,
        AT,
        Outcome.FAILURE,
        503,
        4.2,
        None,
        snippet,
        reason=Reason.STATUS,
        phase=Phase.PROCESSING,
    )


def member(result: Result | None, **settings: Any) -> Member:
    """A service with its last result, if any."""
    if result is None:
        return Member(service(**settings))
    watched = service(result.service, **settings)
    return Member(watched, STATUS_AFTER[result.outcome], AT, result)
