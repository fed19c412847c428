"""Maintenance windows: when planned work may leave services unwell, in the past and to come.

Times are epoch milliseconds. A window that recurs begins by the wall clock of its time zone: where
the clock is put forward over its beginning, it begins right after; where the clock is put back, it
begins once. Its duration is elapsed time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

Time = tuple[int, int]
"""From a moment until another one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Once:
    """One time."""

    start: int
    end: int

    def times(self, since: int, until: int) -> Iterator[Time]:
        """The times that reach into the span from `since` until `until`, whole, in order."""
        if self.start < until and self.end > since:
            yield self.start, self.end


@dataclass(frozen=True, slots=True)
class Recurring:
    """Times that begin by a schedule, as crontab has it, in a time zone."""

    schedule: str
    timezone: str
    duration_ms: int

    def times(self, since: int, until: int) -> Iterator[Time]:
        """The times that reach into the span from `since` until `until`, whole, in order."""
        first = since - self.duration_ms
        for month in range(_month(max(first, 0)), _month(until) + 1):
            for start in _starts(self.schedule, self.timezone, month):
                if first < start < until:
                    yield start, start + self.duration_ms


@dataclass(frozen=True, slots=True)
class Window:
    """What is called `name`, of the services `names` and of all whose names match `globs`."""

    name: str
    names: frozenset[str]
    globs: tuple[str, ...]
    when: Once | Recurring

    def covers(self, service: str) -> bool:
        """Whether it is a window of this service."""
        return service in self.names or any(fnmatchcase(service, glob) for glob in self.globs)


Windows = Sequence[Window]


def times(windows: Windows, service: str, since: int, until: int) -> list[Time]:
    """When a service is in maintenance from `since` until `until`, in order.

    Windows that overlap or follow each other are one time.
    """
    if since >= until:
        return []
    mine = [window.when for window in windows if window.covers(service)]
    found = sorted(time for when in mine for time in when.times(since, until))
    joined: list[Time] = []
    for start, end in ((max(start, since), min(end, until)) for start, end in found):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def open_at(windows: Windows, at: int) -> tuple[Window, ...]:
    """The windows that are open at a moment."""
    return tuple(window for window in windows if any(window.when.times(at, at + 1)))


def under(open_: Windows, services: Iterable[str]) -> dict[str, str]:
    """The services that windows which are open cover, each with the name of the first."""
    if not open_:
        return {}
    found = ((name, next((w.name for w in open_ if w.covers(name)), None)) for name in services)
    return {name: window for name, window in found if window is not None}


def schedule(text: str) -> str:
    """A schedule as `Recurring` takes it: five fields of crontab, of which the minute is a number.

    Raises ValueError with a message that follows the text in a sentence.
    """
    fields = text.split()
    if len(fields) != 5:
        raise ValueError("is not a schedule; write five fields as in crontab, like 0 3 * * sun")
    try:
        first = next(CronSim(" ".join(fields), _EPOCH), None)
    except CronSimError as error:
        fault = str(error).removeprefix("Bad ")
        raise ValueError(f"has no valid {fault}; write one like 0 3 * * sun") from None
    if first is None:
        raise ValueError("names a day that never comes; write one like 0 3 * * sun")
    if not fields[0].isdigit():
        raise ValueError("begins more than once an hour; write one minute, as in 0 3 * * sun")
    return " ".join(fields)


def _month(ms: int) -> int:
    """The calendar month of a moment, UTC, counted on from the year 0."""
    at = _EPOCH + ms * _MILLISECOND
    return at.year * 12 + at.month - 1


@lru_cache(maxsize=4096)
def _starts(schedule_: str, timezone: str, month: int) -> tuple[int, ...]:
    """When windows begin in a month; kept, since a fleet asks for the same one again and again."""
    first, end = (datetime(m // 12, m % 12 + 1, 1, tzinfo=UTC) for m in (month, month + 1))
    zone = ZoneInfo(timezone)
    coming = takewhile(lambda at: at < end, CronSim(schedule_, (first - _MINUTE).astimezone(zone)))
    return tuple((at.astimezone(UTC) - _EPOCH) // _MILLISECOND for at in coming)
