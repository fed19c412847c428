from __future__ import annotations

from fleets import member, refusal, success
from rich.cells import cell_len

from prober.reports.table import align, render


def test_a_line_per_service_is_followed_by_counts_and_verdict() -> None:
    lines = render([member(success("a")), member(refusal("b"), critical=False)]).splitlines()

    assert [line.split()[:2] for line in lines[:3]] == [
        ["STATUS", "SERVICE"],
        ["OK", "a"],
        ["BROKEN", "b"],
    ]
    assert lines[-2:] == ["OK 1 · DEGRADED 0 · BROKEN 1 · UNKNOWN 0 of 2", "1/2 OK, b tolerated"]


def test_columns_are_aligned_by_the_cells_that_characters_fill() -> None:
    lines = align([("a", "|"), ("監視", "|"), ("e\u0301", "|")])

    assert {cell_len(line[: line.index("|")]) for line in lines} == {6}


def test_no_line_ends_in_spaces() -> None:
    text = render([member(success("a", snippet=None)), member(success("b"))])

    assert all(line == line.rstrip() for line in text.splitlines())
