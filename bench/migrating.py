"""How long the migrations take on a database with many results that were never packed.

    python -m bench.migrating [--rows 2000000] [--url postgresql://…]

Fills a database at the first migration, then brings it to the last: an SQLite file, and a
PostgreSQL server of Debian's, or the empty database of `--url`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from bench.server import server
from prober.storage import migrate
from prober.storage.connecting import connected
from prober.storage.database import Access

ROOT = Path(__file__).parents[1]
FIRST = "0001"
SERVICES = 1000
START = 1_790_000_000_000
COLUMNS = "bucket, service_id, checked_at, outcome, http_code, latency_us, endpoint_id, snippet_id"
# A result of each service every 30 s, a few ms apart.
VALUES = f"""SELECT ({START} + i / {SERVICES} * 30000 + i % {SERVICES} * 30) / 300000,
    i % {SERVICES} + 1, {START} + i / {SERVICES} * 30000 + i % {SERVICES} * 30, 0, 200,
    10000 + i % 99991, 1, 1"""
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) "
    f"INSERT INTO results ({COLUMNS}) {VALUES} FROM n",
    "postgresql": f"INSERT INTO results ({COLUMNS}) {VALUES} "
    "FROM generate_series(0::bigint, {rows} - 1) i",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--url")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-migrating-") as folder:
        told("SQLite", f"sqlite:///{folder}/prober.db", options.rows)
    if options.url:
        told("PostgreSQL", options.url, options.rows)
        return
    with server() as url:
        told("PostgreSQL", url, options.rows)


def told(name: str, url: str, rows: int) -> None:
    """Fill the database, migrate it, and print how long that took."""
    fill(url, rows)
    began = time.perf_counter()
    migrate.upgrade(url)
    took = time.perf_counter() - began
    print(f"{name}: {rows:,} results, all migrations after {FIRST} in {took:.2f} s")


def fill(url: str, rows: int) -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with connected(url, Access.CREATE) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, FIRST)
        connection.execute(text(NUMBERS[connection.dialect.name].format(rows=rows)))


if __name__ == "__main__":
    main()
