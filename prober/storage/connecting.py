"""A connection for one piece of work, with failures told in prober's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from prober.storage.database import Access, open_engine
from prober.storage.failures import explaining


@contextmanager
def connected(url: str, access: Access = Access.READ) -> Iterator[Connection]:
    """One transaction on a connection of its own; raises as `explaining` does."""
    engine = open_engine(url, access)
    try:
        with explaining(url), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
