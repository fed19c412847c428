from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import AT, execute, locked, ok, rows
from structlog.testing import capture_logs

from prober.model import Observation
from prober.storage.durable import Durable
from prober.storage.spool import Spool
from prober.storage.writer import Writer
from prober.telemetry import Telemetry

Release = Callable[[], object]

STORED = "SELECT checked_at FROM results ORDER BY checked_at"
ORDER = "SELECT name FROM services ORDER BY id"


class Disk(Spool):
    """A spool whose disk can be full."""

    full = False

    def append(self, batch: Any) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().append(batch)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path / "spool")


@pytest.fixture
def release(url: str) -> Iterator[Release]:
    """Another process has locked the database; call it to let go."""
    with locked(url) as let_go:
        yield let_go


def durable(url: str, spool: Spool, telemetry: Telemetry | None = None) -> Durable:
    return Durable(Writer(url, migrate=False), spool, telemetry or Telemetry())


def catch_up(keeper: Durable) -> None:
    """Replay all that waits, in as many turns as a slow machine takes."""
    while keeper.turn():
        pass


def at(moment: int, service: str = "madre") -> list[Observation]:
    return [ok(service, moment)]


def test_batch_goes_straight_to_a_database_that_is_well(url: str, disk: Disk) -> None:
    keeper = durable(url, disk)

    keeper.take(at(1))

    assert rows(url, STORED) == [(1,)]
    assert (keeper.away, keeper.waiting) == (False, 0)


def test_locked_database_loses_nothing(url: str, disk: Disk, release: Release) -> None:
    keeper = durable(url, disk)
    for moment in range(5):
        keeper.take(at(moment))
    assert (keeper.away, disk.rows) == (True, 5)

    release()
    catch_up(keeper)

    assert rows(url, STORED) == [(moment,) for moment in range(5)]
    assert (keeper.away, disk.rows) == (False, 0)


def test_order_is_kept_through_an_outage(url: str, disk: Disk, release: Release) -> None:
    keeper = durable(url, disk)
    keeper.take(at(1, "first"))
    release()
    keeper.take(at(2, "second"))

    catch_up(keeper)
    keeper.take(at(3, "third"))

    assert rows(url, ORDER) == [("first",), ("second",), ("third",)]


def test_memory_holds_no_more_than_it_may(
    url: str, disk: Disk, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.storage.durable.BACKLOG_ROWS", 3)
    telemetry = Telemetry()
    keeper = durable(url, disk, telemetry)
    disk.full = True

    for moment in range(5):
        keeper.take(at(moment))

    assert keeper.waiting == 3
    assert 'prober_sink_dropped_total{sink="store"} 2.0' in telemetry.render()


def test_full_disk_keeps_batches_in_memory_and_in_order(
    url: str, disk: Disk, release: Release
) -> None:
    keeper = durable(url, disk)
    keeper.take(at(1, "first"))
    disk.full = True
    keeper.take(at(2, "second"))
    disk.full = False
    keeper.take(at(3, "third"))

    release()
    catch_up(keeper)

    assert rows(url, ORDER) == [("first",), ("second",), ("third",)]


def test_memory_goes_to_a_database_that_is_back_before_the_disk(
    url: str, disk: Disk, release: Release
) -> None:
    keeper = durable(url, disk)
    disk.full = True
    keeper.take(at(1))

    release()
    catch_up(keeper)

    assert rows(url, STORED) == [(1,)]


def test_progress_stands_still_only_where_neither_can_be_written(
    url: str, disk: Disk, release: Release
) -> None:
    keeper = durable(url, disk)
    keeper.take(at(1))
    spooled = keeper.progress
    disk.full = True

    keeper.take(at(2))

    assert keeper.progress == spooled


def test_outage_is_told_once_at_each_end(url: str, disk: Disk, release: Release) -> None:
    keeper = durable(url, disk)

    with capture_logs() as logs:
        for moment in range(3):
            keeper.take(at(moment))
            keeper.turn()
        release()
        catch_up(keeper)
        keeper.take(at(4))

    assert [entry["log_level"] for entry in logs] == ["warning", "info"]
    assert logs[1]["replayed_rows"] == 3


def test_what_a_former_process_left_is_replayed_first(url: str, tmp_path: Path) -> None:
    Spool(tmp_path / "spool").append(at(1, "before"))
    keeper = durable(url, Spool(tmp_path / "spool"))

    keeper.take(at(2, "after"))
    catch_up(keeper)

    assert rows(url, ORDER) == [("before",), ("after",)]


def test_batch_that_no_database_takes_is_set_aside(url: str, disk: Disk, tmp_path: Path) -> None:
    keeper = durable(url, disk)
    keeper.take(at(2**63))
    keeper.take(at(5))

    catch_up(keeper)

    assert rows(url, STORED) == [(5,)]
    assert len(list(tmp_path.glob("spool/*.damaged"))) == 1


def test_batch_that_has_no_json_does_not_hold_up_the_others(url: str, disk: Disk) -> None:
    keeper = durable(url, disk)
    keeper.take(at(2**70))
    keeper.take(at(5))

    catch_up(keeper)

    assert rows(url, STORED) == [(5,)]


def test_unfit_table_makes_rows_wait_until_it_fits(url: str, disk: Disk) -> None:
    execute(url, "ALTER TABLE transitions RENAME TO away")
    keeper = durable(url, disk)
    keeper.take(at(1))
    assert disk.rows == 1

    execute(url, "ALTER TABLE away RENAME TO transitions")
    catch_up(keeper)

    assert rows(url, STORED) == [(1,)]


def test_turn_stops_at_its_limit_and_asks_for_more(url: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for moment in range(3):
        spool.append(at(moment))
    keeper = durable(url, spool)

    more = keeper.turn(limit_s=0)

    assert (more, keeper.waiting) == (True, 3)


def test_end_with_a_locked_database_leaves_everything_in_the_spool(
    url: str, disk: Disk, release: Release
) -> None:
    keeper = durable(url, disk)
    disk.full = True
    keeper.take(at(1))
    disk.full = False

    keeper.finish(limit_s=1)

    assert disk.rows == 1


def test_end_says_what_is_lost(url: str, disk: Disk, release: Release) -> None:
    keeper = durable(url, disk)
    disk.full = True
    keeper.take(at(1))

    with capture_logs() as logs:
        keeper.finish(limit_s=1)

    assert logs[-1]["event"].startswith("observations lost")


def test_waiting_rows_and_writes_are_measured(url: str, disk: Disk, release: Release) -> None:
    telemetry = Telemetry()
    keeper = durable(url, disk, telemetry)

    keeper.take(at(AT))
    assert "prober_spool_rows 1.0" in telemetry.render()
    release()
    catch_up(keeper)

    assert "prober_spool_rows 0.0" in telemetry.render()
