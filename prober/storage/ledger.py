"""Append events to `forensic_ledger`, each row chained to the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import NamedTuple

from sqlalchemy import Connection

from prober.errors import StoreUnfit
from prober.storage import chain, tables
from prober.storage.migrate import upgrade
from prober.storage.session import Session
from prober.storage.tolerant import Insert, Notes, Row, prepare, reflect, require_columns

COLUMNS = ("event", "payload", "hash", "created_at", "chain")
NEEDED = frozenset({"event", "payload", "hash", "chain"})

# Others may append too: what they have begun is awaited, and what they begin waits. Without it a
# row could turn up later before one that was chained without knowing it. SQLite has one writer.
LOCK = "LOCK TABLE forensic_ledger IN SHARE ROW EXCLUSIVE MODE"


class Entry(NamedTuple):
    """What is appended: an event's type, its JSON, and when it came (epoch ms, UTC)."""

    event: str
    payload: str
    at: int


class Ledger:
    """Appends entries; used from one thread at a time.

    What was appended also survives a loss of power: its commits reach the disk. Where the file
    disappears or is swapped, the new one is migrated if `migrate` is true.
    """

    def __init__(self, url: str, *, migrate: bool = True) -> None:
        prepare_file = partial(upgrade, url) if migrate else None
        self._session = Session(url, self._forget, prepare_file, synced=True)
        self._notes = Notes()
        self._present: frozenset[str] = frozenset()
        self._insert: Insert | None = None
        self._head: str | None = None

    def append(self, entries: Sequence[Entry]) -> None:
        """Commit all of the entries, in their order.

        Raises what `failures.explain` makes of a failure, and then none of them is written.
        """
        self._head = self._session.run(partial(self._append, entries))

    def close(self) -> None:
        """Let go of the connection; the next append opens it anew."""
        self._session.close()

    def _forget(self) -> None:
        self._insert = self._head = None

    def _prepare(self, connection: Connection) -> Insert:
        name = tables.forensic_ledger.name
        self._present = frozenset(reflect(connection, name))
        require_columns(name, NEEDED - self._present)
        return prepare(connection, tables.forensic_ledger, COLUMNS, self._notes)

    def _append(self, entries: Sequence[Entry], connection: Connection) -> str:
        """Give the chain as it stands after them."""
        insert = self._insert = self._insert or self._prepare(connection)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(LOCK)
            self._head = None  # unlike SQLite, it doesn't tell that another one has written
        state = self._head or chain.head(connection, self._present)
        chained, state = self._chained(entries, state)
        if insert.run(connection, chained) != len(entries):
            raise StoreUnfit(
                "forensic_ledger: the database took only some of the events; see that no unique "
                "index or trigger of another program holds them back"
            )
        return state

    def _chained(self, entries: Sequence[Entry], state: str) -> tuple[list[Row], str]:
        chained: list[Row] = []
        for entry in entries:
            content = chain.digest(entry.event, entry.payload)
            created_at = _written(entry.at) if "created_at" in self._present else ""
            state = chain.link(state, created_at, content)
            chained.append((entry.event, entry.payload, content, created_at, state))
        return chained, state


def _written(at: int) -> str:
    return f"{_second(at // 1000)}.{at % 1000:03}000"


@lru_cache(maxsize=8)
def _second(at_s: int) -> str:
    # The events of a second share it, as `chain.moment` writes it but for the fraction.
    return chain.moment(datetime.fromtimestamp(at_s, UTC)).partition(".")[0]
