"""The rows of the oldest hour in the hot table: a share of its services at a time, by columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    func,
    select,
)

from prober.storage.archive import JSON_ARRAY, RAW, Function
from prober.storage.fetching import among, fetch
from prober.storage.lenient import fitting
from prober.storage.segment import Folded, fold_columns
from prober.storage.tables import results
from prober.storage.walk import BUCKETS_AN_HOUR

ROWS_A_SHARE, SERVICES_A_SHARE = 6_000, 100  # about and at most


class Place(NamedTuple):
    """The hour of a bucket, and some of the services that have rows in that bucket."""

    bucket: int
    ids: Sequence[int]

    @property
    def hour(self) -> int:
        """Counts from the epoch."""
        return self.bucket // BUCKETS_AN_HOUR


def first(connection: Connection, before: int) -> Place | None:
    """Where a share of the oldest rows lies; None where their hour is not one `before`."""
    [(bucket,)] = fetch(connection, FIRST)
    if bucket is None or bucket // BUCKETS_AN_HOUR >= before:
        return None
    counted = fetch(connection, COUNTED, {"bucket": bucket})
    # A whole hour's, by their number in one bucket.
    sums = accumulate(BUCKETS_AN_HOUR * count for _, count in counted)
    fits = sum(1 for _ in takewhile(lambda total: total <= ROWS_A_SHARE, sums))
    return Place(bucket, [service_id for service_id, _ in counted[: max(fits, 1)]])


def read(connection: Connection, place: Place) -> dict[int, Folded]:
    """The rows that lie there, by the id of their service."""
    query = fitting(connection, LISTS[connection.dialect.name])
    found = fetch(connection, query, {**_values(place), "bucket": place.bucket})
    return {service_id: _ordered(*orjson.loads(lists)) for service_id, lists in found}


def drop(connection: Connection, place: Place) -> int:
    """Delete the rows that lie there; returns how many there were."""
    return connection.execute(DROP, _values(place)).rowcount


def _values(place: Place) -> dict[str, Any]:
    start = place.hour * BUCKETS_AN_HOUR
    return {"buckets": range(start, start + BUCKETS_AN_HOUR), "ids": place.ids}


def _ordered(times: Sequence[int], *rest: Sequence[Any]) -> Folded:
    order = sorted(times)
    if order != times:  # databases promise nothing, and give them as they lie
        places = sorted(range(len(times)), key=times.__getitem__)
        rest = tuple([values[place] for place in places] for values in rest)
    return fold_columns(order, *rest)


def _lists(array: Function, gathered: Function) -> Select[Any]:
    """Of each service a JSON list of lists, one for each column of a `Raw`.

    To put a number there and to read it again costs less than to fetch it by itself.
    """
    of = results.alias()  # each service once, in the order of the key: nothing has to be sorted
    mine = (results.c.service_id == of.c.service_id) & OF_HOUR
    lists = select(cast(array(*map(gathered, RAW)), Text)).where(mine).scalar_subquery()
    ids = (of.c.bucket == bindparam("bucket")) & among(of.c.service_id, "ids")
    return select(of.c.service_id, lists).where(ids).group_by(of.c.service_id)


# Made once: putting a statement together costs more than running it for a few services.
OF_HOUR = among(results.c.bucket, "buckets")
FIRST = select(func.min(results.c.bucket))
COUNTED = (
    select(results.c.service_id, func.count())
    .where(results.c.bucket == bindparam("bucket"))
    .group_by(results.c.service_id)
    .order_by(results.c.service_id)
    .limit(SERVICES_A_SHARE)
)
GATHERED: dict[str, Function] = {"sqlite": func.json_group_array, "postgresql": func.json_agg}
LISTS = {name: _lists(array, GATHERED[name]) for name, array in JSON_ARRAY.items()}
DROP = delete(results).where(OF_HOUR, among(results.c.service_id, "ids"))
