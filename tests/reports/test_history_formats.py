from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from fleets import refusal, success

from prober.model import Result
from prober.reports.history import FIELDS, FORMATS


def text(format: str, results: list[Result]) -> str:
    return "".join(FORMATS[format](results))


def test_json_is_one_array_of_records() -> None:
    found = json.loads(text("json", [success(), refusal()]))

    assert [record["status"] for record in found] == ["OK", "BROKEN"]
    assert found[0] == {
        "checked_at": "2026-11-22T15:00:00.123Z",
        "status": "OK",
        "http_code": 200,
        "latency_ms": 12.345,
        "endpoint_ok": "/health",
        "snippet": '{"status":"ok"}',
        "reason": None,
        "phase": None,
    }


def test_json_without_results_is_an_empty_array() -> None:
    assert json.loads(text("json", [])) == []


@pytest.mark.parametrize("snippet", ["a,b", 'say "hi"', "two\\nlines", None])
def test_csv_is_read_back_as_it_was(snippet: str | None) -> None:
    (row,) = csv.DictReader(io.StringIO(text("csv", [success(snippet=snippet)])))

    assert tuple(row) == FIELDS
    assert row["snippet"] == (snippet or "")
    assert row["latency_ms"] == "12.345"


def test_the_table_has_a_heading_and_a_line_per_result() -> None:
    heading, first, second = text("table", [success(), refusal()]).splitlines()

    assert heading.split()[:3] == ["CHECKED_AT", "STATUS", "CODE"]
    assert first.split()[:4] == ["2026-11-22T15:00:00.123Z", "OK", "200", "12"]
    assert heading.index("STATUS") == first.index("OK") == second.index("BROKEN")


@pytest.mark.parametrize("format", FORMATS)
def test_results_are_told_while_more_are_still_to_come(format: str) -> None:
    def endless() -> Iterator[Result]:
        while True:
            yield success()

    lines = FORMATS[format](endless())

    assert any("2026-11-22" in next(lines) for _ in range(3))
