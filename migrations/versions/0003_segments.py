"""Closed hours, packed, and rollups that know time and reasons.

Nothing has written to the rollups of the first tables yet, so they are made anew.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBERS = (
    "ok",
    "degraded",
    "broken",
    "unknown",
    "ok_ms",
    "degraded_ms",
    "broken_ms",
    "unknown_ms",
)


def upgrade() -> None:
    op.create_table(
        "segments",
        key("hour"),
        key("service_id"),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.execute("DROP TABLE IF EXISTS rollups")
    op.create_table(
        "rollups",
        key("resolution_s"),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        key("service_id"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in NUMBERS),
        sa.Column("latency_sum_us", sa.BigInteger),
        sa.Column("latency_min_us", sa.BigInteger),
        sa.Column("latency_max_us", sa.BigInteger),
        sa.Column("reasons", sa.LargeBinary),
        sa.Column("histogram", sa.LargeBinary),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("what was packed can't go back; restore a backup instead")


def key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)
