"""The hot table in partitions of a day, on PostgreSQL.

What is there already becomes the first partition as it lies: it is read once and not rewritten.
SQLite has no partitions. A table that its owner partitioned, or gave another key, is left alone.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BUCKETS_A_DAY = 288
KEPT = "results_before"

# Rights go with a table, and queries need them on the parent alone.
GRANTS = """
SELECT format('GRANT %s ON results TO %s%s', privilege_type,
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class, aclexplode(relacl) WHERE oid = 'results'::regclass AND grantee <> relowner
"""
PARTITIONS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'results'::regclass
ORDER BY pg_relation_size(inhrelid) DESC
"""


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql" or not is_plain():
        return
    grants = bind.scalars(sa.text(GRANTS)).all()
    last = bind.scalar(sa.text("SELECT max(bucket) FROM results"))
    rename("results", KEPT)
    op.execute(f"CREATE TABLE results (LIKE {KEPT} INCLUDING ALL) PARTITION BY RANGE (bucket)")
    if last is None:
        op.drop_table(KEPT)
    else:
        end = (last // BUCKETS_A_DAY + 1) * BUCKETS_A_DAY
        op.execute(
            f"ALTER TABLE results ATTACH PARTITION {KEPT} FOR VALUES FROM (MINVALUE) TO ({end})"
        )
    for grant in grants:
        op.execute(grant)


def downgrade() -> None:
    """Bring all rows into the largest partition, which becomes the table."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql" or is_plain():
        return
    grants = bind.scalars(sa.text(GRANTS)).all()
    partitions = bind.scalars(sa.text(PARTITIONS)).all()
    for name in partitions[:1]:
        op.execute(f"ALTER TABLE results DETACH PARTITION {name}")
        op.execute(f"INSERT INTO {name} SELECT * FROM results")
    rename("results", "results_days")
    if partitions:
        rename(partitions[0], "results")
    else:
        op.execute("CREATE TABLE results (LIKE results_days INCLUDING ALL)")
    op.drop_table("results_days")
    for grant in grants:
        op.execute(grant)


def is_plain() -> bool:
    """Whether the table is in one piece, and has a key that lets it be divided."""
    kind = op.get_bind().scalar(
        sa.text("SELECT relkind = 'r' FROM pg_class WHERE oid = 'results'::regclass")
    )
    key = sa.inspect(op.get_bind()).get_pk_constraint("results")
    return bool(kind) and "bucket" in key["constrained_columns"]


def rename(table: str, name: str) -> None:
    """Give a table another name, and its key that which the new name would have given it."""
    key = sa.inspect(op.get_bind()).get_pk_constraint(table)["name"]
    op.execute(f'ALTER TABLE {table} RENAME CONSTRAINT "{key}" TO {name}_pkey')
    op.execute(f"ALTER TABLE {table} RENAME TO {name}")
