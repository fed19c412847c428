"""The latest observation of every service, in memory: what the page, the API and a reload read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from prober.fleet import Member
from prober.model import Observation, Outcome, Reason, Result, Service, Status
from prober.sinks.base import Sink


class State(Sink):
    """The fleet as it is now. Every method is for the event loop's thread, and returns at once."""

    name = "state"
    lossless = False
    linger_s = 0.0

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}

    @classmethod
    def build(cls, services: Sequence[Service]) -> Self:
        """A state in which nothing was observed yet: every service is UNKNOWN."""
        state = cls()
        state.retarget(services)
        return state

    def retarget(self, services: Sequence[Service]) -> None:
        """Follow a new configuration: keep what is known of what stays, forget what left."""
        known = self._members
        self._members = {
            s.name: _retargeted(known.get(s.name) or known.get(s.was or s.name), s)
            for s in services
        }

    def restore(self, name: str, status: Status, since: int | None, result: Result | None) -> None:
        """Set what history knows of a service; a name that isn't configured is ignored."""
        if name in self._members:
            service = self._members[name].service
            self._members[name] = Member(service, status, since, result)

    def maintain(self, under: Mapping[str, str]) -> None:
        """Mark the services that are in maintenance now, each with its window's name."""
        for name, member in self._members.items():
            if member.maintenance != under.get(name):
                self._members[name] = member._replace(maintenance=under.get(name))

    def members(self) -> list[Member]:
        """Every service in the order of the configuration, disabled ones included."""
        return list(self._members.values())

    def member(self, name: str) -> Member | None:
        """One service, or None where the configuration doesn't have it."""
        return self._members.get(name)

    async def write(self, batch: Sequence[Observation]) -> None:
        """Take the newest; an observation of a service that left is ignored."""
        for observation in batch:
            member = self._members.get(observation.service)
            if member is not None:
                self._members[observation.service] = _observed(member, observation)

    async def close(self) -> None:
        """Nothing to let go of."""


def _retargeted(member: Member | None, service: Service) -> Member:
    if member is None:
        return Member(service)
    return member._replace(service=service)


def _observed(member: Member, observation: Observation) -> Member:
    transition = observation.transition
    since = member.since if transition is None else transition.at
    result = observation.result
    if result is None and member.result is not None:
        result = _faded(member.result, transition.reason if transition else member.result.reason)
    return Member(member.service, observation.status, since, result, member.maintenance)


def _faded(result: Result, reason: Reason | None) -> Result:
    # Without a fresh probe the old answer no longer holds, but when it was last seen still does.
    return Result(result.service, result.checked_at, Outcome.FAULT, reason=reason)
