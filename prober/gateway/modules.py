"""The services as the fleet's own programs know modules: each with its latest health.

Each module's text is kept for as long as nothing was observed of it: with a thousand services,
making all of them anew takes most of an answer's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from prober.fleet import WELL, Member
from prober.model import Result, Status
from prober.reports.times import rfc3339

DISABLED = "disabled"


class Count(NamedTuple):
    """How many modules are well, of those that are watched."""

    healthy: int
    total: int


class Modules:
    """What is told of modules, by name; for one event loop."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Member, orjson.Fragment]] = {}

    def told(self, members: Iterable[Member]) -> dict[str, orjson.Fragment]:
        """The health of each module by name, as JSON."""
        self._kept = {member.service.name: self._of(member) for member in members}
        return {name: text for name, (_, text) in self._kept.items()}

    def _of(self, member: Member) -> tuple[Member, orjson.Fragment]:
        kept = self._kept.get(member.service.name)
        if kept is not None and kept[0] is member:  # a member is never changed, but replaced
            return kept
        return member, orjson.Fragment(orjson.dumps(_told(member)))


def count(members: Iterable[Member]) -> Count:
    """OK and DEGRADED count as well; what is disabled is not watched, and so in neither number."""
    watched = [member for member in members if member.service.enabled]
    return Count(sum(member.status in WELL for member in watched), len(watched))


def health(status: Status, since: int | None, result: Result | None) -> dict[str, Any]:
    """A module's health; what isn't known is None. `since` is in epoch milliseconds."""
    latency_ms = result and result.latency_ms
    return {
        "status": status.value.lower(),
        "since": None if since is None else rfc3339(since),
        "checked_at": None if result is None else rfc3339(result.checked_at),
        "http_code": result and result.http_code,
        "latency_ms": None if latency_ms is None else round(latency_ms, 3),
        "endpoint_ok": result and result.endpoint_ok,
        "reason": result and result.reason,
    }


def _told(member: Member) -> dict[str, Any]:
    told = health(member.status, member.since, member.result)
    return told if member.service.enabled else told | {"status": DISABLED}
