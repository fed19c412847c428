"""Merge results of elsewhere into history: each once, and with the changes of status they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, select

from prober.model import Observation, Result
from prober.status import STATUS_AFTER
from prober.storage import archive, retelling
from prober.storage.segment import DAY_MS
from prober.storage.tables import services
from prober.storage.writer import Writer


class Merging:
    """Merges into one database; used from one thread at a time.

    `speaks_ms` says for how long a result speaks for its service: after that it is UNKNOWN, as far
    as `now_ms`.
    """

    def __init__(self, url: str, speaks_ms: Mapping[str, int], now_ms: int) -> None:
        self._writer = Writer(url, migrate=False)
        self._speaks_ms = speaks_ms
        self._now_ms = now_ms

    def add(self, results: Sequence[Result]) -> int:
        """Commit results of services in `speaks_ms`, in any order; returns how many are new.

        Those that are there already stay as they are. Raises what `failures.explain` makes of a
        failure, and then nothing is written.
        """
        return self._writer.run(lambda connection: self._add(connection, results))

    def close(self) -> None:
        """Let go of the connection."""
        self._writer.close()

    def _add(self, connection: Connection, results: Sequence[Result]) -> int:
        ordered = sorted(results, key=attrgetter("service", "checked_at"))
        return sum(
            self._merge(connection, name, list(share))
            for (name, _), share in groupby(ordered, _service_and_day)
        )

    def _merge(self, connection: Connection, name: str, results: Sequence[Result]) -> int:
        """Merge results of one service and one day, oldest first."""
        speaks_ms = self._speaks_ms[name]
        span = range(results[0].checked_at - speaks_ms, results[-1].checked_at + speaks_ms + 1)
        found = {result.checked_at: result for result in reversed(results)}
        known = _known(connection, name, span)
        fresh = found.keys() - known.keys()
        if not fresh:
            return 0
        self._writer.put([_observation(found[at]) for at in sorted(fresh)], connection)
        both = found | known
        ordered = [both[at] for at in sorted(both)]
        [service_id] = _ids(connection, name)
        news = retelling.News(service_id, ordered, fresh, speaks_ms)
        retelling.retell(connection, news, self._now_ms)
        return len(fresh)


def _known(connection: Connection, name: str, span: range) -> dict[int, Result]:
    """The results of a service that are there, by their moments."""
    return {
        raw.checked_at: retelling.weighed(name, raw)
        for service_id in _ids(connection, name)
        for raw in archive.rows(connection, service_id, max(span.start, 0), span.stop)
    }


def _ids(connection: Connection, name: str) -> list[int]:
    """The id of a service; none where history doesn't know it."""
    query = select(services.c.id).where(services.c.name == name)
    return list(connection.execute(query).scalars())


def _service_and_day(result: Result) -> tuple[str, int]:
    return result.service, result.checked_at // DAY_MS


def _observation(result: Result) -> Observation:
    return Observation(result.service, result.checked_at, STATUS_AFTER[result.outcome], result)
