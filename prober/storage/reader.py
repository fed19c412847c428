"""Read history: on connections of its own, which can't write and hold up no writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, and_, func, select

from prober.errors import StoreError
from prober.model import Reason, Result, Status, Transition
from prober.storage.codes import OUTCOME_OF, PHASE_OF, REASON_OF
from prober.storage.database import (
    Access,
    file_identity,
    open_engine,
    place,
    sqlite_file,
)
from prober.storage.failures import explaining
from prober.storage.tables import BUCKET_MS, endpoints, results, services, snippets, transitions

NEVER = 2**31 - 1  # a bucket that no time reaches

IDS_A_QUERY = 10_000
DAY = 24 * 3_600_000 // BUCKET_MS  # buckets: the most that one query looks at

RESULT = (
    select(
        services.c.name,
        results.c.checked_at,
        results.c.outcome,
        results.c.http_code,
        results.c.latency_us,
        endpoints.c.path,
        snippets.c.text,
        results.c.reason,
        results.c.phase,
        results.c.stalled,
    )
    .select_from(results)
    .join(services, services.c.id == results.c.service_id)
    .outerjoin(endpoints, endpoints.c.id == results.c.endpoint_id)
    .outerjoin(snippets, snippets.c.id == results.c.snippet_id)
)

TRANSITION = select(
    services.c.name, transitions.c.at, transitions.c.old, transitions.c.new, transitions.c.reason
).join(services, services.c.id == transitions.c.service_id)


class Reader:
    """Reads one database; may be used from several threads.

    A database that isn't there is not created: reading it raises `StoreError`. Services without
    history, or unknown ones, have none: their results are empty and they are missing in mappings.
    Times are epoch milliseconds, `since` inclusive and `until` exclusive.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = open_engine(url, Access.READ)
        self._file = file_identity(url)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def names(self) -> list[str]:
        """The names of all services that history knows, sorted."""
        with self._connected() as connection:
            return list(
                connection.execute(select(services.c.name).order_by(services.c.name)).scalars()
            )

    def results(
        self,
        name: str,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Result]:
        """Stream the results of a service, at most `limit`, a bounded query at a time."""
        return islice(self._results(name, since_ms, until_ms, newest_first), limit)

    def latest(
        self,
        names: Sequence[str] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> dict[str, Result]:
        """The last result of each of the services (of all, for None) by name, in a span of time."""
        found: dict[str, Result] = {}
        with self._connected() as connection:
            ids = _ids(connection)
            wanted = ids if names is None else {n: ids[n] for n in names if n in ids}
            for share in _shares(wanted):
                found |= _latest(connection, share, since_ms, until_ms)
        return found

    def transitions(
        self,
        name: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Transition]:
        """Changes of status of one service, or of all."""
        at = transitions.c.at
        query = TRANSITION.order_by(at.desc() if newest_first else at).limit(limit)
        query = query if name is None else query.where(services.c.name == name)
        query = query if since_ms is None else query.where(at >= since_ms)
        query = query if until_ms is None else query.where(at < until_ms)
        with self._connected() as connection:
            rows = connection.execute(query).all()
        return map(_transition, rows)

    def last_statuses(self, until_ms: int | None = None) -> dict[str, tuple[Status, int]]:
        """The last stored status of each service before a moment, and since when it has held."""

        # A look-up in the key for each service, where grouping would read all changes there are.
        def newest(of: ColumnElement[Any]) -> ScalarSelect[Any]:
            mine = select(of).where(transitions.c.service_id == services.c.id)
            mine = mine if until_ms is None else mine.where(transitions.c.at < until_ms)
            return mine.order_by(transitions.c.at.desc()).limit(1).scalar_subquery()

        query = select(services.c.name, newest(transitions.c.new), newest(transitions.c.at))
        with self._connected() as connection:
            rows = connection.execute(query).all()
        return {name: (Status(new), at) for name, new, at in rows if new is not None}

    def _results(
        self, name: str, since_ms: int | None, until_ms: int | None, newest_first: bool
    ) -> Iterator[Result]:
        with self._connected() as connection:
            ids = list(_ids(connection, name).values())
        walk = Walk(newest_first, since_ms, until_ms)
        while ids:
            with self._connected() as connection:
                window = walk.step(connection)
                if window is None:
                    return
                query = _between(_in_window(window, ids, newest_first), since_ms, until_ms)
                rows = connection.execute(query).all()
            yield from map(_result, rows)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        file = file_identity(self._url)
        if file is None and sqlite_file(self._url):
            raise StoreError(
                f"there is no history at {place(self._url)}; start the daemon with `prober run`"
            )
        if file != self._file:  # it was swapped: the connections still lead to the old one
            self._engine.dispose()
            self._file = file
        with explaining(self._url), self._engine.connect() as connection:
            yield connection


def _ids(connection: Connection, name: str | None = None) -> dict[str, int]:
    query = select(services.c.name, services.c.id)
    query = query if name is None else query.where(services.c.name == name)
    return dict(connection.execute(query).all())


def _shares(ids: dict[str, int]) -> Iterator[dict[str, int]]:
    """The ids in shares that one query can name: SQLite takes 32,766 values."""
    entries = iter(ids.items())
    while share := dict(islice(entries, IDS_A_QUERY)):
        yield share


def _latest(
    connection: Connection, missing: dict[str, int], since_ms: int | None, until_ms: int | None
) -> dict[str, Result]:
    found: dict[str, Result] = {}
    walk = Walk(True, since_ms, until_ms)
    while missing and (window := walk.step(connection)):
        rows = connection.execute(_last(window, list(missing.values()), since_ms, until_ms))
        found |= {result.service: result for result in map(_result, rows)}
        missing = {name: id for name, id in missing.items() if name not in found}
    return found


class Walk:
    """The way through the buckets, in windows that grow up to a day and pass over empty time."""

    def __init__(
        self, newest_first: bool, since_ms: int | None = None, until_ms: int | None = None
    ) -> None:
        self._low = 0 if since_ms is None else since_ms // BUCKET_MS
        self._high = NEVER if until_ms is None else (until_ms - 1) // BUCKET_MS
        self._newest_first = newest_first
        self._width = 1

    def step(self, connection: Connection) -> range | None:
        """The buckets to read next, or None at the end."""
        nearest = func.max if self._newest_first else func.min
        bucket = results.c.bucket
        query = select(nearest(bucket)).where(bucket.between(self._low, self._high))
        at = connection.execute(query).scalar_one()
        if at is None:
            return None
        if self._newest_first:
            window = range(max(self._low, at - self._width + 1), at + 1)
            self._high = window.start - 1
        else:
            window = range(at, min(self._high, at + self._width - 1) + 1)
            self._low = window.stop
        self._width = min(2 * self._width, DAY)
        return window


def _in_window(window: range, ids: Sequence[int], newest_first: bool) -> Select[Any]:
    # Every bucket by its number: a range would make the database read all services in it.
    at = results.c.checked_at
    query = RESULT.where(results.c.bucket.in_(window), results.c.service_id.in_(ids))
    return query.order_by(at.desc() if newest_first else at)


def _between(query: Select[Any], since_ms: int | None, until_ms: int | None) -> Select[Any]:
    at = results.c.checked_at
    query = query if since_ms is None else query.where(at >= since_ms)
    return query if until_ms is None else query.where(at < until_ms)


def _last(
    window: range, ids: Sequence[int], since_ms: int | None, until_ms: int | None
) -> Select[Any]:
    newest = select(results.c.service_id, func.max(results.c.checked_at).label("at"))
    mine = newest.where(results.c.bucket.in_(window), results.c.service_id.in_(ids))
    ends = _between(mine, since_ms, until_ms).group_by(results.c.service_id).subquery()
    return RESULT.join(
        ends,
        and_(
            results.c.bucket == ends.c.at // BUCKET_MS,
            results.c.service_id == ends.c.service_id,
            results.c.checked_at == ends.c.at,
        ),
    )


def _result(row: Sequence[Any]) -> Result:
    name, at, outcome, code, latency_us, endpoint, snippet, reason, phase, stalled = row
    return Result(
        name,
        at,
        OUTCOME_OF[outcome],
        code,
        None if latency_us is None else latency_us / 1000,
        endpoint,
        snippet,
        REASON_OF[reason],
        PHASE_OF[phase],
        stalled=bool(stalled),
    )


def _transition(row: Sequence[Any]) -> Transition:
    name, at, old, new, reason = row
    return Transition(
        name, at, Status(old), Status(new), None if reason is None else Reason(reason)
    )
