"""The uptime of days in a column, and in their index.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIMES = ["ok_ms", "degraded_ms", "broken_ms"]
OF_DAYS = sa.text("resolution_s = 86400")
# A day's milliseconds times a million are more than 32 bits hold.
FILL = sa.text(
    "UPDATE rollups SET uptime_ppm = CAST(ok_ms + degraded_ms AS BIGINT) * 1000000"
    " / nullif(ok_ms + degraded_ms + broken_ms, 0) WHERE resolution_s = 86400"
)


def upgrade() -> None:
    op.drop_index("rollups_of_days", "rollups")
    op.add_column("rollups", sa.Column("uptime_ppm", sa.Integer))
    op.execute(FILL)
    _index(["uptime_ppm"])


def downgrade() -> None:
    op.drop_index("rollups_of_days", "rollups")
    op.drop_column("rollups", "uptime_ppm")
    _index(TIMES)


def _index(columns: Sequence[str]) -> None:
    columns = ["service_id", "start", *columns]
    op.create_index(
        "rollups_of_days", "rollups", columns, sqlite_where=OF_DAYS, postgresql_where=OF_DAYS
    )
