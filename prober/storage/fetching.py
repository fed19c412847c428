"""Fetch many rows as the driver gives them: SQLAlchemy's own rows cost more than reading does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select


def fetch(
    connection: Connection, query: Select[Any], values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of a query. Types are the driver's: for whole numbers, texts and bytes, the same."""
    result = connection.execute(query, values)
    assert result.cursor is not None  # a SELECT has one until it is closed
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)
