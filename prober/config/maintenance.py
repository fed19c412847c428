"""Compile maintenance windows, or report what does not hold between them and the services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from prober.config.nodes import Loc, Mapping, Node, at, problem, subject
from prober.config.windows import Maintenance
from prober.errors import Problem
from prober.maintenance import Once, Recurring, Window
from prober.model import Service

KEY = "maintenance"
WILD = frozenset("*?[")
ALL = ("*",)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Written:
    """One window as it is written: its values, and its node."""

    loc: Loc
    node: Node
    values: Maintenance

    def problem(self, loc: Loc, message: str) -> Problem:
        """A problem of what stands at `loc` in it."""
        return problem(at(self.node, loc), (*self.loc, *loc), message)

    def said(self, *loc: str | int) -> str:
        """What the file says there."""
        return subject(at(self.node, loc))


def written(root: Mapping, found: Sequence[Maintenance]) -> list[Written]:
    """The windows, which are right by themselves, with where they stand."""
    return [
        Written((KEY, i), at(root, (KEY, i)), values)  # without an index where one needs no list
        for i, values in enumerate(found)
    ]


def check(windows: Sequence[Written], services: Sequence[Service]) -> Iterator[Problem]:
    """All that does not hold."""
    known = {
        "services": {service.name for service in services},
        "groups": {service.group for service in services if service.group is not None},
        "tags": {tag for service in services for tag in service.tags},
    }
    yield from _duplicates(windows)
    for window in windows:
        yield from _when(window)
        for key, names in known.items():
            yield from _strangers(window, key, names)


def compile_(values: Maintenance, services: Sequence[Service]) -> Window:
    """The window that is written; groups and tags become the names of their services."""
    groups, tags = set(values.groups), set(values.tags)
    members = {s.name for s in services if s.group in groups or tags.intersection(s.tags)}
    chosen = values.services or (() if groups or tags else ALL)
    return Window(values.name, frozenset({*members, *chosen}), _globs(chosen), _times(values))


def _times(values: Maintenance) -> Once | Recurring:
    if values.schedule is not None and values.duration is not None:
        return Recurring(values.schedule, values.timezone, round(values.duration * 1000))
    return Once(*(_epoch_ms(at, values.timezone) for at in (values.start, values.end) if at))


def _globs(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if WILD.intersection(name))


def _epoch_ms(at: datetime, timezone: str) -> int:
    aware = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))
    return (aware - _EPOCH) // _MILLISECOND


def _duplicates(windows: Sequence[Written]) -> Iterator[Problem]:
    """A name names one window."""
    first: dict[str, Written] = {}
    for window in windows:
        there = first.setdefault(window.values.name, window)
        if there is not window:
            place = at(there.node, ("name",)).place
            message = f"{window.said('name')} is already the window in {place}; rename one"
            yield window.problem(("name",), message)


def _when(window: Written) -> Iterator[Problem]:
    """A window says when it is in one of two ways, whole."""
    values = window.values
    once = {"from": values.start, "to": values.end}
    again = {"schedule": values.schedule, "duration": values.duration}
    keys = [key for key, value in (once | again).items() if value is not None]
    if len(keys) == 2 and (keys == [*once] or keys == [*again]):
        yield from _backwards(window)
        return
    said = f"says {' and '.join(keys)}" if keys else "does not say when it is"
    yield window.problem((), f"the window {said}; write schedule and duration, or from and to")


def _backwards(window: Written) -> Iterator[Problem]:
    when = _times(window.values)
    if isinstance(when, Once) and when.end <= when.start:
        message = f"{window.said('to')} is not after from, {window.said('from')}; write a later one"
        yield window.problem(("to",), message)


def _strangers(window: Written, key: str, known: Set[str]) -> Iterator[Problem]:
    """What it is for is there: a slip of the pen would leave a service without its window."""
    for i, name in enumerate(getattr(window.values, key)):
        glob = key == "services" and WILD.intersection(name)
        if name in known or (glob and any(fnmatchcase(one, name) for one in known)):
            continue
        close = get_close_matches(name, known, n=1)
        remedy = f"did you mean {close[0]!r}?" if close else "write one of theirs"
        message = f"{window.said(key, i)} is none of the fleet's {key}; {remedy}"
        yield window.problem((key, i), message)
