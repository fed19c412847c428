"""Many events in one transaction, and what each sender learns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest
from patience import until
from sqlalchemy.exc import DataError
from structlog.testing import capture_logs

from prober.errors import StoreLocked
from prober.gateway import intake as module
from prober.gateway.intake import Intake, NotStored
from prober.storage.ledger import Entry


class Database:
    """Takes batches, or fails as it is told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.fail: Callable[[Sequence[Entry]], None] = lambda _: None
        self.open = threading.Event()
        self.open.set()
        self.asked = 0
        self.released = False

    def append(self, entries: Sequence[Entry]) -> None:
        self.asked += 1
        self.open.wait(30)
        self.fail(entries)
        self.batches.append([entry.event for entry in entries])

    def release(self) -> None:
        self.released = True


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def intake(database: Database) -> Intake:
    return Intake(database.append, database.release)


def entry(name: str) -> Entry:
    return Entry(name, "{}", 0)


def locked(_: Sequence[Entry]) -> None:
    raise StoreLocked("is locked")


def picky(entries: Sequence[Entry]) -> None:
    if any(e.event == "bad" for e in entries):
        raise DataError("INSERT", None, ValueError("too long"))


async def test_what_waits_meanwhile_shares_the_next_transaction(
    intake: Intake, database: Database
) -> None:
    database.open.clear()
    sent = [asyncio.create_task(intake.record(entry("first")))]
    await until(lambda: database.asked)
    sent += [asyncio.create_task(intake.record(entry(name))) for name in "abc"]
    await asyncio.sleep(0.05)
    database.open.set()
    await asyncio.gather(*sent)

    assert database.batches == [["first"], ["a", "b", "c"]]


async def test_nobody_is_answered_before_the_commit(intake: Intake, database: Database) -> None:
    database.open.clear()
    sent = asyncio.create_task(intake.record(entry("a")))
    await until(lambda: database.asked)
    await asyncio.sleep(0.05)
    assert not sent.done()

    database.open.set()
    await sent


async def test_a_failure_reaches_each_of_its_senders(intake: Intake, database: Database) -> None:
    database.fail = locked

    sent = await asyncio.gather(
        *(intake.record(entry(name)) for name in "abc"), return_exceptions=True
    )

    assert [type(answer) for answer in sent] == [NotStored] * 3
    assert database.batches == []


async def test_an_outage_is_logged_once_and_so_is_its_end(
    intake: Intake, database: Database
) -> None:
    with capture_logs() as logs:
        database.fail = locked
        for name in "ab":
            with pytest.raises(NotStored):
                await intake.record(entry(name))
        database.fail = lambda _: None
        await intake.record(entry("c"))

    assert [line["event"] for line in logs] == [
        "ledger can't be written, events are refused",
        "ledger written again",
    ]


async def test_an_event_that_no_database_takes_does_not_take_others_along(
    intake: Intake, database: Database
) -> None:
    database.fail = picky
    with capture_logs():
        sent = await asyncio.gather(
            *(intake.record(entry(name)) for name in ("a", "bad", "b")), return_exceptions=True
        )

    assert [type(answer) for answer in sent] == [type(None), NotStored, type(None)]
    assert database.batches == [["a"], ["b"]]


async def test_a_line_that_is_too_long_turns_newcomers_away(
    intake: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 1)
    database.open.clear()
    sent = asyncio.create_task(intake.record(entry("first")))
    await until(lambda: database.asked)
    second = asyncio.create_task(intake.record(entry("second")))
    await asyncio.sleep(0)

    with pytest.raises(NotStored):
        await intake.record(entry("third"))
    database.open.set()
    await asyncio.gather(sent, second)


async def test_a_database_that_is_stuck_is_not_waited_for_for_ever(
    intake: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    database.open.clear()

    with pytest.raises(NotStored):
        await intake.record(entry("a"))
    database.open.set()


async def test_the_end_commits_what_waits_and_lets_go(intake: Intake, database: Database) -> None:
    sent = asyncio.create_task(intake.record(entry("a")))
    await asyncio.sleep(0)
    await intake.close()
    await sent
    await until(lambda: database.released)

    assert database.batches == [["a"]]
