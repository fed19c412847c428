"""An index of the cells of days, with their time by status.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = ["service_id", "start", "ok_ms", "degraded_ms", "broken_ms"]
OF_DAYS = sa.text("resolution_s = 86400")


def upgrade() -> None:
    op.create_index(
        "rollups_of_days", "rollups", COLUMNS, sqlite_where=OF_DAYS, postgresql_where=OF_DAYS
    )


def downgrade() -> None:
    op.drop_index("rollups_of_days", "rollups")
