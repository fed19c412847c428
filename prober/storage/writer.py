"""Write observations to the database: results and transitions, in one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Connection

from prober.model import Observation, Result, Transition
from prober.storage import tables
from prober.storage.codes import OUTCOMES, PHASES, REASONS
from prober.storage.identities import Identities
from prober.storage.migrate import upgrade
from prober.storage.partitions import Days
from prober.storage.session import Session
from prober.storage.tolerant import Insert, Notes, Row, prepare

T = TypeVar("T")
Told = TypeVar("Told", Result, Transition)
Ids = Mapping[str | None, int | None]
BUCKET = itemgetter(0)  # of a row of `results`

COLUMNS: dict[str, tuple[str, ...]] = {
    "services": ("name", "first_seen"),
    "endpoints": ("path",),
    "snippets": ("text",),
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


class Writer:
    """Writes batches; used from one thread at a time.

    The database is taken as it is (`migrate.ensure` comes first). Only a file that disappears while
    this writer lives, or is swapped, is migrated where `migrate` is true.
    """

    def __init__(self, url: str, *, migrate: bool = True) -> None:
        prepare_file = partial(upgrade, url) if migrate else None
        self._session = Session(url, self._forget, prepare_file, holds=self._holds)
        self.names: Mapping[str, str] = {}
        """New names by old ones: what still waits under an old one is written under the new."""
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
            name: prepare(connection, tables.metadata.tables[name], columns, self._notes)
            for name, columns in COLUMNS.items()
        }

    def _now(self, told: Told) -> Told:
        name = self.names.get(told.service) if self.names else None
        return told if name is None else told._replace(service=name)

    def put(self, observations: Sequence[Observation], connection: Connection) -> None:
        """Insert the batch in a transaction that `run` has begun."""
        inserts = self._inserts = self._inserts or self._prepare(connection)
        results = [self._now(o.result) for o in observations if o.result is not None]
        transitions = [self._now(o.transition) for o in observations if o.transition is not None]
        names: set[str | None] = {r.service for r in results}
        names.update(t.service for t in transitions)
        seen = min((o.at for o in observations), default=0)
        services = self._services.resolve(connection, inserts["services"], names, (seen,))
        endpoints = self._endpoints.resolve(
            connection, inserts["endpoints"], {r.endpoint_ok for r in results}
        )
        snippets = self._snippets.resolve(
            connection, inserts["snippets"], {r.snippet for r in results}
        )
        rows = _results(results, services, endpoints, snippets)
        self._days.cover(connection, map(BUCKET, rows))
        inserts["results"].run(connection, rows)
        inserts["transitions"].run(connection, _transitions(transitions, services))


def _results(results: Sequence[Result], services: Ids, endpoints: Ids, snippets: Ids) -> list[Row]:
    return [
        (
            result.checked_at // tables.BUCKET_MS,
            services[result.service],
            result.checked_at,
            OUTCOMES[result.outcome],
            result.http_code,
            None if result.latency_ms is None else round(result.latency_ms * 1000),
            endpoints[result.endpoint_ok],
            snippets[result.snippet],
            REASONS[result.reason],
            PHASES[result.phase],
            1 if result.stalled else None,
        )
        for result in results
    ]


def _transitions(transitions: Sequence[Transition], services: Ids) -> list[Row]:
    return [(services[t.service], t.at, t.old, t.new, t.reason) for t in transitions]
