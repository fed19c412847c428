"""The verdict of a fleet: pure counting over the latest observation of each service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from prober.model import Result, Service, Status


class Member(NamedTuple):
    """One service with how it is now; `since` (epoch ms) is when that status began.

    A named tuple, since each result makes a new one.
    """

    service: Service
    status: Status = Status.UNKNOWN
    since: int | None = None
    result: Result | None = None
    maintenance: str | None = None  # the name of the window that it is in


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fleet in one look. The counts are disjoint and sum to `total`."""

    ok: int
    degraded: int
    broken: int
    unknown: int
    disabled: int
    total: int
    well: bool
    sentence: str


WELL = frozenset({Status.OK, Status.DEGRADED})


def is_tolerated(member: Member) -> bool:
    """Whether this member may be unwell: it is not critical, or it is in maintenance."""
    return not member.service.critical or member.maintenance is not None


def remarkable(members: Iterable[Member]) -> list[Member]:
    """Those that are not simply enabled and OK: mostly few, of however many."""
    ok = Status.OK  # to look it up for every member would double what this costs
    return [m for m in members if m.status is not ok or not m.service.enabled]


def is_unwell(member: Member) -> bool:
    """Whether this member alone makes the fleet unwell: enabled, not tolerated, not well."""
    return member.service.enabled and member.status not in WELL and not is_tolerated(member)


def judge(members: Iterable[Member]) -> Verdict:
    """Judge a fleet by its critical services; the others, and maintenance, are tolerated.

    The sentence reads like "10/11 OK, manifestator tolerated", "9/11 OK, madre BROKEN" or
    "10/11 OK, madre in maintenance".
    """
    fleet = list(members)
    return verdict(len(fleet), remarkable(fleet))


def verdict(total: int, exceptions: list[Member]) -> Verdict:
    """The verdict of a fleet of so many services, of which these are the remarkable ones."""
    others = [m for m in exceptions if m.service.enabled]
    watched = total - len(exceptions) + len(others)
    counts = Counter(m.status for m in others)
    ok = watched - len(others)
    return Verdict(
        ok=ok,
        degraded=counts[Status.DEGRADED],
        broken=counts[Status.BROKEN],
        unknown=counts[Status.UNKNOWN],
        disabled=total - watched,
        total=total,
        well=not any(map(is_unwell, others)),
        sentence=_sentence(f"{ok}/{watched} OK", others),
    )


def _sentence(share: str, others: list[Member]) -> str:
    remarks = [share]
    for status in (Status.BROKEN, Status.UNKNOWN, Status.DEGRADED):
        names = [m.service.name for m in others if m.status is status and not is_tolerated(m)]
        remarks += [f"{_names(names)} {status}"] if names else []
    planned = [m.service.name for m in others if m.maintenance is not None]
    remarks += [f"{_names(planned)} in maintenance"] if planned else []
    tolerated = [m.service.name for m in others if is_tolerated(m) and m.maintenance is None]
    remarks += [f"{_names(tolerated)} tolerated"] if tolerated else []
    return ", ".join(remarks)


def _names(names: list[str], most: int = 3) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
