"""Read what waits in a spool for the database, beside the daemon that fills and empties it.

Read it before the database: what a replay writes meanwhile is then found twice, never not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import structlog

from prober.model import Observation, Result, Transition
from prober.storage.cells import Told
from prober.storage.codes import OUTCOMES, PHASES, REASONS
from prober.storage.segment import Raw
from prober.storage.spool import PATTERN, decode

AT = attrgetter("at")
CHECKED_AT = attrgetter("checked_at")

log = structlog.get_logger(__name__)


class Waiting:
    """The observations in a spool's folder; may be used from several threads.

    None, or a folder that isn't there, holds nothing. Times are epoch milliseconds, `since`
    inclusive and `until` exclusive.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._spans: Mapping[str, range] = {}

    def results(self, names: Iterable[str] | None, since_ms: int, until_ms: int) -> list[Result]:
        """The results of services (of all, for None) in a span of time, oldest first."""
        wanted = None if names is None else set(names)
        seen = self._observations(since_ms, until_ms)
        found = (o.result for o in seen if o.result is not None)
        mine = (r for r in found if wanted is None or r.service in wanted)
        within = (_stored(r) for r in mine if since_ms <= r.checked_at < until_ms)
        return sorted(within, key=CHECKED_AT)

    def transitions(self, name: str | None, since_ms: int, until_ms: int) -> list[Transition]:
        """The changes of status of one service, or of all, in a span of time, oldest first."""
        seen = self._observations(since_ms, until_ms)
        found = (o.transition for o in seen if o.transition is not None)
        return sorted(
            (t for t in found if since_ms <= t.at < until_ms and name in (None, t.service)), key=AT
        )

    def told(self, name: str, until_ms: int) -> Told:
        """What waits of a service until a moment, as cells are made of it."""
        rows = [_row(result) for result in self.results([name], 0, until_ms)]
        return Told(rows, [(t.at, t.new) for t in self.transitions(name, 0, until_ms)])

    def _observations(self, since_ms: int, until_ms: int) -> Iterator[Observation]:
        """Those of the files that touch a span, a file at a time."""
        files = [] if self._folder is None else sorted(self._folder.glob(PATTERN))
        spans = {file.name: self._spans[file.name] for file in files if file.name in self._spans}
        for file in files:
            known = spans.get(file.name)
            if known is None or (known.start < until_ms and since_ms < known.stop):
                batch = _batch(file)
                if batch:
                    spans[file.name] = _span(batch)
                yield from batch
        self._spans = spans


def both(
    stored: Iterable[Result], waiting: Iterable[Result], newest_first: bool
) -> Iterator[Result]:
    """Results of one service in order, each moment once."""
    ordered = sorted(waiting, key=CHECKED_AT, reverse=newest_first)
    found = merge(stored, ordered, key=CHECKED_AT, reverse=newest_first)
    return (next(same) for _, same in groupby(found, CHECKED_AT))


def _batch(file: Path) -> list[Observation]:
    try:
        return decode(file.read_bytes())
    except FileNotFoundError:  # it is in the database by now
        return []
    except (OSError, ValueError, TypeError) as error:
        log.warning("spool file left out", file=str(file), error=str(error))
        return []


def _span(batch: Iterable[Observation]) -> range:
    """The moments in a batch, of results and of changes."""
    moments = [moment for o in batch for moment in _moments(o)]
    return range(min(moments), max(moments) + 1) if moments else range(0)


def _moments(observation: Observation) -> Iterator[int]:
    if observation.result is not None:
        yield observation.result.checked_at
    if observation.transition is not None:
        yield observation.transition.at


def _stored(result: Result) -> Result:
    """As it comes back once it is stored."""
    ms = result.latency_ms
    rounded = None if ms is None else round(ms * 1000) / 1000
    return result._replace(latency_ms=rounded, timings=None, tls_expiry=None, lag_ms=0.0)


def _row(result: Result) -> Raw:
    return Raw(
        result.checked_at,
        None if result.latency_ms is None else round(result.latency_ms * 1000),
        OUTCOMES[result.outcome],
        result.http_code,
        None,
        None,
        REASONS[result.reason],
        PHASES[result.phase],
        1 if result.stalled else None,
    )
