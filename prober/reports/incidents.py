"""Incidents: the times in which a service was BROKEN, and how often and how long that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from prober.model import Reason, Status, Transition


class Incident(NamedTuple):
    """One time of one service in which it was BROKEN; `end` is None while it lasts.

    Times are epoch milliseconds. `duration_ms` is BROKEN time only: where prober did not see for a
    while (UNKNOWN), that is left out, and an incident that was seen again goes on. `reasons` are
    those of its beginning and of each time that it was seen again, without repetition.
    """

    service: str
    start: int
    end: int | None
    duration_ms: int
    reasons: tuple[Reason, ...] = ()


class Record(NamedTuple):
    """How incidents add up; None where there is nothing to divide by.

    `mttr_ms` is the mean duration of the incidents that ended, `mtbf_ms` the mean well time
    between failures.
    """

    incidents: int
    mttr_ms: float | None
    mtbf_ms: float | None


def found(changes: Iterable[Transition], until: int) -> Iterator[Incident]:
    """The incidents that changes of one service tell, oldest first, as of the moment `until`.

    The changes are in order, and begin with the one that held at the beginning, if any did.
    """
    running: Incident | None = None
    broken_since: int | None = None
    for change in changes:
        if broken_since is not None and running is not None:
            spent = change.at - broken_since
            running = running._replace(end=change.at, duration_ms=running.duration_ms + spent)
            broken_since = None
        if change.new is Status.BROKEN:
            broken_since = change.at
            running = running or Incident(change.service, change.at, None, 0)
            running = running._replace(end=None, reasons=_with(running.reasons, change.reason))
        elif change.new is not Status.UNKNOWN and running is not None:
            yield running
            running = None
    if running is not None and broken_since is not None:
        yield running._replace(duration_ms=running.duration_ms + until - broken_since)
    elif running is not None:
        yield running


def record(incidents: Sequence[Incident], well_ms: int) -> Record:
    """How incidents add up over a span in which the service was well for `well_ms`."""
    over = [incident.duration_ms for incident in incidents if incident.end is not None]
    return Record(
        len(incidents),
        sum(over) / len(over) if over else None,
        well_ms / len(incidents) if incidents else None,
    )


def _with(reasons: tuple[Reason, ...], reason: Reason | None) -> tuple[Reason, ...]:
    return reasons if reason is None or reason in reasons else (*reasons, reason)
