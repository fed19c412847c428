"""Incidents, from changes of status."""

from __future__ import annotations

import pytest

from prober.model import Reason, Status, Transition
from prober.reports.incidents import Incident, Record, found, record

LETTERS = {s.value[0]: s for s in Status}
REASONS = {"t": Reason.TIMEOUT, "r": Reason.REFUSED}


def changes(*steps: tuple[int, str]) -> list[Transition]:
    """Steps like (100, "Bt"): at 100 BROKEN by a timeout."""
    return [
        Transition("madre", at, Status.UNKNOWN, LETTERS[what[0]], REASONS.get(what[1:]))
        for at, what in steps
    ]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], []),
        ([(0, "O"), (50, "D"), (60, "U")], []),
        ([(0, "O"), (50, "Bt"), (80, "O")], [(50, 80, 30, "t")]),
        ([(0, "O"), (50, "Bt")], [(50, None, 950, "t")]),
        ([(10, "Bt"), (20, "O"), (30, "Br"), (35, "D")], [(10, 20, 10, "t"), (30, 35, 5, "r")]),
        ([(10, "Bt"), (20, "U"), (60, "Br"), (65, "O")], [(10, 65, 15, "tr")]),
        ([(10, "Bt"), (20, "U"), (60, "Bt"), (65, "O")], [(10, 65, 15, "t")]),
        ([(10, "Bt"), (20, "U"), (60, "O")], [(10, 20, 10, "t")]),
        ([(10, "Bt"), (20, "U")], [(10, 20, 10, "t")]),
    ],
)
def test_incidents_are_the_broken_times(
    steps: list[tuple[int, str]], expected: list[tuple[int, int | None, int, str]]
) -> None:
    incidents = list(found(changes(*steps), until=1000))

    assert incidents == [
        Incident("madre", start, end, spent, tuple(REASONS[letter] for letter in reasons))
        for start, end, spent, reasons in expected
    ]


def test_the_record_takes_the_mean_of_what_is_over() -> None:
    incidents = list(found(changes((0, "B"), (10, "O"), (20, "B"), (50, "O"), (90, "B")), 100))

    assert record(incidents, well_ms=50) == Record(3, 20.0, 50 / 3)


def test_no_incidents_have_no_means() -> None:
    assert record([], well_ms=50) == Record(0, None, None)
