"""Tell anew how a service's status changed, once results turn up that were not known before."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from operator import itemgetter

from prober.model import Reason, Result, Status, Transition
from prober.status import Signal, State, signal, step

Event = Result | Transition | Signal


def replayed(
    state: State,
    results: Sequence[Result],
    fresh: Set[int],
    noted: Sequence[Transition],
    speaks_ms: int,
) -> list[Transition]:
    """The changes of one service's status from the first of its results on.

    `results` are in order, and there is at least one. `fresh` are the moments of those that were
    not known, and `noted` the changes that had no result. A result speaks for `speaks_ms`: where
    the next one comes later, and one of them is fresh, the status is UNKNOWN in between. What
    prober noted there of its own troubles is replaced by that. After the last result nothing is
    made up.
    """
    changes: list[Transition] = []
    gaps = _gaps(results, fresh, speaks_ms)
    kept = _kept([result.checked_at for result in results], fresh, noted)
    seen: Iterator[tuple[int, Event]] = ((r.checked_at, r) for r in results)
    for at, event in sorted([*seen, *gaps, *kept], key=itemgetter(0)):
        state, change = _applied(state, results[0].service, at, event)
        if change is not None:
            changes.append(change)
    return changes


def is_own(change: Transition) -> bool:
    """Whether it tells of prober's own trouble."""
    return change.new is Status.UNKNOWN and change.reason is Reason.PROBER


def _gaps(
    results: Sequence[Result], fresh: Set[int], speaks_ms: int
) -> Iterator[tuple[int, Event]]:
    for before, after in pairwise(results):
        ends = before.checked_at + speaks_ms
        if ends < after.checked_at and not fresh.isdisjoint((before.checked_at, after.checked_at)):
            yield ends, Signal.STALE


def _kept(
    moments: Sequence[int], fresh: Set[int], noted: Sequence[Transition]
) -> Iterator[tuple[int, Event]]:
    for change in noted:
        place = bisect(moments, change.at)
        if not is_own(change) or fresh.isdisjoint(moments[max(place - 1, 0) : place + 1]):
            yield change.at, change


def _applied(state: State, service: str, at: int, event: Event) -> tuple[State, Transition | None]:
    if isinstance(event, Transition):
        if event.new is state.status:
            return state, None
        return State(event.new, at), event._replace(old=state.status)
    if isinstance(event, Signal):
        state, observation = signal(state, service, at, event)
    else:
        state, observation = step(state, event)
    return state, observation.transition
