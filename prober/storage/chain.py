"""The chain over the rows of `forensic_ledger`: what each row's `chain` is computed from.

    digest(row) = SHA-256 of "event:payload"
    chain(row)  = SHA-256 of "chain(row before):created_at:digest(row)"

Hashes are lowercase hexadecimal, texts are UTF-8, NULL counts as the empty text, and before the
first row stand 64 zeros. Rows follow each other by id. A row of another program has no `chain` of
its own; it is computed all the same, so that the next row which has one covers it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy import Connection, text

GENESIS = "0" * 64
COLUMNS = ("id", "event", "payload", "created_at", "hash", "chain")
PAGE = 1000

_FIRST = -(2**63)


class Row(NamedTuple):
    """One row of the ledger; `created_at` as `moment` writes it, "" where there is none."""

    id: int
    event: str | None
    payload: str | None
    created_at: str
    hash: str | None
    chain: str | None


def digest(event: str | None, payload: str | None) -> str:
    """What the seed's column `hash` holds."""
    return sha256(f"{_text(event)}:{_text(payload)}".encode()).hexdigest()


def link(before: str, created_at: str, content: str) -> str:
    """The chain of a row whose digest is `content`, from that of the row before it."""
    return sha256(f"{before}:{created_at}:{content}".encode()).hexdigest()


def fold(state: str, rows: Iterator[Row]) -> str:
    """The chain at the last of `rows`, from that before the first of them."""
    for row in rows:
        state = link(state, row.created_at, digest(row.event, row.payload))
    return state


def moment(value: object) -> str:
    """A time of the database as the chain has it: `YYYY-MM-DD HH:MM:SS.ffffff` or as it is."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else _text(value)


def rows(
    connection: Connection, present: Collection[str], after: int | None = None
) -> Iterator[Row]:
    """The ledger's rows by id, from the first behind `after`, read page by page.

    `present` names the columns that the table has; what it lacks counts as NULL.
    """
    columns = ", ".join(c if c in present else f"NULL AS {c}" for c in COLUMNS)
    page = text(f"SELECT {columns} FROM forensic_ledger WHERE id > :after ORDER BY id LIMIT {PAGE}")
    after = _FIRST if after is None else after
    while found := connection.execute(page, {"after": after}).fetchall():
        for id_, event, payload, created_at, hash_, chain in found:
            yield Row(id_, event, payload, moment(created_at), hash_, chain)
        after = found[-1][0]
        if len(found) < PAGE:
            return


def head(connection: Connection, present: Collection[str]) -> str:
    """The chain as it stands after the last row."""
    last = connection.execute(
        text(
            "SELECT id, chain FROM forensic_ledger WHERE chain IS NOT NULL ORDER BY id DESC LIMIT 1"
        )
    ).first()
    after, state = (None, GENESIS) if last is None else last
    return fold(state, rows(connection, present, after))


def _text(value: object) -> str:
    return "" if value is None else str(value)
