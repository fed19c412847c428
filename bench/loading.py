"""What it costs to bring batches into PostgreSQL's hot table, by the ways that leave rows alone.

    python -m bench.loading [--url postgresql://…] [--rows 20000] [--rounds 3]

Each way writes the same batches twice, and the second time finds every row there, as the replay of
a batch does that was committed unnoticed. `--url` names an empty database on this machine; without
it a server of Debian's is started for as long as this lasts. CPU time is that of the client and of
its backend.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import LiteralString, NamedTuple

import psycopg

from bench.samples import Samples
from bench.server import server
from prober.storage import migrate

Row = tuple[int | None, ...]
Connection = psycopg.Connection[tuple[object, ...]]
Way = Callable[[Connection, Sequence[Row]], None]

SIZES = (50, 500, 5_000)
TICKS = os.sysconf("SC_CLK_TCK")
NAMES: LiteralString = (
    "bucket, service_id, checked_at, outcome, http_code, latency_us, endpoint_id, snippet_id,"
    " reason, phase, stalled"
)
ARRAYS: LiteralString = (
    "%s::int[], %s::int[], %s::bigint[], %s::smallint[], %s::int[], %s::bigint[], %s::int[],"
    " %s::int[], %s::smallint[], %s::smallint[], %s::smallint[]"
)
PARTITION = "CREATE TABLE days PARTITION OF results FOR VALUES FROM (MINVALUE) TO (MAXVALUE)"
SKIPPING: LiteralString = " ON CONFLICT DO NOTHING"


class Cost(NamedTuple):
    """µs a row: what passed, and CPU time of client and backend."""

    wall: float
    client: float
    backend: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.url:
        compare(options.url, options.rows, options.rounds)
        return
    with server() as url:
        compare(url, options.rows, options.rounds)


def compare(url: str, rows: int, rounds: int) -> None:
    migrate.upgrade(url)
    with psycopg.connect(url) as connection:
        connection.execute(PARTITION)
    print("µs a row: wall (client's CPU + backend's CPU), new and then replayed")
    for size in SIZES:
        batches = list(made(rows, size))
        print(f"\nbatches of {size:,}")
        for name, way in WAYS.items():
            costs = [measured(url, way, batches) for _ in range(rounds)]
            new, again = (told([cost[place] for cost in costs]) for place in (0, 1))
            print(f"  {name:34} {new}   {again}")


def told(costs: Sequence[Cost]) -> str:
    """The medians of some rounds."""
    wall, client, backend = map(statistics.median, zip(*costs, strict=True))
    return f"{wall:6.1f} ({client:5.1f} + {backend:5.1f})"


def made(rows: int, size: int) -> Iterator[list[Row]]:
    """Batches of rows as the writer makes them."""
    samples = Samples(1000, 30)
    number = {name: id_ for id_, name in enumerate(samples.names, 1)}
    batches = samples.batches(10**12, size)
    for _ in range(max(rows // size, 1)):
        yield [
            (
                o.at // 300_000,
                number[o.service],
                o.at,
                0,
                200,
                o.at % 99_991,
                1,
                1,
                None,
                None,
                None,
            )
            for o in next(batches)
        ]


def measured(url: str, way: Way, batches: Sequence[Sequence[Row]]) -> tuple[Cost, Cost]:
    """What it costs to write the batches, and then once more."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE results")
        connection.execute("CREATE TEMP TABLE IF NOT EXISTS arriving (LIKE results)")
        return write(connection, way, batches), write(connection, way, batches)


def write(connection: Connection, way: Way, batches: Sequence[Sequence[Row]]) -> Cost:
    """Write the batches, a transaction each."""
    backend, client, wall = ticks(connection), time.process_time(), time.perf_counter()
    for batch in batches:
        with connection.transaction():
            way(connection, batch)
    spent = (
        time.perf_counter() - wall,
        time.process_time() - client,
        (ticks(connection) - backend) / TICKS,
    )
    return Cost(*(1e6 * value / sum(map(len, batches)) for value in spent))


def ticks(connection: Connection) -> int:
    """CPU time of the backend so far, in the system's ticks."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, fields.split()[11:13]))


def executemany(connection: Connection, rows: Sequence[Row]) -> None:
    insert: LiteralString = f"INSERT INTO results ({NAMES}) VALUES ({'%s, ' * 10}%s){SKIPPING}"
    connection.cursor().executemany(insert, rows)


def values(connection: Connection, rows: Sequence[Row]) -> None:
    """One INSERT with as many rows as it takes parameters, 65,535."""
    for first in range(0, len(rows), 5_000):
        some = rows[first : first + 5_000]
        places = ", ".join([f"({'%s, ' * 10}%s)"] * len(some))
        insert: LiteralString = f"INSERT INTO results ({NAMES}) VALUES {places}{SKIPPING}"
        connection.execute(insert, [value for row in some for value in row])


def lists(connection: Connection, rows: Sequence[Row]) -> None:
    """Columns as lists, which the driver turns into arrays."""
    insert: LiteralString = (
        f"INSERT INTO results ({NAMES}) SELECT * FROM unnest({ARRAYS}){SKIPPING}"
    )
    connection.execute(insert, [list(column) for column in zip(*rows, strict=True)])


def texts(connection: Connection, rows: Sequence[Row]) -> None:
    """Columns as the text of arrays."""
    insert: LiteralString = (
        f"INSERT INTO results ({NAMES}) SELECT * FROM unnest({ARRAYS}){SKIPPING}"
    )
    connection.execute(insert, [array(column) for column in zip(*rows, strict=True)])


def array(column: Sequence[int | None]) -> str:
    return "{" + str(column)[1:-1].replace("None", "NULL").rstrip(",") + "}"


def copied(connection: Connection, rows: Sequence[Row], table: LiteralString) -> None:
    with connection.cursor().copy(f"COPY {table} ({NAMES}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def through_table(connection: Connection, rows: Sequence[Row]) -> None:
    """COPY into a temporary table, and from there."""
    copied(connection, rows, "arriving")
    connection.execute(f"INSERT INTO results ({NAMES}) SELECT {NAMES} FROM arriving{SKIPPING}")
    connection.execute("TRUNCATE arriving")


def straight(connection: Connection, rows: Sequence[Row]) -> None:
    """COPY into the table itself; where a row is there already, by lists."""
    try:
        with connection.transaction():
            copied(connection, rows, "results")
    except psycopg.errors.UniqueViolation:
        lists(connection, rows)


WAYS: dict[str, Way] = {
    "executemany": executemany,
    "INSERT of many VALUES": values,
    "INSERT … SELECT unnest, lists": lists,
    "INSERT … SELECT unnest, texts": texts,
    "COPY by a temporary table": through_table,
    "COPY, else unnest": straight,
}

if __name__ == "__main__":
    main()
