"""Read history: on connections of its own, which can't write and hold up no writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, select

from prober.errors import StoreError, StoreUnfit
from prober.model import Reason, Result, Status, Transition
from prober.rollups import Cell
from prober.storage import archive, cells, daily
from prober.storage.cells import Span
from prober.storage.daily import Days
from prober.storage.database import (
    Access,
    file_identity,
    open_engine,
    place,
    sqlite_file,
)
from prober.storage.failures import explaining
from prober.storage.fetching import fetch, shares
from prober.storage.segment import fold
from prober.storage.tables import BUCKET_MS, services, transitions
from prober.storage.texts import Texts
from prober.storage.waiting import Waiting, both
from prober.storage.walk import LATEST, Walk

NOBODY = 0  # an id that no service has

TRANSITION = select(
    services.c.name, transitions.c.at, transitions.c.old, transitions.c.new, transitions.c.reason
).join(services, services.c.id == transitions.c.service_id)

IDS = select(services.c.name, services.c.id)
ID = IDS.where(services.c.name == bindparam("name"))


class Reader:
    """Reads one database; may be used from several threads.

    A database that isn't there is not created: reading it raises `StoreError`. Services without
    history, or unknown ones, have none: their results are empty and they are missing in mappings.
    Times are epoch milliseconds, `since` inclusive and `until` exclusive. What waits in the spool's
    folder for the database belongs to history, too, but for `days`.
    """

    def __init__(self, url: str, spool: Path | None = None) -> None:
        self._url = url
        self._waiting = Waiting(spool)
        self._engine = open_engine(url, Access.READ)
        self._file = file_identity(url)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()

    def names(self) -> list[str]:
        """The names of all services that history knows, sorted."""
        waiting = {result.service for result in self._waiting.results(None, 0, LATEST)}
        with self._connected() as connection:
            return sorted(waiting | _ids(connection).keys())

    def results(
        self,
        name: str,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Result]:
        """Stream the results of a service, at most `limit`, a bounded query at a time."""
        found = self._results(name, since_ms, until_ms, newest_first)
        return islice(chain.from_iterable(found), limit)

    def count(
        self,
        names: Sequence[str] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> int:
        """How many results of the services (of all, for None) a span has, to the full hours."""
        span = _span(since_ms, until_ms)
        waiting = len(self._waiting.results(names, *span))
        with self._connected() as connection:
            ids = _ids(connection)
            wanted = None if names is None else [ids[name] for name in names if name in ids]
            return waiting + archive.count(connection, wanted, *span)

    def latest(
        self,
        names: Sequence[str] | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> dict[str, Result]:
        """The last result of each of the services (of all, for None) by name, in a span of time."""
        span = _span(since_ms, until_ms)
        waiting = {result.service: result for result in self._waiting.results(names, *span)}
        found: dict[str, Result] = {}
        with self._connected() as connection:
            ids = _ids(connection)
            wanted = ids if names is None else {n: ids[n] for n in names if n in ids}
            for share in map(dict, shares(wanted.items())):
                found |= _latest(connection, share, *span)
        for name, result in waiting.items():
            if name not in found or found[name].checked_at < result.checked_at:
                found[name] = result
        return found

    def cells(self, name: str, spans: Sequence[Span], known_until: int) -> list[Cell]:
        """What a service did in each of the spans, which follow each other; empty for unknown ones.

        After `known_until` (ms) its status is UNKNOWN, whatever it was last.
        """
        if not spans:
            return []
        told = self._waiting.told(name, spans[-1].end)
        with self._connected() as connection:
            id_ = _ids(connection, name).get(name)
            if id_ is None and not told.rows:
                return []
            return cells.over(connection, id_ or NOBODY, spans, known_until, told)

    def days(self, first: int, count: int) -> dict[str, Days]:
        """The uptime of all services on `count` days from `first` on: see `daily.uptimes`."""
        with self._connected() as connection:
            return daily.uptimes(connection, first, count)

    def transitions(
        self,
        name: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int | None = None,
        newest_first: bool = True,
    ) -> Iterator[Transition]:
        """Changes of status of one service, or of all."""
        waiting = self._waiting.transitions(name, *_span(since_ms, until_ms))
        at = transitions.c.at
        query = TRANSITION.order_by(at.desc() if newest_first else at).limit(limit)
        query = query if name is None else query.where(services.c.name == name)
        query = query if since_ms is None else query.where(at >= since_ms)
        query = query if until_ms is None else query.where(at < until_ms)
        with self._connected() as connection:
            found = list(map(_transition, fetch(connection, query)))
        if waiting:
            once = {(change.service, change.at): change for change in (*waiting, *found)}
            found = sorted(once.values(), key=attrgetter("at"), reverse=newest_first)
        return iter(found[:limit])

    def last_statuses(self, until_ms: int | None = None) -> dict[str, tuple[Status, int]]:
        """The last stored status of each service before a moment, and since when it has held."""

        # A look-up in the key for each service, where grouping would read all changes there are.
        def newest(of: ColumnElement[Any]) -> ScalarSelect[Any]:
            mine = select(of).where(transitions.c.service_id == services.c.id)
            mine = mine if until_ms is None else mine.where(transitions.c.at < until_ms)
            return mine.order_by(transitions.c.at.desc()).limit(1).scalar_subquery()

        query = select(services.c.name, newest(transitions.c.new), newest(transitions.c.at))
        waiting = self._waiting.transitions(None, *_span(None, until_ms))
        with self._connected() as connection:
            rows = fetch(connection, query)
        found = {name: (Status(new), at) for name, new, at in rows if new is not None}
        for change in waiting:
            if change.service not in found or found[change.service][1] < change.at:
                found[change.service] = (change.new, change.at)
        return found

    def _results(
        self, name: str, since_ms: int | None, until_ms: int | None, newest_first: bool
    ) -> Iterator[Iterable[Result]]:
        span = _span(since_ms, until_ms)
        waiting = self._waiting.results([name], *span)
        stored = self._stored(name, Walk(newest_first, since_ms, until_ms), span, newest_first)
        if waiting:
            yield both(chain.from_iterable(stored), waiting, newest_first)
        else:
            yield from stored

    def _stored(
        self, name: str, walk: Walk, span: tuple[int, int], newest_first: bool
    ) -> Iterator[Iterable[Result]]:
        id_: int | None = None
        texts = Texts()
        while True:
            with self._connected() as connection:
                id_ = _ids(connection, name).get(name) if id_ is None else id_
                window = walk.step(connection)
                if id_ is None or window is None:
                    return
                first = max(span[0], window.start * BUCKET_MS)
                end = min(span[1], window.stop * BUCKET_MS)
                found = archive.pieces(connection, id_, first, end)
                texts.learn(connection, chain.from_iterable(piece.kinds for piece in found))
            for piece in reversed(found) if newest_first else found:
                told = texts.results(repeat(name), piece)
                yield reversed(told) if newest_first else told

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
        try:
            with explaining(self._url), self._engine.connect() as connection:
                yield connection
        except StoreUnfit:  # the tables have changed: a new connection sees how they are
            self._engine.dispose()
            raise


def _ids(connection: Connection, name: str | None = None) -> dict[str, int]:
    return dict(fetch(connection, IDS if name is None else ID, {"name": name}))


def _span(since_ms: int | None, until_ms: int | None) -> tuple[int, int]:
    return 0 if since_ms is None else since_ms, LATEST if until_ms is None else until_ms


def _latest(
    connection: Connection, ids: dict[str, int], since_ms: int, until_ms: int
) -> dict[str, Result]:
    found = archive.last(connection, list(ids.values()), since_ms, until_ms)
    names = [name for name, service_id in ids.items() if service_id in found]
    folded = fold([found[ids[name]] for name in names])
    texts = Texts()
    texts.learn(connection, folded.kinds)
    return dict(zip(names, texts.results(names, folded), strict=True))


def _transition(row: Sequence[Any]) -> Transition:
    name, at, old, new, reason = row
    return Transition(
        name, at, Status(old), Status(new), None if reason is None else Reason(reason)
    )
