"""Put the results of one sweep into the database, as the daemon would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prober import status
from prober.cli.stored import history
from prober.config.tree import Store
from prober.model import Observation, Result, Status
from prober.storage import migrate
from prober.storage.writer import Writer


def record(store: Store, results: Sequence[Result]) -> None:
    """Write results, and what they change since the last stored statuses.

    Raises StoreError or NotWritable where the database doesn't take them.
    """
    migrate.ensure(store.url, store.migrate)
    with history(store.url) as reader:
        statuses = reader.last_statuses()
    writer = Writer(store.url, migrate=False)
    try:
        writer.write([_observe(result, statuses) for result in results])
    finally:
        writer.close()


def _observe(result: Result, statuses: Mapping[str, tuple[Status, int]]) -> Observation:
    before = statuses.get(result.service)
    _, observation = status.step(status.State(*before) if before else status.State(), result)
    return observation
