"""Write observations to the database: results and transitions, in one transaction a batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter, itemgetter
from typing import TypeVar

from sqlalchemy import Connection

from prober.model import Observation, Result, Transition
from prober.storage import tables
from prober.storage.codes import OUTCOMES, PHASES, REASONS
from prober.storage.identities import Identities
from prober.storage.migrate import upgrade
from prober.storage.partitions import Days
from prober.storage.segment import HOUR_MS
from prober.storage.session import Session
from prober.storage.tolerant import Insert, Notes, Row, prepare

T = TypeVar("T")
Told = TypeVar("Told", Result, Transition)
Ids = Mapping[str | None, int | None]
BUCKET = itemgetter(0)  # of a row of `results`

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

SERVICE, ENDPOINT, SNIPPET = map(attrgetter, ("service", "endpoint_ok", "snippet"))
CHECKED_AT = attrgetter("checked_at")
STORED = attrgetter(
    "service",
    "checked_at",
    "outcome",
    "http_code",
    "latency_ms",
    "endpoint_ok",
    "snippet",
    "reason",
    "phase",
    "stalled",
)
"""What is stored of a `Result`."""


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

    def _renamed(self, told: Sequence[Told]) -> Sequence[Told]:
        if not self.names:
            return told
        return [t._replace(service=self.names.get(t.service, t.service)) for t in told]

    def _renew(self, results: Sequence[Result]) -> None:
        """Texts are used now, and by results of hours that a clock ahead has given them."""
        newest = max(map(CHECKED_AT, results), default=0)
        hour = max(newest, round(self._clock() * 1000)) // HOUR_MS
        self._endpoints.renew(hour)
        self._snippets.renew(hour)

    def put(self, observations: Sequence[Observation], connection: Connection) -> None:
        """Insert the batch in a transaction that `run` has begun."""
        inserts = self._inserts = self._inserts or self._prepare(connection)
        results = self._renamed([o.result for o in observations if o.result is not None])
        transitions = self._renamed(
            [o.transition for o in observations if o.transition is not None]
        )
        names: set[str | None] = {*map(SERVICE, results), *map(SERVICE, transitions)}
        seen = min((o.at for o in observations), default=0)
        services = self._services.resolve(connection, inserts["services"], names, (seen,))
        self._renew(results)
        endpoints = self._endpoints.resolve(
            connection, inserts["endpoints"], set(map(ENDPOINT, results))
        )
        snippets = self._snippets.resolve(
            connection, inserts["snippets"], set(map(SNIPPET, results))
        )
        rows = _results(results, services, endpoints, snippets)
        self._days.cover(connection, map(BUCKET, rows))
        inserts["results"].run(connection, rows)
        inserts["transitions"].run(connection, _transitions(transitions, services))


def _results(results: Sequence[Result], services: Ids, endpoints: Ids, snippets: Ids) -> list[Row]:
    if not results:
        return []
    # A column at a time, by what is written in C: half of what a row at a time costs.
    (names, times, outcomes, codes, latencies, found, texts, reasons, phases, stalled) = zip(
        *map(STORED, results), strict=True
    )
    columns: tuple[Iterable[object], ...] = (
        [at // tables.BUCKET_MS for at in times],
        map(services.__getitem__, names),
        times,
        map(OUTCOMES.__getitem__, outcomes),
        codes,
        [None if ms is None else round(ms * 1000) for ms in latencies],
        map(endpoints.__getitem__, found),
        map(snippets.__getitem__, texts),
        map(REASONS.__getitem__, reasons),
        map(PHASES.__getitem__, phases),
        [1 if one else None for one in stalled],
    )
    return list(zip(*columns, strict=True))


def _transitions(transitions: Sequence[Transition], services: Ids) -> list[Row]:
    return [(services[t.service], t.at, t.old, t.new, t.reason) for t in transitions]
