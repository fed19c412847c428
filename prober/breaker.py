"""A circuit breaker: a transition table and the pure functions that apply it.

             failures in a row reach the limit
    CLOSED ────────────────────────────────────▶ OPEN
      ▲                                          │  ▲
      │ success                 time, or success │  │ failure
      └──────────────────── HALF_OPEN ◀──────────┘  │
                                └───────────────────┘

An open breaker lets nothing through, a half-open one a single trial at a time. Nothing here reads
a clock: `now_s` is monotonic, and `at` is in epoch milliseconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """Whether calls are let through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(StrEnum):
    """What happens to a breaker."""

    SUCCESS = "success"  # the service answered
    FAILURE = "failure"  # it did not
    LIMIT = "limit"  # it did not, as often in a row as is allowed
    TIME = "time"  # an open breaker has been open for long enough


class Policy(NamedTuple):
    """How many failures in a row open a breaker, and for how long."""

    failures: int = 3
    reset_s: float = 60.0


class Breaker(NamedTuple):
    """The state of one service's breaker; `trying` says that a trial is under way."""

    phase: Phase = Phase.CLOSED
    failures: int = 0
    last_failure: int | None = None
    opened_s: float = 0.0
    trying: bool = False


NEXT: dict[tuple[Phase, Event], Phase] = {
    (Phase.CLOSED, Event.SUCCESS): Phase.CLOSED,
    (Phase.CLOSED, Event.FAILURE): Phase.CLOSED,
    (Phase.CLOSED, Event.LIMIT): Phase.OPEN,
    (Phase.OPEN, Event.SUCCESS): Phase.HALF_OPEN,
    (Phase.OPEN, Event.FAILURE): Phase.OPEN,
    (Phase.OPEN, Event.LIMIT): Phase.OPEN,
    (Phase.OPEN, Event.TIME): Phase.HALF_OPEN,
    (Phase.HALF_OPEN, Event.SUCCESS): Phase.CLOSED,
    (Phase.HALF_OPEN, Event.FAILURE): Phase.OPEN,
    (Phase.HALF_OPEN, Event.LIMIT): Phase.OPEN,
}


def look(breaker: Breaker, policy: Policy, now_s: float) -> Breaker:
    """The breaker as it is at `now_s`: one that was open for long enough is half-open."""
    due = breaker.phase is Phase.OPEN and now_s - breaker.opened_s >= policy.reset_s
    return breaker._replace(phase=NEXT[breaker.phase, Event.TIME]) if due else breaker


def admit(breaker: Breaker, policy: Policy, now_s: float) -> Breaker | None:
    """The breaker with one call more, or None where it lets no call through."""
    seen = look(breaker, policy, now_s)
    if seen.phase is Phase.OPEN or seen.trying:
        return None
    return seen._replace(trying=seen.phase is Phase.HALF_OPEN)


def succeed(breaker: Breaker) -> Breaker:
    """The breaker after a success, which ends a row of failures and a trial."""
    phase = NEXT[breaker.phase, Event.SUCCESS]
    return breaker._replace(phase=phase, failures=0, trying=False)


def fail(breaker: Breaker, policy: Policy, now_s: float, at: int) -> Breaker:
    """The breaker after a failure; one that opens by it stays open from `now_s` on."""
    failures = breaker.failures + 1
    event = Event.LIMIT if failures >= policy.failures else Event.FAILURE
    phase = NEXT[breaker.phase, event]
    opens = phase is Phase.OPEN and breaker.phase is not Phase.OPEN
    return Breaker(phase, failures, at, now_s if opens else breaker.opened_s)


def abandon(breaker: Breaker) -> Breaker:
    """The breaker after a trial that told nothing: the next call is one."""
    return breaker._replace(trying=False)
