"""What history says of the services when the daemon starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prober.model import Result, Service, Status
from prober.status import State, stale_after_s


@dataclass(frozen=True, slots=True)
class Recall:
    """The states to go on from. Times are in epoch milliseconds.

    `states` hold the last stored status of each service, and `latest` its last result where that
    still speaks for it; `expired` says since when it doesn't. `fresh` names the services that have
    no result of the last interval: they want a first look.
    """

    states: dict[str, State]
    latest: dict[str, Result]
    expired: dict[str, int]
    fresh: frozenset[str]


def recall(
    services: Iterable[Service],
    statuses: Mapping[str, tuple[Status, int]],
    latest: Mapping[str, Result],
    now: int,
) -> Recall:
    """Weigh stored statuses (with their beginning) and latest results against the time `now`."""
    fleet = list(services)
    watched = [s for s in fleet if s.enabled]
    seen = {s.name: latest[s.name].checked_at for s in watched if s.name in latest}
    until = {
        s.name: seen[s.name] + round(stale_after_s(s) * 1000) for s in watched if s.name in seen
    }
    states = {s.name: State(*statuses[s.name]) for s in fleet if s.name in statuses}
    return Recall(
        states=states,
        latest={name: latest[name] for name, end in until.items() if end >= now},
        expired={
            s.name: until.get(s.name, now)
            for s in watched
            if until.get(s.name, 0) < now
            and states.get(s.name, State()).status is not Status.UNKNOWN
        },
        fresh=frozenset(s.name for s in watched if now - seen.get(s.name, 0) > s.interval_s * 1000),
    )
