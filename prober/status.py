"""The status of a service: a transition table and the pure step that applies it.

Nothing here reads a clock, logs or keeps anything: a state goes in, a state comes out.

          success        slow         failure       fault, lost, stale, disabled
    any ─────────▶ OK   ─────▶ DEGRADED  ─────▶ BROKEN   ─────▶ UNKNOWN

Only a failure of the service itself leads to BROKEN. What prober could not see is UNKNOWN.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from prober.model import Observation, Outcome, Reason, Result, Service, Status, Transition

STALE_MIN_S = 5.0


class Signal(StrEnum):
    """What changes a status without a probe."""

    LOST = "lost"  # the worker that probes the service died
    STALE = "stale"  # no result came for longer than the service's intervals explain
    DISABLED = "disabled"  # the configuration says not to probe it


class State(NamedTuple):
    """The status of one service, and since when (epoch ms) it has held."""

    status: Status = Status.UNKNOWN
    since: int = 0


STATUS_AFTER: dict[Outcome | Signal, Status] = {
    Outcome.SUCCESS: Status.OK,
    Outcome.SLOW: Status.DEGRADED,
    Outcome.FAILURE: Status.BROKEN,
    Outcome.FAULT: Status.UNKNOWN,
    Signal.LOST: Status.UNKNOWN,
    Signal.STALE: Status.UNKNOWN,
    Signal.DISABLED: Status.UNKNOWN,
}

SIGNAL_REASON: dict[Signal, Reason | None] = {
    Signal.LOST: Reason.PROBER,
    Signal.STALE: Reason.PROBER,
    Signal.DISABLED: None,
}


def step(state: State, result: Result) -> tuple[State, Observation]:
    """Weigh one result: the state after it, and the observation that every sink is told."""
    return _move(
        state,
        result.service,
        result.checked_at,
        STATUS_AFTER[result.outcome],
        result.reason,
        result,
    )


def signal(state: State, service: str, at: int, event: Signal) -> tuple[State, Observation]:
    """Apply an event that came without a probe at `at` (epoch ms)."""
    return _move(state, service, at, STATUS_AFTER[event], SIGNAL_REASON[event], None)


def _move(
    state: State, service: str, at: int, new: Status, reason: Reason | None, result: Result | None
) -> tuple[State, Observation]:
    if new is state.status:
        return state, Observation(service, at, new, result)
    transition = Transition(service, at, state.status, new, reason)
    return State(new, at), Observation(service, at, new, result, transition)


def stale_after_s(service: Service) -> float:
    """For how long a service's last result speaks for it: three intervals and a timeout."""
    return max(3 * service.interval_s + service.timeout_s, STALE_MIN_S)
