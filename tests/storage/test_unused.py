"""Texts that no result names any more go, and no id is ever written that has gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest
from databases import AT, leave, ok, rows

from prober.model import Observation
from prober.storage.connecting import connected
from prober.storage.database import Access
from prober.storage.reader import Reader
from prober.storage.retention import Keep
from prober.storage.segment import HOUR_MS
from prober.storage.unused import TEXTS_A_STEP, step
from prober.storage.upkeep import Upkeep
from prober.storage.verification import faults
from prober.storage.writer import Writer

DAY_MS = 24 * HOUR_MS
FIRST = AT - AT % HOUR_MS
KEEP = Keep(raw_s=86_400)

Fresh = Callable[[], str]


class Time:
    """A clock for writers, and what was written at which of its times."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ms = FIRST
        self.writer = Writer(url, clock=lambda: self.ms / 1000)

    def write(self, *snippets: str, at: int | None = None) -> None:
        """Results of now, or of another time, a ms apart."""
        at = self.ms if at is None else at
        self.writer.write([ok(at=at + n, snippet=text) for n, text in enumerate(snippets)])

    def keep_up(self, keep: Keep = KEEP) -> None:
        with closing(Upkeep(self.url, keep)) as upkeep:
            while upkeep.step(self.ms):
                pass

    @property
    def texts(self) -> set[str]:
        return {text for (text,) in rows(self.url, "SELECT text FROM snippets")}


@pytest.fixture
def now(url: str) -> Time:
    return Time(url)


def told(url: str) -> list[str | None]:
    with closing(Reader(url)) as reader:
        return [result.snippet for result in reader.results("madre", newest_first=False)]


def test_a_text_goes_with_the_last_hour_that_names_it(now: Time) -> None:
    now.write("old")
    now.ms += 3 * DAY_MS
    now.write("new")

    now.keep_up()

    assert (now.texts, told(now.url)) == ({"new"}, ["new"])


def test_an_endpoint_goes_likewise(now: Time) -> None:
    now.writer.write([ok(endpoint_ok="/old")])
    now.ms += 3 * DAY_MS
    now.writer.write([ok(at=now.ms, endpoint_ok="/new")])

    now.keep_up()

    assert rows(now.url, "SELECT path FROM endpoints") == [("/new",)]


@pytest.mark.parametrize("hours", [1, 20], ids=["hot", "packed"])
def test_what_results_name_stays(now: Time, hours: int) -> None:
    now.write("seldom", "other")
    now.ms += hours * HOUR_MS
    now.write("new")

    now.keep_up()

    assert told(now.url) == ["seldom", "other", "new"]


def test_a_text_that_is_used_again_and_again_keeps_its_id(now: Time) -> None:
    ids = set()
    for _ in range(6):
        now.ms += DAY_MS // 2
        now.write("often", "now")
        now.keep_up()
        ids.update(rows(now.url, "SELECT id FROM snippets WHERE text = 'often'"))

    assert len(ids) == 1


def test_a_text_that_comes_back_gets_a_new_row_by_the_same_writer(now: Time) -> None:
    now.write("old")
    now.ms += 3 * DAY_MS
    now.write("new")
    now.keep_up()
    gone = "old" not in now.texts

    now.write("new", "old", at=now.ms + 1)

    assert gone
    assert told(now.url) == ["new", "new", "old"]


def test_the_id_of_a_text_that_went_is_not_given_again(now: Time) -> None:
    now.write("first", "second")
    [(newest,)] = rows(now.url, "SELECT max(id) FROM snippets")
    now.ms += 3 * DAY_MS
    now.keep_up()

    now.write("third")

    [(given,)] = rows(now.url, "SELECT id FROM snippets WHERE text = 'third'")
    assert given > newest


def test_old_results_that_come_while_they_go_name_no_text_that_went(now: Time) -> None:
    now.write("imported", "other", at=FIRST - 100 * DAY_MS)
    now.keep_up()
    now.ms += DAY_MS
    now.keep_up()

    now.write("imported", at=FIRST - 100 * DAY_MS)

    assert told(now.url) == ["imported"]


def test_what_waited_for_longer_than_texts_are_kept_is_written_with_its_text(now: Time) -> None:
    now.write("told", "other")
    now.ms += 3 * DAY_MS
    now.keep_up()

    now.write("told", at=FIRST + DAY_MS)

    assert told(now.url) == ["told"]


def test_texts_of_a_clock_that_was_ahead_stay_with_their_results(now: Time) -> None:
    now.write("ahead", "other", at=FIRST + 5 * DAY_MS)
    now.ms += 5 * DAY_MS + HOUR_MS
    now.write("new")

    now.keep_up()

    assert told(now.url) == ["ahead", "other", "new"]


def test_a_writer_may_be_late_by_six_hours(now: Time) -> None:
    now.write("imported", "other", at=FIRST - 100 * DAY_MS)
    late = now.ms
    now.ms += 6 * HOUR_MS
    now.keep_up()
    now.ms = late

    now.write("imported", at=FIRST - 50 * DAY_MS)

    assert told(now.url) == ["imported"]


def test_a_step_deletes_a_bounded_share(now: Time) -> None:
    now.write(*[f"text {n}" for n in range(TEXTS_A_STEP + 51)])
    now.ms += 3 * DAY_MS
    with connected(now.url, Access.WRITE) as connection:
        connection.exec_driver_sql("DELETE FROM results")

    left = [(more(now), len(now.texts)) for _ in range(3)]

    assert left == [(True, 51), (True, 1), (False, 1)]


def more(now: Time) -> bool:
    with connected(now.url, Access.WRITE) as connection:
        return step(connection, now.ms)


def test_a_text_that_a_writer_is_about_to_use_is_passed_over(fresh_postgres: Fresh) -> None:
    now = Time(fresh_postgres())
    now.write("a: unused", "b: held", "c: newest")
    now.ms += 3 * DAY_MS
    with connected(now.url, Access.WRITE) as writing:
        used = f"UPDATE snippets SET used_hour = {now.ms // HOUR_MS} WHERE text = 'b: held'"
        writing.exec_driver_sql(used)

        now.keep_up()

    assert now.texts == {"b: held", "c: newest"}


def test_texts_that_were_there_before_the_migration_stay_for_their_results(now: Time) -> None:
    now.write("new")
    with connected(now.url, Access.WRITE) as connection:
        connection.exec_driver_sql("INSERT INTO snippets (text) VALUES ('before'), ('newest')")

    now.keep_up()

    assert "before" in now.texts


def test_space_of_texts_is_given_back(fresh_sqlite: Fresh) -> None:
    now = Time(fresh_sqlite())
    [(empty,)] = rows(now.url, "PRAGMA page_count")
    now.write(*[f"{n} {'x' * 90}" for n in range(3000)])
    [(full,)] = rows(now.url, "PRAGMA page_count")
    now.ms += 3 * DAY_MS

    now.keep_up(Keep(raw_s=86_400, hour_s=86_400, day_s=86_400))

    assert rows(now.url, "PRAGMA page_count")[0][0] - empty < (full - empty) / 10


def test_a_file_that_grew_too_large_by_its_texts_keeps_its_newest(fresh_sqlite: Fresh) -> None:
    now = Time(fresh_sqlite())
    for hour in range(20):
        now.ms = FIRST + hour * HOUR_MS
        now.write(*[f"{hour} {n} {'x' * 90}" for n in range(300)])

    now.keep_up(Keep(size=1_000_000))

    assert 1000 < len(told(now.url)) < 5000


def write_and_forget(url: str, batches: Sequence[Sequence[Observation]]) -> None:
    """Import old results, which go at once, and their texts with them."""
    for batch in batches:
        clock = batch[0].at / 1000
        with closing(Writer(url, clock=lambda clock=clock: clock)) as writer:  # type: ignore[misc]
            writer.write(batch)
        with closing(Upkeep(url, KEEP)) as upkeep:
            while upkeep.step(batch[0].at + HOUR_MS):
                pass


@pytest.mark.parametrize("delay_s", [0.05, 0.1, 0.2, 0.4])
def test_a_kill_leaves_no_result_without_its_text(url: str, delay_s: float) -> None:
    batches = [
        [ok(at=FIRST + hours * HOUR_MS + n, snippet=f"{hours % 60} {n}") for n in range(100)]
        for hours in range(0, 2000, 7)
    ]
    process = multiprocessing.get_context("fork").Process(
        target=write_and_forget, args=(url, batches)
    )
    process.start()
    time.sleep(delay_s)

    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    leave(url)

    assert list(faults(url)) == []
