from __future__ import annotations

from dataclasses import replace

from databases import AT, execute, ok, rows
from fleets import service

from prober.storage.reader import Reader
from prober.storage.renaming import rename
from prober.storage.runtime import RuntimeTable
from prober.storage.writer import Writer


def moments(url: str, name: str) -> list[int]:
    return [result.checked_at for result in Reader(url).results(name, newest_first=False)]


def test_history_goes_on_under_the_new_name(url: str) -> None:
    Writer(url).write([ok("old", AT)])

    assert rename(url, {"new": "old"}) == []

    Writer(url).write([ok("new", AT + 1)])
    assert (moments(url, "new"), Reader(url).names()) == ([AT, AT + 1], ["new"])


def test_a_rename_that_was_done_is_left_alone(url: str) -> None:
    Writer(url).write([ok("old", AT)])
    rename(url, {"new": "old"})

    assert (rename(url, {"new": "old"}), moments(url, "new")) == ([], [AT])


def test_history_under_both_names_stays_and_the_line_says_what_to_do(url: str) -> None:
    Writer(url).write([ok("old", AT), ok("new", AT + 1), ok("other", AT)])

    [line] = rename(url, {"new": "old", "another": "other"})

    assert "'old' and 'new'" in line and "prober export old" in line
    assert Reader(url).names() == ["another", "new", "old"]


def test_a_new_name_without_history_makes_room(url: str) -> None:
    Writer(url).write([ok("old", AT)])
    execute(url, "INSERT INTO services (name) VALUES ('new')")

    assert (rename(url, {"new": "old"}), moments(url, "new")) == ([], [AT])


def test_what_waited_under_the_old_name_is_written_under_the_new_one(url: str) -> None:
    writer = Writer(url)
    writer.write([ok("old", AT)])
    rename(url, {"new": "old"})
    writer.names = {"old": "new"}

    writer.write([ok("old", AT + 1)])

    assert (moments(url, "new"), Reader(url).names()) == ([AT, AT + 1], ["new"])


def test_a_row_of_the_runtime_table_keeps_its_id(url: str) -> None:
    name = "copilot_runtime_services"
    table = RuntimeTable(url, name, {"old": service("old")})
    table.write({"old": ok("old")})

    table.retarget({"new": replace(service("new"), was="old")})
    table.write({"new": ok("new", AT + 1)})

    assert rows(url, f"SELECT id, service_name FROM {name}") == [(1, "new")]
