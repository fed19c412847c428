"""PostgreSQL restarted under a real daemon, while results come in and old hours are packed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from daemons import running, until
from databases import Cluster, cluster, execute, require_postgres, rows
from servers import read_request, response, serving

from prober.model import Status
from prober.storage import migrate
from prober.storage.partitions import BUCKETS_A_DAY
from prober.storage.reader import Reader
from prober.storage.segment import DAY_MS

SERVICES = 30
OLD = 30_000  # rows of two days ago that wait to be packed
DAY = int(time.time()) // 86_400
WAITING = f"SELECT count(*) FROM results WHERE bucket < {(DAY - 1) * BUCKETS_A_DAY}"
PACKED = f"SELECT coalesce(sum(count), 0) FROM segments WHERE hour < {(DAY - 1) * 24}"


@dataclass
class Numbering:
    """Answers each request with its number."""

    said: int = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            self.said += 1
            writer.write(response(200, str(self.said).encode()))


@dataclass
class Told:
    """What was seen of it afterwards; `asked` is the last answer that must be stored.

    `numbers` are the answers in history until that one, as often as they are there, and
    `waiting` is how many old rows were not packed yet at each restart.
    """

    url: str
    alive: bool
    code: int
    asked: int
    waiting: list[int]
    numbers: list[int]


def with_old_rows(url: str) -> None:
    """A database in which compaction will be busy for a while."""
    migrate.upgrade(url)
    at = f"{(DAY - 2) * DAY_MS} + i / 100 * 30000 + i % 100"
    values = (
        f"({at}) / 300000, i % 100 + 1000, {at}, 0 FROM generate_series(0::bigint, {OLD - 1}) i"
    )
    execute(
        url,
        "CREATE TABLE past PARTITION OF results FOR VALUES FROM (MINVALUE) TO "
        f"({(DAY - 1) * BUCKETS_A_DAY})",
        f"INSERT INTO results (bucket, service_id, checked_at, outcome) SELECT {values}",
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A daemon's database after two restarts of the server."""
    require_postgres()
    numbering = Numbering()
    folder = tmp_path_factory.mktemp("restarts")
    with cluster("fsync=off") as server, serving(numbering) as target:
        with_old_rows(server.url)
        watched = [{"name": f"service-{n}", "url": target.url} for n in range(SERVICES)]
        slow = {"interval": "1s", "timeout": "1s"}
        store = {"url": server.url, "spool": str(folder / "spool")}
        with running(folder, watched, defaults=slow, store=store) as daemon:
            waiting = [restarted(server, mode) for mode in ("fast", "immediate")]
            until(lambda: rows(server.url, WAITING) == [(0,)], 60)
            asked = numbering.said
            settle(server.url, asked)
            alive = daemon.process is not None and daemon.process.poll() is None
            code, stored = daemon.end(), answers(server.url, asked)
            yield Told(server.url, alive, code, asked, waiting, stored)


def restarted(server: Cluster, mode: str) -> int:
    """Restart the server in the middle of compaction; how many rows waited for that."""
    before = rows(server.url, PACKED)
    until(lambda: rows(server.url, PACKED) > before)
    waiting: int = rows(server.url, WAITING)[0][0]
    server.control("restart", "-m", mode)
    return waiting


def settle(url: str, asked: int) -> None:
    """Wait until answers that came a while after this one are stored."""
    last = "SELECT max(text::int) FROM snippets"
    until(lambda: (rows(url, last)[0][0] or 0) > asked + 2 * SERVICES, 60)


def answers(url: str, asked: int) -> list[int]:
    """The answers in history, until the one that must be there."""
    reader = Reader(url)
    found = [int(r.snippet or 0) for name in reader.names() for r in reader.results(name)]
    return [number for number in found if 0 < number <= asked]


def test_the_daemon_lives_through_it(told: Told) -> None:
    assert (told.alive, told.code) == (True, 0)


def test_no_answer_is_missing(told: Told) -> None:
    assert set(range(1, told.asked + 1)) - set(told.numbers) == set()


def test_no_answer_is_stored_twice(told: Told) -> None:
    assert [n for n, times in Counter(told.numbers).items() if times > 1] == []


def test_nobody_is_called_broken(told: Told) -> None:
    changes = list(Reader(told.url).transitions())

    assert [change for change in changes if change.new is Status.BROKEN] == []


def test_what_was_being_packed_is_whole(told: Told) -> None:
    assert 0 < told.waiting[1] < told.waiting[0] < OLD
    assert rows(told.url, PACKED) == [(OLD,)]
