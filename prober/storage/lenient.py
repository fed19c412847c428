"""Reads that take `results` as it is found: an optional column that is missing reads as empty."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import structlog
from sqlalchemy import Column, Connection, Label, Select, null
from sqlalchemy.sql.visitors import replacement_traverse

from prober.storage.tables import results

GONE = "prober: columns that results lacks"  # in what a connection of the driver's remembers

log = structlog.get_logger(__name__)


def fitting(connection: Connection, query: Select[Any]) -> Select[Any]:
    """A query of rows with NULL for the optional columns that the database hasn't got.

    What a connection has found holds for as long as it is open; `query` is remembered for ever.
    """
    gone = _gone(connection)
    return _without(query, gone) if gone else query


def _gone(connection: Connection) -> frozenset[str]:
    if GONE not in connection.info:
        with connection.exec_driver_sql("SELECT * FROM results LIMIT 0") as found:
            there = set(found.keys())
        connection.info[GONE] = frozenset(c.name for c in results.c if c.nullable) - there
        if connection.info[GONE]:
            _say(connection.info[GONE])
    gone: frozenset[str] = connection.info[GONE]
    return gone


@cache  # so that it is said once
def _say(gone: frozenset[str]) -> None:
    log.warning("columns are missing and read as empty", table="results", columns=sorted(gone))


@cache
def _without(query: Select[Any], gone: frozenset[str]) -> Select[Any]:
    def empty(element: object, **_: object) -> Label[Any] | None:
        if isinstance(element, Column) and element.table is results and element.name in gone:
            return null().cast(element.type).label(element.name)
        return None

    return cast(Select[Any], replacement_traverse(query, {}, empty))
