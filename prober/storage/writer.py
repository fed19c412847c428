"""Write observations to the database: results and transitions, in one transaction a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from prober.model import Observation, Result, Transition
from prober.storage import tables
from prober.storage.codes import OUTCOMES, PHASES, REASONS
from prober.storage.identities import Identities
from prober.storage.migrate import upgrade
from prober.storage.partitions import Days
from prober.storage.segment import HOUR_MS
from prober.storage.session import Session
from prober.storage.tolerant import Column, Insert, Notes, prepare

T = TypeVar("T")
Told = TypeVar("Told", Observation, Result, Transition)
Fields = Mapping[str, Sequence[Any]]
"""Values by field: those of many results, say, one after the other."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "services": ("name", "first_seen"),
    "endpoints": ("path", "used_hour"),
    "snippets": ("text", "used_hour"),
    "results": (
        "bucket",
        "service_id",
        "checked_at",
        "outcome",
        "http_code",
        "latency_us",
        "endpoint_id",
        "snippet_id",
        "reason",
        "phase",
        "stalled",
    ),
    "transitions": ("service_id", "at", "old", "new", "reason"),
}
"""What is written to each table, in the order of the rows' values."""

USUALLY_EMPTY = {"results": 3, "transitions": 1}
"""How many of these columns, from the last one on, are seldom filled."""


class Writer:
    """Writes batches; used from one thread at a time.

    The database is taken as it is (`migrate.ensure` comes first). Only a file that disappears while
    this writer lives, or is swapped, is migrated where `migrate` is true. `clock` gives seconds
    since the epoch.
    """

    def __init__(
        self, url: str, *, migrate: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        prepare_file = partial(upgrade, url) if migrate else None
        self._session = Session(url, self._forget, prepare_file, holds=self._holds)
        self.names: Mapping[str, str] = {}
        """New names by old ones: what still waits under an old one is written under the new."""
        self._clock = clock
        self._notes = Notes()
        self._schema: int | None = None
        self._inserts: dict[str, Insert] = {}
        self._days = Days()
        self._services = Identities(tables.services, "name")
        self._endpoints = Identities(tables.endpoints, "path")
        self._snippets = Identities(tables.snippets, "text")

    def write(self, observations: Sequence[Observation]) -> None:
        """Commit the batch's results and transitions; those that are there already stay as is.

        Raises what `failures.explain` makes of a failure, and then nothing is written.
        """
        self.run(partial(self.put, observations))

    def run(self, work: Callable[[Connection], T]) -> T:
        """Commit what `work` does, in which `put` may be called; raises as `write` does."""
        return self._session.run(work)

    def close(self) -> None:
        """Let go of the connection; the next write opens it anew."""
        self._session.close()

    def _holds(self, connection: Connection) -> bool:
        """Whether an SQLite file that others write to has still the tables and ids that it had."""
        schema = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
        same, self._schema = schema == self._schema, schema
        every = (self._services, self._endpoints, self._snippets)
        return same and all(identities.hold(connection) for identities in every)

    def _forget(self) -> None:
        """The ids of what was rolled back, or lies in another file, must not be remembered."""
        self._inserts = {}
        self._days.forget()
        for identities in (self._services, self._endpoints, self._snippets):
            identities.forget()

    def _prepare(self, connection: Connection) -> dict[str, Insert]:
        return {
            name: prepare(
                connection,
                tables.metadata.tables[name],
                columns,
                self._notes,
                usually_empty=USUALLY_EMPTY.get(name, 0),
            )
            for name, columns in COLUMNS.items()
        }

    def _renamed(self, services: Sequence[str]) -> Sequence[str]:
        return [self.names.get(name, name) for name in services] if self.names else services

    def _renew(self, times: Iterable[int]) -> None:
        """Texts are used now, and by results of hours that a clock ahead has given them."""
        hour = max(round(self._clock() * 1000), max(times, default=0)) // HOUR_MS
        self._endpoints.renew(hour)
        self._snippets.renew(hour)

    def put(self, observations: Sequence[Observation], connection: Connection) -> None:
        """Insert the batch in a transaction that `run` has begun."""
        inserts = self._inserts = self._inserts or self._prepare(connection)
        told = _fields(Observation, observations)
        results = _fields(Result, list(filter(None, told["result"])))
        transitions = _fields(Transition, list(filter(None, told["transition"])))
        names = self._renamed([*results["service"], *transitions["service"]])
        seen = min(told["at"], default=0)
        services = self._services.resolve(connection, inserts["services"], names, (seen,))
        self._renew(results["checked_at"])
        endpoints = self._endpoints.resolve(
            connection, inserts["endpoints"], results["endpoint_ok"]
        )
        snippets = self._snippets.resolve(connection, inserts["snippets"], results["snippet"])
        count = len(snippets)
        columns = _results(results, services[:count], endpoints, snippets)
        self._days.cover(connection, results["checked_at"])
        inserts["results"].run_columns(connection, columns)
        inserts["transitions"].run_columns(connection, _transitions(transitions, services[count:]))


def _fields(kind: type[Told], told: Sequence[Told]) -> Fields:
    if not told:
        return dict.fromkeys(kind._fields, ())
    # All of this is written in C: a third of what it costs to ask each one for its fields.
    return dict(zip(kind._fields, zip(*told, strict=True), strict=True))


def _results(
    results: Fields, services: Column, endpoints: Column, snippets: Column
) -> list[Column]:
    return [
        [at // tables.BUCKET_MS for at in results["checked_at"]],
        services,
        results["checked_at"],
        [OUTCOMES[outcome] for outcome in results["outcome"]],
        results["http_code"],
        # What `round` calls, after a search for it that takes twice as long.
        [None if ms is None else (ms * 1000).__round__() for ms in results["latency_ms"]],
        endpoints,
        snippets,
        [REASONS[reason] for reason in results["reason"]],
        [PHASES[phase] for phase in results["phase"]],
        [1 if stalled else None for stalled in results["stalled"]],
    ]


def _transitions(transitions: Fields, services: Column) -> list[Column]:
    return [services, *(transitions[field] for field in ("at", "old", "new", "reason"))]
