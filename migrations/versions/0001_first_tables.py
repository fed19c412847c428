"""The first tables.

Only what is missing is created: a database that already holds tables of the fleet that prober
took over keeps them as they are.

Revision ID: 0001
Revises: (none)
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


TIME = sa.BigInteger  # epoch milliseconds, UTC


def upgrade() -> None:
    present = set(sa.inspect(op.get_bind()).get_table_names())
    for name, columns in TABLES.items():
        if name not in present:
            op.create_table(name, *columns, sqlite_with_rowid=name not in CLUSTERED)
    if "transitions" not in present:
        op.create_index("transitions_at", "transitions", ["at"])


def downgrade() -> None:
    raise NotImplementedError("nothing comes before the first tables; restore a backup instead")


def key(name: str, type_: type[sa.Integer] = sa.Integer) -> sa.Column[int]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


CLUSTERED = frozenset({"results", "rollups"})

TABLES: dict[str, list[sa.Column[Any]]] = {
    "services": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("first_seen", TIME),
    ],
    "endpoints": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
    ],
    "snippets": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False, unique=True),
    ],
    "results": [
        key("bucket"),
        key("service_id"),
        key("checked_at", TIME),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("http_code", sa.Integer),
        sa.Column("latency_us", sa.BigInteger),
        sa.Column("endpoint_id", sa.Integer),
        sa.Column("snippet_id", sa.Integer),
        sa.Column("reason", sa.SmallInteger),
        sa.Column("phase", sa.SmallInteger),
        sa.Column("stalled", sa.SmallInteger),
    ],
    "transitions": [
        key("service_id"),
        key("at", TIME),
        sa.Column("old", sa.Text),
        sa.Column("new", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
    ],
    "rollups": [
        key("resolution_s"),
        key("start", TIME),
        key("service_id"),
        sa.Column("ok", sa.Integer, nullable=False),
        sa.Column("degraded", sa.Integer, nullable=False),
        sa.Column("broken", sa.Integer, nullable=False),
        sa.Column("unknown", sa.Integer, nullable=False),
        sa.Column("latency_sum_us", sa.BigInteger),
        sa.Column("latency_min_us", sa.BigInteger),
        sa.Column("latency_max_us", sa.BigInteger),
        sa.Column("histogram", sa.LargeBinary),
    ],
    "alerts": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("service_id", sa.Integer, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("old", sa.Text, nullable=False),
        sa.Column("new", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("processed_at", TIME),
    ],
    "forensic_ledger": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("event", sa.String(255)),
        sa.Column("payload", sa.Text),
        sa.Column("hash", sa.String(64)),
        sa.Column("created_at", sa.DateTime, server_default=sa.func.current_timestamp()),
    ],
    "sessions": [
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("user_id", sa.String(128)),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=False),
        sa.Column("messages", sa.Text, nullable=False),
    ],
    "copilot_runtime_services": [
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("service_name", sa.String(128), nullable=False, unique=True),
        sa.Column("host", sa.String(128)),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("health_url", sa.String(256)),
        sa.Column("status", sa.String(32)),
        sa.Column("http_code", sa.Integer),
        sa.Column("latency_ms", sa.Integer),
        sa.Column("endpoint_ok", sa.String(128)),
        sa.Column("snippet", sa.Text),
        sa.Column("last_check", sa.DateTime),
        sa.Column("checked_at", sa.DateTime),
        sa.Column("created_at", sa.DateTime),
    ],
}
