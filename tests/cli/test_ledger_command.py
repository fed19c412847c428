"""`prober ledger verify`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from commands import Configure, Invoke, on_terminal
from databases import AT, execute

from prober.storage import migrate
from prober.storage.ledger import Entry, Ledger


@pytest.fixture
def config(configure: Configure, tmp_path: Path) -> Path:
    """A configuration whose ledger has five rows."""
    migrate.upgrade(database(tmp_path))
    with closing(Ledger(database(tmp_path))) as ledger:
        ledger.append([Entry("t", str(n), AT) for n in range(5)])
    return configure("name: madre, url: 'http://127.0.0.1:1'")


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/p.db"


def head(output: str) -> str:
    return output.split()[-1]


def test_a_whole_ledger_is_well(invoke: Invoke, config: Path) -> None:
    done = invoke("ledger", "verify", "-c", config)

    assert (done.exit_code, len(head(done.output))) == (0, 64)
    assert done.output.startswith("5 rows, head ")


def test_a_changed_row_is_named(invoke: Invoke, config: Path, tmp_path: Path) -> None:
    execute(database(tmp_path), "UPDATE forensic_ledger SET payload = 'x' WHERE id = 2")

    done = invoke("ledger", "verify", "-c", config)

    assert done.exit_code == 1
    assert done.output.startswith("row 2 (2026-09-21 14:13:20.000000): changed")


def test_a_removed_end_is_found_with_the_head_of_before(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    before = head(invoke("ledger", "verify", "-c", config).output)
    assert invoke("ledger", "verify", "-c", config, "--expect", before).exit_code == 0
    execute(database(tmp_path), "DELETE FROM forensic_ledger WHERE id = 5")

    done = invoke("ledger", "verify", "-c", config, "--expect", before)

    assert done.exit_code == 1
    assert done.output.startswith("the expected head is missing")


def test_rows_that_are_not_chained_yet_are_told(
    invoke: Invoke, config: Path, tmp_path: Path
) -> None:
    execute(database(tmp_path), "INSERT INTO forensic_ledger (event) VALUES ('theirs')")

    done = invoke("ledger", "verify", "-c", config)

    assert done.exit_code == 0
    assert "6 rows, the last 1 of another program and not chained yet" in done.output


def test_many_faults_are_cut_short(invoke: Invoke, config: Path, tmp_path: Path) -> None:
    with closing(Ledger(database(tmp_path))) as ledger:
        ledger.append([Entry("t", str(n), AT) for n in range(150)])
    execute(database(tmp_path), "UPDATE forensic_ledger SET payload = 'x'")

    lines = invoke("ledger", "verify", "-c", config).output.splitlines()

    assert (len(lines), lines[-2]) == (102, "and 55 more")


def test_a_terminal_gets_a_bar(config: Path) -> None:
    assert "verifying" in on_terminal("ledger", "verify", "-c", config)


def test_a_database_that_is_not_there_is_an_error(invoke: Invoke, configure: Configure) -> None:
    done = invoke("ledger", "verify", "-c", configure("name: a, url: 'http://127.0.0.1:1'"))

    assert done.exit_code == 73
