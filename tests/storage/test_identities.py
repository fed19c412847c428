"""Ids of texts, and whether those that are remembered still hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import execute
from sqlalchemy import Connection

from prober.storage import tables
from prober.storage.database import open_engine
from prober.storage.identities import Identities
from prober.storage.tolerant import Notes, prepare


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def learned(connection: Connection) -> Identities:
    """The ids of two endpoints, which are stored."""
    endpoints = Identities(tables.endpoints, "path")
    with connection.begin():
        insert = prepare(connection, tables.endpoints, ("path", "used_hour"), Notes())
        endpoints.resolve(connection, insert, ["/health", "/healthz"])
    return endpoints


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ("INSERT INTO endpoints (path) VALUES ('/theirs')", True),
        ("UPDATE endpoints SET id = id + 100", False),
        ("DELETE FROM endpoints", False),
        ("UPDATE endpoints SET path = path || '/other'", False),
    ],
)
def test_ids_hold_as_long_as_the_newest_text_has_its_own(
    url: str, connection: Connection, statement: str, holds: bool
) -> None:
    endpoints = learned(connection)

    execute(url, statement)

    assert endpoints.hold(connection) is holds


def test_nothing_remembered_holds(connection: Connection) -> None:
    assert Identities(tables.endpoints, "path").hold(connection)


def test_each_text_has_its_id_in_their_order(connection: Connection) -> None:
    endpoints = Identities(tables.endpoints, "path")
    insert = prepare(connection, tables.endpoints, ("path", "used_hour"), Notes())

    first, empty, other, again = endpoints.resolve(connection, insert, ["/b", None, "/a", "/b"])

    assert (empty, again) == (None, first)
    assert None not in (first, other) and first != other
