"""Keep the current state of each service in a table of the fleet's, whatever shape that has.

The table may belong to another program: rows keep their id, and only the columns named here are
written. Of those that say where a service is, only the port is written to rows that are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    column,
    func,
    insert,
    select,
    table,
    update,
)
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.sql.elements import ColumnClause

from prober.model import Observation, Outcome, Result, Service
from prober.storage.fetching import shares
from prober.storage.session import Session
from prober.storage.tolerant import (
    Notes,
    reflect,
    require_columns,
    require_fillable,
    unfillable,
)

Values = dict[str, Any]

KEY = "service_name"
STATE = ("status", "port")
MEASURED = (
    "http_code",
    "latency_ms",
    "endpoint_ok",
    "snippet",
    "last_check",
    "checked_at",
)
PLACE = ("host", "health_url", "created_at")
WANTED = (KEY, *STATE, *MEASURED, *PLACE)


class RuntimeTable:
    """Writes the latest observation of each service; used from one thread at a time."""

    def __init__(self, url: str, name: str, services: Mapping[str, Service]) -> None:
        self._url = url
        self._name = name
        self._services = services
        self._notes = Notes()
        self._found: dict[str, ReflectedColumn] = {}
        self._renamed = False
        self._session = Session(url, self._forget)

    def retarget(self, services: Mapping[str, Service]) -> None:
        """Take over the services of a reloaded configuration."""
        self._services = services
        self._renamed = False

    def write(self, latest: Mapping[str, Observation]) -> None:
        """Commit observations by service name, in one transaction.

        Raises what `failures.explain` makes of a failure, and `StoreUnfit` where the table is
        missing, or a new row needs a column that prober can't fill.
        """
        self._session.run(partial(self._write, latest))

    def close(self) -> None:
        """Let go of the connection; the next write opens it anew."""
        self._session.close()

    def _forget(self) -> None:
        self._found = {}
        self._renamed = False

    def _write(self, latest: Mapping[str, Observation], connection: Connection) -> None:
        self._found = self._found or self._reflect(connection)
        if not self._renamed:
            self._rename(connection)
        there = self._there(connection, latest)
        # Updates first and inserts after, rather than ON CONFLICT: that needs a unique key, and
        # on PostgreSQL it would use up a number of the id's sequence with every probe.
        known = [o for o in latest.values() if o.service in there]
        self._update(connection, (*STATE, *MEASURED), [o for o in known if o.result])
        self._update(connection, STATE, [o for o in known if not o.result])
        self._insert(connection, [o for o in latest.values() if o.service not in there])

    def _reflect(self, connection: Connection) -> dict[str, ReflectedColumn]:
        found = reflect(connection, self._name)
        require_columns(self._name, {KEY, "status"} - found.keys())
        self._notes.missing(self._name, [name for name in WANTED if name not in found])
        return found

    def _rename(self, connection: Connection) -> None:
        """Let rows of services that were renamed keep their id, unless there is one already."""
        renames = {s.was: s.name for s in self._services.values() if s.was is not None}
        there = self._there(connection, {*renames, *renames.values()})
        key: ColumnClause[str] = column(KEY)
        target = table(self._name, key)
        for was, name in renames.items():
            if was in there and name not in there:
                connection.execute(update(target).where(key == was).values({KEY: name}))
        self._renamed = True

    def _there(self, connection: Connection, names: Iterable[str]) -> set[str]:
        key: ColumnClause[str] = column(KEY)
        query = select(key).select_from(table(self._name, key))
        there = set[str]()
        for share in shares(names):
            there.update(connection.execute(query.where(key.in_(share))).scalars())
        return there

    def _update(
        self, connection: Connection, wanted: Sequence[str], latest: Sequence[Observation]
    ) -> None:
        kept = [name for name in wanted if name in self._found]
        target = table(self._name, column(KEY), *map(column, kept))
        values: Values = {name: bindparam(name) for name in kept}
        if "port" in kept:  # not known of a service that a reload took away
            values["port"] = func.coalesce(bindparam("port"), target.c.port)
        change = update(target).where(target.c[KEY] == bindparam("key")).values(values)
        if latest:
            connection.execute(
                change, [{"key": o.service, **self._fit(kept, self._state(o))} for o in latest]
            )

    def _insert(self, connection: Connection, latest: Sequence[Observation]) -> None:
        new = [o for o in latest if o.service in self._services]  # else a reload took it away
        if not new:
            return
        require_fillable(self._name, unfillable(self._found, WANTED))
        kept = [name for name in WANTED if name in self._found]
        target = table(self._name, *map(column, kept))
        rows = [_place(self._services[o.service], o) | self._state(o) for o in new]
        connection.execute(insert(target), [self._fit(kept, row) for row in rows])

    def _state(self, observation: Observation) -> Values:
        service = self._services.get(observation.service)
        return {"port": service and service.port, **_state(observation)}

    def _fit(self, kept: Iterable[str], row: Values) -> Values:
        return {name: _cut(row[name], self._found[name]) for name in kept}


def _place(service: Service, observation: Observation) -> Values:
    return {
        KEY: observation.service,
        "host": service.host,
        "health_url": service.url + service.endpoints[0],
        "created_at": _stamp(observation.at),
    }


def _state(observation: Observation) -> Values:
    """What the observation says of its service; a service that was never probed has no times."""
    result = observation.result or Result(observation.service, observation.at, Outcome.FAULT)
    at = _stamp(result.checked_at) if observation.result else None
    return {
        "status": observation.status.value,
        "http_code": result.http_code,
        "latency_ms": None if result.latency_ms is None else round(result.latency_ms),
        "endpoint_ok": result.endpoint_ok,
        "snippet": result.snippet,
        "last_check": at,
        "checked_at": at,
    }


def _stamp(ms: int) -> str:
    """UTC as "YYYY-MM-DD HH:MM:SS.ffffff", which SQLite's readers and PostgreSQL both take."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"


def _cut(value: object, found: ReflectedColumn) -> object:
    """A text no longer than its column: PostgreSQL refuses one that is."""
    length = getattr(found["type"], "length", None)
    return value[:length] if isinstance(value, str) and length else value
