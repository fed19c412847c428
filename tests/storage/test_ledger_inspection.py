"""What verification finds in a ledger that somebody meddled with."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256

import pytest
from databases import AT, execute

from prober.errors import StoreUnfit
from prober.storage.inspection import Inspection, inspect
from prober.storage.ledger import Entry, Ledger

FORGED = sha256(b"t:forged").hexdigest()
ROW = "UPDATE forensic_ledger SET"


@pytest.fixture
def ten(url: str) -> str:
    """A database whose ledger has ten rows."""
    with closing(Ledger(url)) as ledger:
        ledger.append([Entry("t", str(n), AT + n) for n in range(1, 11)])
    return url


def look(url: str, expected: str | None = None) -> Inspection:
    return inspect(url, expected, lambda _: None)


@pytest.mark.parametrize(
    ("meddling", "row"),
    [
        ([f"{ROW} payload = 'forged' WHERE id = 4"], 4),
        ([f"{ROW} event = 'forged' WHERE id = 4"], 4),
        ([f"{ROW} hash = NULL WHERE id = 4"], 4),
        ([f"{ROW} payload = 'forged', hash = '{FORGED}' WHERE id = 4"], 4),
        ([f"{ROW} created_at = '2020-01-01 00:00:00' WHERE id = 4"], 4),
        (["DELETE FROM forensic_ledger WHERE id = 4"], 5),
        (["DELETE FROM forensic_ledger WHERE id < 4"], 4),
        ([f"{ROW} id = 99 WHERE id = 4", f"{ROW} id = 4 WHERE id = 5"], 4),
        ([f"{ROW} chain = NULL, payload = 'forged', hash = '{FORGED}' WHERE id = 4"], 5),
    ],
)
def test_meddling_is_found_at_its_row(ten: str, meddling: list[str], row: int) -> None:
    execute(ten, *meddling)

    found = look(ten)

    assert not found.well
    assert found.faults[0].id == row


def test_one_change_is_one_fault(ten: str) -> None:
    execute(ten, f"{ROW} payload = 'forged' WHERE id = 4")

    assert [str(fault) for fault in look(ten).faults] == [
        "row 4 (2026-09-21 14:13:20.004000): changed: its hash is not that of its event and payload"
    ]


def test_a_gap_names_the_rows_around_it(ten: str) -> None:
    execute(ten, "DELETE FROM forensic_ledger WHERE id IN (4, 5)")

    [fault] = look(ten).faults

    assert str(fault).startswith("row 6 (2026-09-21 14:13:20.006000): does not follow row 3:")


def test_a_row_slipped_in_at_the_end_of_another_program_is_only_counted(ten: str) -> None:
    execute(ten, "INSERT INTO forensic_ledger (event, payload) VALUES ('t', 'x')")

    found = look(ten)

    assert (found.well, found.rows, found.open) == (True, 11, 1)


def test_a_removed_end_is_found_by_the_head_alone(ten: str) -> None:
    head = look(ten).head
    execute(ten, "DELETE FROM forensic_ledger WHERE id > 8")

    assert look(ten).well
    assert not look(ten, head).well


def test_a_head_is_still_found_after_the_ledger_has_grown(ten: str) -> None:
    head = look(ten).head
    with closing(Ledger(ten)) as ledger:
        ledger.append([Entry("t", "more", AT)])

    found = look(ten, head.upper())

    assert (found.well, found.expected_at) == (True, 10)


def test_a_ledger_without_a_chain_can_not_be_inspected(ten: str) -> None:
    execute(ten, "ALTER TABLE forensic_ledger DROP COLUMN chain")

    with pytest.raises(StoreUnfit, match=r"forensic_ledger\.chain"):
        look(ten)


def test_passed_rows_are_told_in_stretches(url: str) -> None:
    stretches: list[int] = []
    with closing(Ledger(url)) as ledger:
        ledger.append([Entry("t", str(n), AT) for n in range(2001)])

    inspect(url, None, stretches.append)

    assert stretches == [1000, 1000, 1]
