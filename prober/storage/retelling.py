"""Tell anew the stored changes of a service's status, where results turned up among them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from prober.model import Reason, Result, Status, Transition
from prober.replay import replayed
from prober.status import Signal, State, signal
from prober.storage import archive, rollup
from prober.storage.codes import OUTCOME_OF, REASON_OF
from prober.storage.segment import HOUR_MS, Raw, fold
from prober.storage.tables import rollups, transitions


class News(NamedTuple):
    """Results of one service in order, those around them included; `fresh` are new, and written.

    A result speaks for its service for `speaks_ms`.
    """

    service_id: int
    results: Sequence[Result]
    fresh: Set[int]
    speaks_ms: int


def retell(connection: Connection, news: News, now_ms: int) -> None:
    """Bring the changes of status in line with results that were written in this transaction.

    Where nothing is known after the last of them, the service is UNKNOWN once it doesn't speak any
    more, unless that is after `now_ms`. Cells of packed hours whose changes are others now are made
    anew, unless the fresh results will have that done.
    """
    before = _before(connection, news.service_id, news.results[0].checked_at)
    if before.status is not Status.UNKNOWN:
        news = _with_earlier(connection, news)
        before = _before(connection, news.service_id, news.results[0].checked_at)
    first, last = news.results[0], news.results[-1]
    end = last.checked_at + (news.speaks_ms if last.checked_at in news.fresh else 0)
    there = _changes(connection, news.service_id, first, end)
    moments = {result.checked_at for result in news.results}
    noted = [change for change in there if change.at not in moments]
    told = replayed(before, news.results, news.fresh, noted, news.speaks_ms)
    after = _last(told, before)
    if _last(there, before).status is Status.UNKNOWN and last.checked_at < end <= now_ms:
        after, observation = signal(after, last.service, end, Signal.STALE)
        told += [observation.transition] if observation.transition else []
    _replace(connection, news.service_id, set(there) - set(told), set(told) - set(there))
    _join(connection, news.service_id, end, after.status)
    changed = {change.at // HOUR_MS for change in set(there) ^ set(told)}
    for hour in changed - {at // HOUR_MS for at in news.fresh}:
        _make_anew(connection, news.service_id, hour)


def weighed(service: str, raw: Raw) -> Result:
    """As much of a stored result as its status needs."""
    return Result(service, raw.checked_at, OUTCOME_OF[raw.outcome], reason=REASON_OF[raw.reason])


def _with_earlier(connection: Connection, news: News) -> News:
    """The same with the last result before them, whose status was taken to hold until now."""
    first = news.results[0]
    found = archive.last(connection, [news.service_id], 0, first.checked_at)
    earlier = [weighed(first.service, raw) for raw in found.values()]
    return news._replace(results=[*earlier, *news.results])


def _before(connection: Connection, service_id: int, at: int) -> State:
    """The status before a moment, and since when."""
    query = (
        select(transitions.c.new, transitions.c.at)
        .where(transitions.c.service_id == service_id, transitions.c.at < at)
        .order_by(transitions.c.at.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return State() if row is None else State(Status(row.new), row.at)


def _last(changes: Sequence[Transition], before: State) -> State:
    return State(changes[-1].new, changes[-1].at) if changes else before


def _changes(connection: Connection, service_id: int, first: Result, end: int) -> list[Transition]:
    """The changes from the first result until `end`, that included."""
    table = transitions.c
    query = (
        select(table.at, table.old, table.new, table.reason)
        .where(table.service_id == service_id, table.at.between(first.checked_at, end))
        .order_by(table.at)
    )
    return [
        Transition(first.service, at, Status(old), Status(new), reason and Reason(reason))
        for at, old, new, reason in connection.execute(query)
    ]


def _replace(
    connection: Connection, service_id: int, gone: Set[Transition], told: Set[Transition]
) -> None:
    mine = transitions.c.service_id == service_id
    if gone:
        moments = [change.at for change in gone]
        connection.execute(delete(transitions).where(mine, transitions.c.at.in_(moments)))
    if told:
        rows = [
            {
                "service_id": service_id,
                "at": change.at,
                "old": change.old,
                "new": change.new,
                "reason": change.reason,
            }
            for change in told
        ]
        connection.execute(insert(transitions), rows)


def _join(connection: Connection, service_id: int, end: int, status: Status) -> None:
    """Make the first change after `end` one from `status`; it goes where it changes nothing."""
    table = transitions.c
    query = (
        select(table.at, table.new)
        .where(table.service_id == service_id, table.at > end)
        .order_by(table.at)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return
    mine = (table.service_id == service_id) & (table.at == row.at)
    if row.new == status:
        connection.execute(delete(transitions).where(mine))
    else:
        connection.execute(update(transitions).where(mine).values(old=status))


def _make_anew(connection: Connection, service_id: int, hour: int) -> None:
    """Make the cell of an hour anew, where it has one and its results are still there."""
    mine = (rollups.c.resolution_s == rollup.HOUR_S) & (rollups.c.start == hour * HOUR_MS)
    query = select(rollups.c.start).where(mine, rollups.c.service_id == service_id)
    if connection.execute(query).one_or_none() is None:
        return
    rows = archive.rows(connection, service_id, hour * HOUR_MS, (hour + 1) * HOUR_MS)
    if rows:
        rollup.keep(hour, {service_id: fold(rows)})(connection)
