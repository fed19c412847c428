"""The way through history: windows of buckets that grow, and that pass over empty time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Select, bindparam, func, select

from prober.storage.fetching import fetch
from prober.storage.segment import HOUR_MS
from prober.storage.tables import BUCKET_MS, results, segments

BUCKETS_AN_HOUR = HOUR_MS // BUCKET_MS
NEVER = 2**31 - 1  # a bucket that no time reaches
LATEST = NEVER * BUCKET_MS  # epoch milliseconds
DAY = 24 * BUCKETS_AN_HOUR  # the most that one query looks at


class Walk:
    """The way through the buckets, in windows that grow up to a day and pass over empty time."""

    def __init__(
        self,
        newest_first: bool,
        since_ms: int | None = None,
        until_ms: int | None = None,
        *,
        only_hot: bool = False,
    ) -> None:
        self._only_hot = only_hot
        self._low = 0 if since_ms is None else since_ms // BUCKET_MS
        self._high = NEVER if until_ms is None else (until_ms - 1) // BUCKET_MS
        self._newest_first = newest_first
        # Whoever asks for a span wants all of it; else a few of the newest or oldest may do.
        self._width = DAY if since_ms is not None and not only_hot else 1

    def step(self, connection: Connection) -> range | None:
        """The buckets to read next, or None at the end."""
        nearest = self._nearest(connection) if self._low <= self._high else None
        if nearest is None:
            return None
        # To the end of an hour, whose segment would else be unpacked for each window.
        whole = 1 if self._only_hot else BUCKETS_AN_HOUR
        if self._newest_first:
            first = (nearest - self._width + 1) // whole * whole
            window = range(max(self._low, first), nearest + 1)
            self._high = window.start - 1
        else:
            last = (nearest + self._width - 1) // whole
            window = range(nearest, min(self._high + 1, (last + 1) * whole))
            self._low = window.stop
        self._width = min(2 * self._width, DAY)
        return window

    def _nearest(self, connection: Connection) -> int | None:
        """The bucket in which the next row may be, by where there is any row at all."""
        found = [
            bucket
            for bucket in (self._nearest_hot(connection), self._nearest_archived(connection))
            if bucket is not None
        ]
        if not found:
            return None
        return max(found) if self._newest_first else min(found)

    def _nearest_hot(self, connection: Connection) -> int | None:
        return self._end(connection, ENDS_HOT, range(self._low, self._high + 1))

    def _nearest_archived(self, connection: Connection) -> int | None:
        if self._only_hot:
            return None
        between = range(self._low // BUCKETS_AN_HOUR, self._high // BUCKETS_AN_HOUR + 1)
        hour = self._end(connection, ENDS_ARCHIVED, between)
        if hour is None:
            return None
        first = hour * BUCKETS_AN_HOUR
        if self._newest_first:
            return min(first + BUCKETS_AN_HOUR - 1, self._high)
        return max(first, self._low)

    def _end(self, connection: Connection, queries: Ends, among: range) -> int | None:
        limits = {"first": among.start, "last": among.stop - 1}
        found: int | None = fetch(connection, queries[self._newest_first], limits)[0][0]
        return found


Ends = dict[bool, Select[Any]]


def _ends(of: Column[int]) -> Ends:
    """The queries for the last one and the first one within limits."""
    within = of.between(bindparam("first"), bindparam("last"))
    return {True: select(func.max(of)).where(within), False: select(func.min(of)).where(within)}


# Made once: putting a statement together costs more than running it.
ENDS_HOT = _ends(results.c.bucket)
ENDS_ARCHIVED = _ends(segments.c.hour)
