"""Walk the ledger, and find the rows that were changed, removed or reordered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import func, select

from prober.storage import chain, tables
from prober.storage.connecting import connected
from prober.storage.tolerant import reflect, require_columns

STRIDE = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not as it was written: its id, its time, and what is wrong."""

    id: int
    created_at: str
    message: str

    def __str__(self) -> str:
        return f"row {self.id} ({self.created_at or 'no time'}): {self.message}"


@dataclass(slots=True)
class Inspection:
    """What the walk has found so far, and where it stands.

    `rows` were seen, the last `open` of which no chain covers yet; `head` is the last row's chain.
    `expected_at` is the id of the row whose chain was the expected one.
    """

    expected: str | None = None
    rows: int = 0
    open: int = 0
    head: str = chain.GENESIS
    expected_at: int | None = None
    faults: list[Fault] = field(default_factory=list)
    _sealed: int | None = None

    @property
    def well(self) -> bool:
        """Whether every row is as it was written, and the expected one was met."""
        return not self.faults and (self.expected is None or self.expected_at is not None)

    def take(self, row: chain.Row) -> None:
        """The next row, by id."""
        content = chain.digest(row.event, row.payload)
        state = chain.link(self.head, row.created_at, content)
        message = self._mismatch(row, content, state)
        if message:
            self.faults.append(Fault(row.id, row.created_at, message))
        self.rows += 1
        self.open = self.open + 1 if row.chain is None else 0
        # From here on by what is stored, so that one fault is not told of every row after it.
        self.head = state if row.chain is None else row.chain
        if row.chain is not None:
            self._sealed = row.id
        if self.head == self.expected:
            self.expected_at = row.id

    def _mismatch(self, row: chain.Row, content: str, state: str) -> str | None:
        unhashed = row.hash is None and row.chain is None  # another program's, without a hash
        if row.hash != content and not unhashed:
            return "changed: its hash is not that of its event and payload"
        if row.chain is not None and row.chain != state:
            before = "the beginning" if self._sealed is None else f"row {self._sealed}"
            return (
                f"does not follow {before}: it was changed or moved, or a row between them was "
                "changed, moved, added or removed"
            )
        return None


def count(url: str) -> int:
    """How many rows the ledger has; raises what `failures.explain` makes of a failure."""
    counting = select(func.count()).select_from(tables.forensic_ledger)
    with connected(url) as connection:
        return connection.scalar(counting) or 0


def inspect(url: str, expected: str | None, passed: Callable[[int], None]) -> Inspection:
    """Walk the whole ledger; `passed` is called with the number of rows after each stretch.

    `expected` is a head that an earlier inspection gave: its row must be met. Raises what
    `failures.explain` makes of a failure, and `StoreUnfit` where the ledger has no chain.
    """
    inspection = Inspection(None if expected is None else expected.lower())
    with connected(url) as connection:
        name = tables.forensic_ledger.name
        present = reflect(connection, name).keys()
        require_columns(name, set(chain.COLUMNS) - {"created_at"} - present)
        for row in chain.rows(connection, present):
            inspection.take(row)
            if inspection.rows % STRIDE == 0:
                passed(STRIDE)
    passed(inspection.rows % STRIDE)
    return inspection
