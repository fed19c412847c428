"""Put the results of one sweep into the database, as the daemon would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from prober import status
from prober.config.tree import Config
from prober.model import Observation, Result, Status
from prober.storage import migrate
from prober.storage.reader import Reader
from prober.storage.runtime import RuntimeTable
from prober.storage.writer import Writer


def record(config: Config, results: Sequence[Result]) -> None:
    """Write results, and what they change since the last stored statuses.

    The runtime table is written too, where one is set. Raises StoreError or NotWritable where a
    database doesn't take them.
    """
    store = config.store
    migrate.ensure(store.url, store.migrate)
    with closing(Reader(store.url, store.spool)) as reader:
        statuses = reader.last_statuses()
    observations = [_observe(result, statuses) for result in results]
    with closing(Writer(store.url, migrate=False)) as writer:
        writer.write(observations)
    if store.runtime_table is not None:
        services = {service.name: service for service in config.services}
        url = store.runtime_table.url or store.url
        with closing(RuntimeTable(url, store.runtime_table.name, services)) as table:
            table.write({observation.service: observation for observation in observations})


def _observe(result: Result, statuses: Mapping[str, tuple[Status, int]]) -> Observation:
    before = statuses.get(result.service)
    _, observation = status.step(status.State(*before) if before else status.State(), result)
    return observation
