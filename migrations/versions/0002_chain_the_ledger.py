"""Chain the ledger.

The column is prober's own, beside those that the fleet gave the table. Rows that are there already
are sealed: the last of them gets the chain over all.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from prober.storage import chain

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEALABLE = frozenset({"id", "event", "payload"})


def upgrade() -> None:
    present = columns()
    if "chain" not in present:
        op.add_column("forensic_ledger", sa.Column("chain", sa.String(64)))
    if present >= SEALABLE:
        seal(present | {"chain"})


def downgrade() -> None:
    op.drop_column("forensic_ledger", "chain")


def columns() -> set[str]:
    found = sa.inspect(op.get_bind()).get_columns("forensic_ledger")
    return {str(column["name"]) for column in found}


def seal(present: set[str]) -> None:
    bind = op.get_bind()
    last = bind.scalar(sa.text("SELECT max(id) FROM forensic_ledger"))
    if last is not None:
        bind.execute(
            sa.text("UPDATE forensic_ledger SET chain = :chain WHERE id = :id"),
            {"chain": chain.head(bind, present), "id": last},
        )
