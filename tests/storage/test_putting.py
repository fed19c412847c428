"""Whole rows, inserted past SQLAlchemy."""

from __future__ import annotations

import pytest
from databases import rows
from sqlalchemy.exc import IntegrityError

from prober.storage.database import open_engine
from prober.storage.putting import Row, put
from prober.storage.tables import segments

ROW: Row = (494_000, 1, 120, b"packed\x00")


def put_in(url: str, *whole: Row) -> None:
    with open_engine(url).connect() as connection, connection.begin():
        put(connection, segments, whole)


def test_rows_are_stored_by_the_order_of_the_columns(url: str) -> None:
    put_in(url, ROW, (494_000, 2, 60, b""))

    [first, second] = rows(url, "SELECT hour, service_id, count, data FROM segments ORDER BY 2")

    assert (*first[:3], bytes(first[3])) == ROW
    assert (*second[:3], bytes(second[3])) == (494_000, 2, 60, b"")


def test_no_rows_are_no_statement(url: str) -> None:
    put_in(url)

    assert rows(url, "SELECT count(*) FROM segments") == [(0,)]


def test_a_row_that_is_there_is_refused(url: str) -> None:
    put_in(url, ROW)

    with pytest.raises(IntegrityError):
        put_in(url, ROW)
