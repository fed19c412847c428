"""The hour in which a text was used last.

What is there already counts as used now, or by the newest result: a default says so, and no row is
rewritten. Every later row says its own.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("endpoints", "snippets")
HOUR_S = 3600
BUCKETS_AN_HOUR = 12


def upgrade() -> None:
    newest = op.get_bind().scalar(sa.text("SELECT max(bucket) FROM results")) or 0
    hour = max(int(time.time()) // HOUR_S, newest // BUCKETS_AN_HOUR)
    for table in TABLES:
        used = sa.Column("used_hour", sa.Integer, nullable=False, server_default=str(hour))
        op.add_column(table, used)
        op.create_index(f"{table}_used_hour", table, ["used_hour"])


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"{table}_used_hour", table)
        op.drop_column(table, "used_hour")
