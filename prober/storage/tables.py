"""The tables as prober wants them; migrations/ brings a database to this shape.

Times are epoch milliseconds, UTC. The exceptions are `copilot_runtime_services` and
`forensic_ledger`, which keep the shape that the VX11 fleet gave them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    func,
    text,
)

BUCKET_MS = 300_000
"""Width of a bucket of `results`: rows of the same five minutes lie together on disk."""

metadata = MetaData()

services = Table(
    "services",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("first_seen", BigInteger),
)

# No result of a later hour than `used_hour` names the text (see unused.py).
endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("used_hour", Integer, nullable=False),
    Index("endpoints_used_hour", "used_hour"),
)

snippets = Table(
    "snippets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False, unique=True),
    Column("used_hour", Integer, nullable=False),
    Index("snippets_used_hour", "used_hour"),
)

# Time first, service second: a key that began with the service would dirty a page a row. The ids
# have no foreign keys, since PostgreSQL would look each of them up for every row of the hot path.
results = Table(
    "results",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("service_id", Integer, primary_key=True, autoincrement=False),
    Column("checked_at", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("http_code", Integer),
    Column("latency_us", BigInteger),
    Column("endpoint_id", Integer),
    Column("snippet_id", Integer),
    Column("reason", SmallInteger),
    Column("phase", SmallInteger),
    Column("stalled", SmallInteger),
    sqlite_with_rowid=False,
)

# Closed hours, one packed blob per service (see segment.py). In the order of time, so that the
# newest hour is appended, the oldest is dropped as a whole, and no page is left half full.
segments = Table(
    "segments",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("service_id", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

transitions = Table(
    "transitions",
    metadata,
    Column("service_id", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("reason", Text),
    Index("transitions_at", "at"),
)

# Counts and milliseconds by status stand in columns of their own, so that SQL can add them up;
# `reasons` and `histogram` are packed (see rollup.py). `uptime_ppm` is of days alone: the share
# of the known time in which the service was well, in millionths; NULL where nothing is known.
OF_DAYS = text("resolution_s = 86400")
rollups = Table(
    "rollups",
    metadata,
    Column("resolution_s", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("service_id", Integer, primary_key=True, autoincrement=False),
    Column("ok", Integer, nullable=False),
    Column("degraded", Integer, nullable=False),
    Column("broken", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("ok_ms", Integer, nullable=False),
    Column("degraded_ms", Integer, nullable=False),
    Column("broken_ms", Integer, nullable=False),
    Column("unknown_ms", Integer, nullable=False),
    Column("latency_sum_us", BigInteger),
    Column("latency_min_us", BigInteger),
    Column("latency_max_us", BigInteger),
    Column("reasons", LargeBinary),
    Column("histogram", LargeBinary),
    Column("uptime_ppm", Integer),
    # All that the page's cells take, in a tenth of the pages. Databases use it only for a query
    # with OF_DAYS to the letter.
    Index(
        "rollups_of_days",
        "service_id",
        "start",
        "uptime_ppm",
        sqlite_where=OF_DAYS,
        postgresql_where=OF_DAYS,
    ),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("reason", Text),
    Column("processed_at", BigInteger),
)

forensic_ledger = Table(
    "forensic_ledger",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("event", String(255)),
    Column("payload", Text),
    Column("hash", String(64)),
    Column("created_at", DateTime, server_default=func.current_timestamp()),
    Column("chain", String(64)),  # prober's own, see chain.py
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("user_id", String(128)),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Column("messages", Text, nullable=False),
)

copilot_runtime_services = Table(
    "copilot_runtime_services",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_name", String(128), nullable=False, unique=True),
    Column("host", String(128)),
    Column("port", Integer, nullable=False),
    Column("health_url", String(256)),
    Column("status", String(32)),
    Column("http_code", Integer),
    Column("latency_ms", Integer),
    Column("endpoint_ok", String(128)),
    Column("snippet", Text),
    Column("last_check", DateTime),
    Column("checked_at", DateTime),
    Column("created_at", DateTime),
)
